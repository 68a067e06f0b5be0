"""Conversion of weights of other projects to checkpoints."""
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.outputs import claim_file
from hsc_mm.version import __version__
from .mxnet import is_params, read_params, rename_mxnet
from .release import (
    BACKGROUNDS,
    SOURCES,
    add_counters,
    guess_source,
    read_release,
    rename_release,
)
from .weight_checks import expected_shapes, find_problems, outputs

__all__ = ['convert']


def convert(src: str | Path,
            dst: str | Path,
            source: str = 'auto',
            background: str | None = None,
            num_classes: int = 21) -> dict:
    """Convert weights of ResNet-38d, and of the head if there is one.

    ``read -> compare with the network -> rename -> write``

    Args:
        src (str | Path): A ``.params`` file of MXNet, or a checkpoint.
        dst (str | Path): Checkpoint to write, whole or not at all. It goes
            into ``load_from``, or with the prefix ``backbone.`` into a
            ``Pretrained`` initialiser.
        source (str): ``auto``, or a key of ``SOURCES``.
        background (str, optional): Which channel of the classifier in
            ``src`` is the background: ``first``, ``last`` or ``none``. None
            stands for what that source publishes.
        num_classes (int): C, the background included; a classifier must
            have as many channels (one less with ``none``).

    Returns:
        dict: What is written: ``state_dict`` and ``meta``.

    Raises:
        FileExistsError: ``dst`` is there and was not written here.
        OSError: A file cannot be read or written.
        ValueError: An argument is out of range, or ``src`` is damaged or
            not what ``source`` says.
    """
    _check_arguments(src, dst, source, background)
    state, source = _read(Path(src), source)
    if background is None:
        background = SOURCES[source].background
    problems = find_problems(state, expected_shapes(state, source))
    problems += _classifier_problem(state, background, num_classes)
    if problems:
        raise ValueError(
            f'{src}: expected ResNet-38d as in source "{source}". '
            f'{"; ".join(problems)}. Name another --source, or fetch the '
            'file again.')
    state = rename_release(state, source, background)
    meta = dict(source=source, hsc_mm_version=__version__)
    if SOURCES[source].head:
        meta['background'] = background
    checkpoint = dict(state_dict=state, meta=meta)
    buffer = BytesIO()
    torch.save(checkpoint, buffer)
    atomic_write_bytes(
        claim_file(dst, [src], 'dst'), buffer.getvalue())
    return checkpoint


def _check_arguments(src: str | Path, dst: str | Path, source: str,
                     background: str | None) -> None:
    """Raise ValueError for what cannot be meant."""
    if source not in ('auto', *SOURCES):
        raise ValueError(f'source: expected auto or one of '
                         f'{", ".join(SOURCES)}, found "{source}".')
    if background not in (None, *BACKGROUNDS):
        raise ValueError(f'background: expected one of '
                         f'{", ".join(BACKGROUNDS)}, found "{background}".')
    if Path(src).resolve() == Path(dst).resolve():
        raise ValueError(f'{dst}: expected another file than the one that is '
                         'converted. Choose another name.')


def _read(src: Path, source: str) -> tuple[dict[str, Tensor], str]:
    """Read a file of either kind; return tensors and source."""
    if source == 'mxnet' or (source == 'auto' and is_params(src)):
        return add_counters(rename_mxnet(read_params(src))), 'mxnet'
    state = add_counters(read_release(src))
    if source != 'auto':
        return state, source
    try:
        return state, guess_source(state)
    except ValueError as error:
        raise ValueError(f'{src}: {error}. Name the file of a CAM network, '
                         'or its --source.') from error


def _classifier_problem(state: dict[str, Tensor], background: str | None,
                        num_classes: int) -> list[str]:
    """Compare the classifier with the number of classes."""
    if 'fc8.weight' not in state:
        return []
    expected = num_classes - (background == 'none')
    found = outputs(state, 'fc8.weight')
    if found == expected:
        return []
    return [f'fc8.weight has {found} channels instead of {expected} (for '
            f'--num-classes {num_classes} and --background {background})']
