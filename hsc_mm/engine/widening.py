"""First convolution of images of N bands, from weights for three."""
import torch
from torch import Tensor, nn

__all__ = ['widen', 'widen_when_loaded', 'widened']


def widen(weight: Tensor, channels: int) -> Tensor:
    r"""Spread weights for red, green and blue over N input channels.

    .. math:: W'_c = W_{c \bmod 3} / n_{c \bmod 3}

    where n counts the bands that share the weights of a colour. Bands that
    repeat the colours so have the same features as the colours had. One or
    two bands get the mean of the three, times 3 / N. timm's
    ``adapt_input_conv`` repeats the same way and scales all by 3 / N.

    Args:
        weight (Tensor): (D, 3, h, w).
        channels (int): N.

    Returns:
        Tensor: (D, N, h, w).
    """
    if channels < 3:
        mean = weight.sum(dim=1, keepdim=True) / channels
        return mean.repeat(1, channels, 1, 1)
    places = torch.arange(channels) % 3
    counts = torch.bincount(places).to(weight)
    return weight[:, places] / counts[places].view(1, -1, 1, 1)


def _fits(module: nn.Conv2d, weight: Tensor) -> bool:
    """Say whether a file has a convolution for three channels in place."""
    expected = (module.out_channels, 3, *module.kernel_size)
    return tuple(weight.shape) == expected


def _convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    return {
        name: module for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and module.groups == 1
        and module.in_channels != 3
    }


def widened(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of a file as :func:`widen_when_loaded` loads them.

    Args:
        model (nn.Module): For which they are.
        state (dict): Name -> tensor; stays as it is.
    """
    state = dict(state)
    for name, module in _convolutions(model).items():
        key = f'{name}.weight'
        if key in state and _fits(module, state[key]):
            state[key] = widen(state[key], module.in_channels)
    return state


def widen_when_loaded(model: nn.Module) -> None:
    """Let convolutions take weights for three channels, whatever theirs are.

    Weights that have as many channels as the convolution, those of a
    checkpoint of this model, are loaded as they are.

    Args:
        model (nn.Module): Before its weights are loaded; changed in place.
    """
    for module in _convolutions(model).values():
        module.register_load_state_dict_pre_hook(_hook)


def _hook(module: nn.Conv2d, state: dict, prefix: str, *args: object) -> None:
    weight = state.get(f'{prefix}weight')
    if weight is not None and _fits(module, weight):
        state[f'{prefix}weight'] = widen(weight, module.in_channels)
