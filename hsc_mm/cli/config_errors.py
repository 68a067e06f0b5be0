"""Sentences for what OpenMMLab finds wrong with a config."""
import os
import re
import sys
import traceback
from difflib import get_close_matches
from itertools import dropwhile
from typing import Any

from hsc_mm.utils.code import HOSTS
from hsc_mm.utils.numbers import nearest
from hsc_mm.utils.part_types import arguments_of
from hsc_mm.utils.picture_sizes import SIZE
from .own_errors import own_place

__all__ = ['config_key', 'host', 'innermost', 'local', 'registry']

_LONG = 300  # some messages of mmengine hold the config
# What torch says of tensors that do not go together.
_SHAPES = re.compile(
    r'expected input|size mismatch|must match|cannot be multiplied|'
    r'is invalid for input of size|Sizes of tensors|Expected \d\S* input|'
    r'Expected target size|weight tensor should be defined|'
    r'normalized_shape|running_mean should contain|must be Tensor, not')
_SHOWN = 'HSC_MM_TRACEBACK=1 shows what it was used for.'
_HOSTS = re.compile(rf'[\\/]({"|".join(HOSTS)})[\\/]')


def registry(error: BaseException) -> str | None:
    """Types and arguments of a config that are not there."""
    text = str(error)
    found = _locals_of(error, 'build_from_cfg')
    missing = re.match(r"['\"]?(\S+) is not in the (.+?) registry", text)
    if missing:
        registry = found.get('registry')
        known = _others(registry, missing[1])
        return (f'type {missing[1]!r} of the config: there is no such '
                f'{getattr(registry, "name", missing[2])}.'
                f'{_nearest_type(missing[1], known)} A class of your own '
                'needs its module in custom_imports.')
    if 'None is not a callable object' in text:
        from mmengine.registry import OPTIMIZERS
        name = (local(error, 'optimizer_cfg', kind=dict) or {}).get('type')
        return (f'optim_wrapper.optimizer.type {name!r}: there is no such '
                f'optimizer.{nearest(str(name), OPTIMIZERS.module_dict)}')
    layer = local(error, 'layer_type', 'padding_type', kind=str)
    if layer and text.strip('"\'').startswith('Cannot find'):
        from mmengine.registry import MODELS
        return (f'type {layer!r} of the config: mmcv has no such layer.'
                f'{nearest(layer, MODELS.module_dict)}')
    if not found or 'obj_cls' not in found:
        return None
    part = f'{found["obj_cls"].__name__} of the config' if hasattr(
        found['obj_cls'], '__name__') else 'config'
    wrong = re.search(r"unexpected keyword argument '(\w+)'", text)
    if isinstance(error, TypeError) and wrong and \
            wrong[1] in found.get('args', ()):
        known = arguments_of(found['obj_cls'])
        return (f'{part}: it has no argument {wrong[1]!r}.'
                f'{nearest(wrong[1], known)}' +
                f' It takes {", ".join(known)}.' * bool(known))
    if isinstance(error, TypeError) and 'required' in text:
        names = ', '.join(re.findall(r"'(\w+)'", text))
        return f'{part}: it needs the argument {names}. Add it.'
    if isinstance(error, TypeError | ValueError | AssertionError | LookupError
                  | AttributeError | ArithmeticError | RuntimeError):
        line = (text or f'{type(error).__name__} in '
                f'"{innermost(error)[1]}"').splitlines()[0]
        where = own_place(error)
        return (f'{part}: it rejects its arguments: {line} '
                f'({where or "HSC_MM_TRACEBACK=1 shows where"})')
    return None


def config_key(error: BaseException) -> str | None:
    """Keys that a config lacks."""
    lacks = re.search(r"'ConfigDict' object has no attribute '(\w+)'",
                      str(error))
    if lacks:
        return (f'config: the key {lacks[1]!r} is missing. Is this the config '
                'of the right stage?')
    return None


