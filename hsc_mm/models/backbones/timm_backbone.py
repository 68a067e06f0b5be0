"""Backbones of timm: statistics that stay, the convolution of the head."""
from importlib.util import find_spec
from re import search
from typing import Any

from mmseg.models.backbones import TIMMBackbone as _TIMMBackbone
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm

from hsc_mm.registry import MODELS
from hsc_mm.utils.checkpoint_sources import check_named
from hsc_mm.utils.picture_sizes import SizeError

__all__ = ['TIMMBackbone']

_HUB = 'https://huggingface.co/'
# What the wrapper takes and a classifier's network does not.
_OF_FEATURES = ('features_only', 'out_indices', 'output_stride', 'init_cfg',
                'checkpoint_path', 'in_channels')


def _drop_head(module: 'TIMMBackbone', state: dict, prefix: str,
               *_: Any) -> None:
    """Drop the convolution of the head where it is not built."""
    if not module.conv_head:
        for part in ('conv_head', 'bn2'):
            start = f'{prefix}timm_model.{part}.'
            for key in [key for key in state if key.startswith(start)]:
                del state[key]


def _check_stages(name: str, kwargs: dict, error: Exception) -> None:
    """Refuse ``out_indices`` beyond the stages that a network has."""
    import timm
    found = kwargs.get('out_indices')
    if not isinstance(found, list | tuple):
        return
    same = {key: value for key, value in kwargs.items()
            if key not in _OF_FEATURES}
    last = len(timm.create_model(
        name, pretrained=False, features_only=True, **same
        ).feature_info.info) - 1
    wrong = [one for one in found if not -last - 1 <= one <= last]
    if wrong:
        raise ValueError(
            f'out_indices of backbone {name}: expected numbers from 0 to '
            f'{last}, as the network has {last + 1} stages, found '
            f'{tuple(found)}. Replace {", ".join(map(str, wrong))}.'
        ) from error


def _refuse_size(name: str, network: Module, inputs: Tensor,
                 error: AssertionError) -> None:
    """Say which argument fits a network to the size of its inputs."""
    text = str(error)
    height, width = inputs.shape[-2:]
    fixed = search(r"(height|width) \(\d+\) doesn't match model \((\d+)\)",
                   text)
    patch = search(r'divisible by patch size \((\d+)\)', text)
    if fixed:  # the text names one side, the layer that refuses has both
        sizes = [getattr(one, 'img_size', None) for one in network.modules()]
        wanted = next((f'{one[0]} x {one[1]} pixels' for one in sizes
                       if isinstance(one, list | tuple) and len(one) == 2
                       and int(fixed[2]) in one), f'{fixed[1]} {fixed[2]}')
        raise SizeError(
            f'backbone {name}: expected images of {wanted}, found {height} x '
            f'{width}. Add dynamic_img_size=True to model.backbone for '
            'crops and views of any size, or '
            f'img_size=({height}, {width}) for this one alone.') from error
    if patch:
        raise SizeError(
            f'backbone {name}: expected images whose sides are multiples of '
            f'{patch[1]}, found {height} x {width}. Choose such crops and '
            'views, or add dynamic_img_pad=True to model.backbone.'
        ) from error


@MODELS.register_module()
class TIMMBackbone(_TIMMBackbone):
    """mmseg's wrapper of timm's networks, with ``norm_eval``, ``conv_head``.

    mmseg's own networks take ``norm_eval``, its wrapper of timm does not.
    ``norm_layer`` cannot stand in for it: timm drops ``bn_eps`` when it is
    given, and puts its own class in its place. A hook would have to come
    back after each validation, which sets the mode of all modules.

    timm's features of an EfficientNet end with a linear bottleneck. The
    classifier that ImageNet trained reads another map, one convolution
    further: wider, and not negative. CAMs are better there after long
    trainings, and worse after short ones (docs/results-photographs.md).

    Args:
        model_name (str): Name of a network of timm.
        norm_eval (bool): Whether batch normalisation uses its running
            statistics in training too; scale and shift are trained.
        pretrained (bool): Whether timm fetches weights from its hub.
            ``init_cfg`` names a file or a package instead.
        conv_head (bool): Whether the last map goes through the convolution,
            the normalisation and the activation that an EfficientNet has in
            front of its classifier (1280 channels in Lite0).
        **kwargs: See mmseg's class, and ``timm.create_model``:
            ``output_stride``, ``out_indices``, ``pad_type``.

    Raises:
        OSError: timm is not installed, or weights of its hub cannot be
            fetched.
        ValueError: ``conv_head``, and the network has no such convolution;
            ``out_indices`` names a stage that there is not.
    """

    def __init__(self,
                 model_name: str,
                 norm_eval: bool = True,
                 pretrained: bool = False,
                 conv_head: bool = False,
                 **kwargs: Any) -> None:
        if find_spec('timm') is None:
            raise OSError(f'backbone {model_name}: timm is not installed; '
                          'run "pip install \'hsc_mm[timm]\'".')
        check_named(kwargs)
        self.norm_eval, self.conv_head = norm_eval, conv_head
        self.model_name = model_name
        try:
            super().__init__(model_name, pretrained=pretrained, **kwargs)
            if conv_head:
                self._add_conv_head(model_name, pretrained, kwargs)
        except (AssertionError, IndexError) as error:
            _check_stages(model_name, kwargs, error)
            raise
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

    def _add_conv_head(self, name: str, pretrained: bool, kwargs: dict
                       ) -> None:
        """Take the convolution out of the classifier's network."""
        import timm
        same = {key: value for key, value in kwargs.items()
                if key not in _OF_FEATURES}
        whole = timm.create_model(name, pretrained=pretrained, **same)
        parts = [getattr(whole, part, None) for part in ('conv_head', 'bn2')]
        width = self.timm_model.feature_info.channels()[-1]
        if None in parts or parts[0].in_channels != width:
            raise ValueError(
                f'conv_head: backbone {name} has no convolution between its '
                f'last output ({width} channels) and the pooling in front of '
                'its classifier. Leave conv_head out, or end out_indices with '
                'the last stage.')
        self.timm_model.conv_head, self.timm_model.bn2 = parts

    def init_weights(self) -> None:
        """Initialise; weights of a head that is not built are left out."""
        left_out = self.register_load_state_dict_pre_hook(_drop_head)
        try:
            super().init_weights()
        finally:
            left_out.remove()

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``out_indices``, the last by ``conv_head``.

        Args:
            inputs (Tensor): Images, (B, 3, H, W), or of other bands.

        Returns:
            tuple[Tensor]: (B, D, h, w) each, also of networks whose own
            maps are (B, h, w, D), such as Swin.

        Raises:
            SizeError: The network takes images of another size only.
        """
        try:
            maps = super().forward(inputs)
        except AssertionError as error:
            _refuse_size(self.model_name, self.timm_model, inputs, error)
            raise
        # Networks that have no such attribute are NCHW.
        if getattr(self.timm_model, 'output_fmt', 'NCHW') == 'NHWC':
            maps = [one.permute(0, 3, 1, 2).contiguous() for one in maps]
        *maps, last = maps
        if self.conv_head:
            last = self.timm_model.bn2(self.timm_model.conv_head(last))
        return *maps, last

    def train(self, mode: bool = True) -> 'TIMMBackbone':
        """Set the mode; batch normalisation stays as ``norm_eval`` says."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
