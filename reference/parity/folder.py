"""A folder of arrays: what each file is, and the verdict on all of them."""
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from .baselines import check_baselines
from .contrast import check_contrast
from .crf import FROM_PROBABILITIES, check_crf
from .network import Shapes, check_network
from .objective import check_objective
from .rows import FROM_LABELS, Arrays, Row, problem

__all__ = ['check_folder', 'find_kind', 'judge_pools', 'read_arrays']

#: Kind -> the arrays by which a file of it is known.
KINDS = {
    'contrast': r'step\d+\.',
    'CRF': r'(label|soft)\d+\.',
    'objective': r'(mask\d_raw|image2|crf_image)$',
    'baselines': r'loss_(er|ecr|min_pool|cls)$|grad_er_ecr\.|'
                 r'eps_.+_.+\.|max_(norm|onehot)\.',
    'network': r'(conv[456]|pred|pred_rv|cam_rv)$',
}
CHECKS = {
    'contrast': check_contrast,
    'CRF': check_crf,
    'objective': check_objective,
    'baselines': check_baselines,
    'network': check_network,
}
#: Pool -> least share of equal labels; a pool without is not judged.
SHARES = {FROM_LABELS: 0.99, FROM_PROBABILITIES.format(1): 0.98}


def check_folder(folder: str | Path) -> Iterator[Row]:
    """Recompute the arrays of every ``.npz`` file of a folder.

    Args:
        folder (str | Path): With any number of files, of any names.

    Yields:
        Row: One for each array that was compared, file by file, and one for
        each pool of labels.

    Raises:
        ValueError: There is no such file.
    """
    folder = Path(folder)
    paths = sorted(folder.glob('*.npz'))
    if not paths:
        raise ValueError(f'{folder}: expected .npz files, found none.')
    rows = []
    for path in paths:
        for row in _check_file(path):
            rows.append(replace(row, file=path.name))
            yield rows[-1]
    yield from judge_pools(rows)


def _check_file(path: Path) -> list[Row]:
    """Return the rows of a file."""
    try:
        arrays = read_arrays(path)
        kind = find_kind(arrays)
        if kind == 'network':
            rows = check_network(arrays, _read_shapes(path))
        else:
            rows = CHECKS[kind](arrays)
    except (ArithmeticError, LookupError, RuntimeError, TypeError,
            ValueError) as error:
        # Arrays of wrong shape or kind may raise any of these, anywhere.
        text = ' '.join(str(error).split())
        if not isinstance(error, ValueError):
            text = f'cannot be computed ({type(error).__name__}: {text})'
        return [problem('-', text)]
    return rows or [problem('-', 'the file has nothing to compare')]


def read_arrays(path: Path) -> Arrays:
    """Read all arrays of a file.

    Raises:
        ValueError: The file is damaged, or no archive of arrays.
    """
    try:
        with np.load(path) as file:
            return Arrays({key: file[key] for key in file.files})
    except Exception as error:  # A damaged archive may raise anything.
        raise ValueError('the file cannot be read as an archive of arrays '
                         f'({type(error).__name__}: {error})') from error


def find_kind(arrays: Arrays) -> str:
    """Tell from the names of its arrays what a file is.

    Raises:
        ValueError: It is none of the kinds.
    """
    for kind, marks in KINDS.items():
        if any(re.match(marks, key) for key in arrays):
            return kind
    names = ', '.join(sorted(arrays)[:3]) or 'none'
    raise ValueError(f'not recognised: expected arrays of '
                     f'{", ".join(KINDS)}, found {len(arrays)} ({names})')


def _read_shapes(path: Path) -> Shapes | None:
    """Find the list of shapes beside a file, that of its name first."""
    beside = sorted(
        path.parent.glob('*.json'),
        key=lambda one: (not one.name.startswith(path.stem), one.name))
    for one in beside:
        try:
            content = json.loads(one.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f'{one.name} beside it cannot be read '
                             f'({error})') from error
        if isinstance(content, dict) and 'conv1a.weight' in content:
            return content
    return None


def judge_pools(rows: list[Row]) -> list[Row]:
    """Judge rows of labels together.

    A grid of 16 x 16 has 256 labels, so three that differ would be more
    than one in a hundred: the share is taken over the folder.

    Args:
        rows (list[Row]): Rows, some of them with a pool.

    Returns:
        list[Row]: One for each pool.
    """
    judged = []
    for pool in sorted({row.pool for row in rows if row.pool}):
        members = [row for row in rows if row.pool == pool]
        equal = sum(row.equal for row in members)
        total = sum(row.total for row in members)
        row = Row(f'{len(members)} array(s)',
                  f'{pool}: {equal / max(total, 1):.2%} of {total} equal',
                  file='all')
        least = SHARES.get(pool)
        if least is not None:
            row = replace(
                row, tolerance=f'{least:.0%}',
                verdict='pass' if equal >= least * total else 'FAIL')
        judged.append(row)
    return judged
