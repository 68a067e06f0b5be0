"""Checks of a model whose ONNX file is to predict the same."""
from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import CascadeEncoderDecoder, EncoderDecoder
from torch import nn

from hsc_mm.models.segmentors.cam_predictor import CAMPredictor
from hsc_mm.models.segmentors.cam_segmentor import CAMSegmentor

__all__ = ['check_model']

#: Methods between the outputs of the graph and what is predicted.
_OF_SEEDS = ('postprocess_result', 'make_cams', 'finish')
_OF_MASKS = ('predict', 'inference', 'whole_inference', 'encode_decode',
             'postprocess_result')


def check_model(model: nn.Module) -> None:
    """Refuse a model whose prediction is more than its graph.

    Raises:
        ValueError: It is; the message says by what.
    """
    if getattr(model, 'predicts_seeds', False):
        _check_methods(model, CAMPredictor, _OF_SEEDS)
        if isinstance(model, CAMSegmentor):
            _check_methods(model, CAMSegmentor, ('predict', 'predict_cam'))
        return
    head = getattr(model, 'decode_head', None)
    plain = isinstance(model, EncoderDecoder) and not isinstance(
        model, CascadeEncoderDecoder) and isinstance(head, BaseDecodeHead)
    same = plain and all(
        getattr(type(head), name) is getattr(BaseDecodeHead, name)
        for name in ('predict', 'predict_by_feat'))
    whole = plain and model.test_cfg.get('mode', 'whole') == 'whole'
    if not (same and whole and head.out_channels > 1):
        raise ValueError(
            f'model {type(model).__name__}: expected a model of the CAM '
            'stage, or an EncoderDecoder of mmseg with test_cfg.mode="whole" '
            'and a head that predicts by its logits, of two classes or more.')
    _check_methods(model, EncoderDecoder, _OF_MASKS)


def _check_methods(model: nn.Module, base: type,
                   names: Sequence[str]) -> None:
    """Refuse a model that predicts by methods of its own."""
    own = [name for name in names
           if getattr(type(model), name) is not getattr(base, name)]
    if own:
        raise ValueError(
            f'model {type(model).__name__}: expected one that predicts as '
            f'{base.__name__} does, found its own {", ".join(own)}(). The '
            'ONNX file would hold the network without it, and predict '
            'something else.')