def host(error: BaseException) -> str | None:
    """What OpenMMLab refuses in words of its own."""
    file, code = innermost(error)
    wrong = re.fullmatch(r"(\S+) got an unexpected keyword argument '(\w+)'",
                         str(error))
    raised_by = _HOSTS.search(file)
    package, part, fits = _parts(error)
    if isinstance(error, TypeError) and wrong and fits and \
            wrong[1].endswith('.forward()'):
        return (f'{wrong[1].partition(".")[0]} of the config does not go '
                f'with {part} of {package}, which passes {wrong[2]!r} to it. '
                f'Choose another type. {_SHOWN}')
    if isinstance(error, TypeError) and wrong and any(
            _HOSTS.search(frame.f_code.co_filename)
            for frame in _walk(error)[:2]):
        return (f'config: {wrong[1]}, which its values go to, takes no '
                f'{wrong[2]!r}. Correct the key.')
    if raised_by and code.startswith(('raise', 'assert')):
        said = str(error).strip()
        line = (said or type(error).__name__).splitlines()[0]
        line = line if len(line) < _LONG else f'{line[:_LONG]} ...'
        return f'{line} (raised by {raised_by[1]})' + (
            '' if said or not part else
            f'. {part} does not support what the config asks of it. {_SHOWN}')
    line = (str(error).strip() or 'no text').splitlines()[0][:_LONG]
    if raised_by and isinstance(
            error, ArithmeticError | TypeError | ValueError | LookupError |
            AttributeError):
        of = f' ({part})' if part and fits else ''
        return (f'config: a value of it does not suit {raised_by[1]}{of}: '
                f'{type(error).__name__}: {line} (in "{code}"). {_SHOWN}')
    if package and fits and SIZE.search(line):
        return (f'{part} of {package} refuses a picture of this size: {line}. '
                'Enlarge it or leave it out; in a training, enlarge the crop. '
                f'"doctor" lists sizes. {_SHOWN}')
    if isinstance(error, RuntimeError | TypeError) and fits and \
            _SHAPES.search(line):
        return (f'{part} of {package}: {type(error).__name__}: {line}. '
                'Compare the channels, classes and sizes that the config '
                'gives it with those of the parts before it, and its type '
                'with what it is used for. If they are right, please report '
                f'it. {_SHOWN}')
    return None


def _parts(error: BaseException) -> tuple[str, str, bool]:
    """Return what of OpenMMLab an exception came out of.

    Returns:
        tuple: The package, '' where torch was called by something else; the
        classes, the inner last; whether that was on the way forward.
    """
    torch = os.path.join(os.path.dirname(os.path.abspath(
        getattr(sys.modules.get('torch'), '__file__', '') or 'torch')), '')
    frames = list(dropwhile(
        lambda frame: frame.f_code.co_filename.startswith(torch),
        _walk(error)))
    found = frames and _HOSTS.search(frames[0].f_code.co_filename)
    if not found:
        return '', '', False
    owners = [frame.f_locals['self'] for frame in frames[::-1]
              if 'self' in frame.f_locals
              and _HOSTS.search(frame.f_code.co_filename)]
    models = [one for one in owners if hasattr(one, 'forward')]
    names = dict.fromkeys(type(one).__name__ for one in models or owners[-1:])
    calls = {frame.f_code.co_name for frame in _walk(error)}
    return (found[1], ' > '.join([*names][-3:]),
            'forward' in calls and 'backward' not in calls)


def innermost(error: BaseException) -> tuple[str, str]:
    """Return file and line of code that raised an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    return (frames[-1].filename, frames[-1].line or 'raise') if frames else (
        '', '')


def _walk(error: BaseException) -> list:
    """Return the frames of a traceback, the innermost first."""
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)
            ][::-1]


def _locals_of(error: BaseException, function: str) -> dict[str, Any]:
    """Return the variables of the innermost call of a function."""
    return next((frame.f_locals for frame in _walk(error)
                 if frame.f_code.co_name == function), {})


def local(error: BaseException, *names: str,
           kind: Any = (str, os.PathLike)) -> Any:
    """Return a variable of one of the names, the innermost there is."""
    for frame in _walk(error):
        for name in names:
            if name in frame.f_locals and isinstance(
                    frame.f_locals[name], kind):
                return frame.f_locals[name]
    return None


def _others(registry: Any, name: str) -> list[str]:
    """List what a registry and its relatives hold, as configs write it."""
    if registry is None:
        return []
    root = registry._get_root_registry()
    found, todo = [], [root]
    while todo:
        one = todo.pop()
        todo += one.children.values()
        scope = f'{one.scope}.' if one.scope == 'hsc_mm' else ''
        found += [f'{scope}{key}' for key in one.module_dict]
    return [one for one in found if one != name]


def _nearest_type(name: str, known: list[str]) -> str:
    """Return `` Is "NAME" meant?``, whatever the prefix and the case."""
    bare = {one.rpartition('.')[2].lower(): one for one in known}
    near = get_close_matches(name.rpartition('.')[2].lower(), bare, 1)
    return f' Is "{bare[near[0]]}" meant?' if near else ''
