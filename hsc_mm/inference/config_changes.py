"""Changes of a config for a test or a prediction: views, CRF, no masks."""
import copy

from mmengine.config import Config

from hsc_mm.datasets import build
from hsc_mm.registry import MODELS
from hsc_mm.utils.part_types import class_of, type_name
from hsc_mm.utils.wrappers import leaves

__all__ = ['use_crf', 'use_tta', 'without_truth']

_CRF = 'CRFRefinedSegmentor'
_SEG_TTA = 'hsc_mm.SegTTAModel'


def use_tta(cfg: Config, required: bool = True) -> Config:
    """Return a copy of a config, its test at several scales and flip.

    :class:`hsc_mm.SegTTAModel` stands in for mmseg's class of that name.

    Args:
        cfg (Config): The config.
        required (bool): Whether a ``tta_pipeline`` has to be there; otherwise
            a config without one is returned as it is, and tests one scale.

    Raises:
        ValueError: The config has no ``tta_pipeline`` or ``tta_model``, or
            the pipeline flips twice.
    """
    if not required and cfg.get('tta_pipeline') is None:
        return cfg
    for key in ('tta_pipeline', 'tta_model'):
        if cfg.get(key) is None:
            raise ValueError(f'--tta: expected {key} in the config '
                             f'{cfg.filename}, found none.')
    flips = [choices for step in cfg.tta_pipeline
             for choices in step.get('transforms') or ()
             if any(type_name(one) == 'RandomFlip' for one in choices)]
    if len(flips) > 1:  # a sample notes the last one, and is turned back by it
        raise ValueError(
            f'tta_pipeline of {cfg.filename}: expected one list of '
            f'RandomFlip, found {len(flips)}. Put all flips into one.')
    cfg = copy.deepcopy(cfg)
    for dataset in leaves(build.split_options(cfg, 'test')):
        dataset.pipeline = cfg.tta_pipeline
    if type_name(cfg.model) == _CRF:  # merges views itself
        return cfg
    known = class_of(MODELS, cfg.tta_model)
    if type_name(cfg.tta_model) == 'SegTTAModel' and (
            known.__module__.startswith(('mmseg.', 'hsc_mm.'))):
        cfg.tta_model.type = _SEG_TTA
    cfg.tta_model.module = cfg.model
    cfg.model = cfg.tta_model
    return cfg


def use_crf(cfg: Config, **crf) -> Config:
    """Let a dense CRF refine what the test of a segmentor predicts.

    Args:
        cfg (Config): Config of a segmentation stage, after :func:`use_tta`
            or before; stays as it is.
        **crf: Arguments of :class:`hsc_mm.crf.DenseCRF`; None counts as not
            given. They replace those of a config whose model (or
            ``tta_model``) is a :class:`hsc_mm.CRFRefinedSegmentor` already.

    Returns:
        Config: The switched copy.

    Raises:
        ValueError: The model merges views in a way of its own, or makes
            CAMs.
    """
    cfg = copy.deepcopy(cfg)
    crf = {key: value for key, value in crf.items() if value is not None}
    model = cfg.model
    if type_name(model) == _CRF:
        model.crf = {**(model.get('crf') or {}), **crf}
        return cfg
    if type_name(model) == 'SegTTAModel':
        model = model.module
    elif 'module' in model or getattr(
            class_of(MODELS, model), 'predicts_seeds', False):
        raise ValueError(
            f'--crf: expected a segmentor, or SegTTAModel around one, found '
            f'{model.type} in {cfg.filename}. For CAMs, '
            'python -m hsc_mm make_pseudo_labels has --crf.')
    cfg.model = dict(type=f'hsc_mm.{_CRF}', module=model, crf=crf)
    return cfg


def without_truth(cfg: Config) -> Config:
    """Return a copy of a config whose test reads images and no masks."""
    cfg = copy.deepcopy(cfg)
    for dataset in leaves(build.split_options(cfg, 'test')):
        dataset.pipeline = build.without_truth(dataset.pipeline)
        if dataset.get('data_prefix'):
            dataset.data_prefix.pop('seg_map_path', None)
    return cfg
