"""Backbones of timm, whose batch normalisation keeps its statistics."""
from importlib.util import find_spec
from typing import Any

from mmseg.models.backbones import TIMMBackbone as _TIMMBackbone
from torch.nn.modules.batchnorm import _BatchNorm

from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoint_sources import check_named

__all__ = ['TIMMBackbone']

_HUB = 'https://huggingface.co/'


@MODELS.register_module()
class TIMMBackbone(_TIMMBackbone):
    """mmseg's wrapper of timm's networks, with ``norm_eval``.

    mmseg's own networks take ``norm_eval``, its wrapper of timm does not.
    ``norm_layer`` cannot stand in for it: timm drops ``bn_eps`` when it is
    given, and puts its own class in its place. A hook would have to come
    back after each validation, which sets the mode of all modules.

    Args:
        model_name (str): Name of a network of timm.
        norm_eval (bool): Whether batch normalisation uses its running
            statistics in training too; scale and shift are trained.
        pretrained (bool): Whether timm fetches weights from its hub.
            ``init_cfg`` names a file or a package instead.
        **kwargs: See mmseg's class, and ``timm.create_model``:
            ``output_stride``, ``out_indices``, ``pad_type``.

    Raises:
        OSError: timm is not installed, or weights of its hub cannot be
            fetched.
    """

    def __init__(self,
                 model_name: str,
                 norm_eval: bool = True,
                 pretrained: bool = False,
                 **kwargs: Any) -> None:
        if find_spec('timm') is None:
            raise OSError(f'backbone {model_name}: timm is not installed; '
                          'run "pip install \'hsc_mm[timm]\'".')
        check_named(kwargs)
        self.norm_eval = norm_eval
        try:
            super().__init__(model_name, pretrained=pretrained, **kwargs)
        except OSError as error:  # those of huggingface_hub are of this kind
            from timm import get_pretrained_cfg
            known = get_pretrained_cfg(model_name)
            if not pretrained or known is None:
                raise
            reason = str(error).partition('. ')[0]
            raise OSError(
                f'backbone {model_name}: its weights, '
                f'{_HUB}{known.hf_hub_id}, cannot be fetched ({reason}). '
                'Fetch model.safetensors on a machine with network access and '
                'name the file: --cfg-options '
                'model.backbone.pretrained_cfg_overlay.file=FILE') from error

    def train(self, mode: bool = True) -> 'TIMMBackbone':
        """Set the mode; batch normalisation stays as ``norm_eval`` says."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
