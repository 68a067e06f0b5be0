"""Dense CRF from labels and from probabilities."""
import re

import torch
from torch import Tensor

from hsc_mm.functional.grid_crf import crf_from_labels, pairwise_matrix
from .rows import (
    FROM_LABELS,
    Arrays,
    MissingArrayError,
    Row,
    count_equal,
    problem,
)

__all__ = ['FROM_PROBABILITIES', 'check_crf', 'mean_field']

#: Pools of what a CRF made of probabilities, by the number of steps.
FROM_PROBABILITIES = 'CRF from probabilities, t = {}'

#: Kernels for full images: s_xy and weight; s_xy, s_rgb and weight.
FULL_IMAGE = dict(gaussian=(3, 3), bilateral=(80, 13, 10))
#: Pixels; the exact kernel of that many takes 1.6 GB, and some time four
#: times as much.
MOST_PIXELS = 20000
#: Classes of the labels where no probabilities tell how many there are.
NUM_CLASSES = 21


@torch.no_grad()
def mean_field(prob: Tensor, pairwise: Tensor, steps: int) -> Tensor:
    r"""Mean field from probabilities, with an exact kernel.

    .. math:: Q \leftarrow \mathrm{softmax}(-U + W Q), \quad
              U = -\log \max(p, 10^{-5})

    Args:
        prob (Tensor): p, (C, h, w).
        pairwise (Tensor): W, (h * w, h * w), of
            :func:`hsc_mm.functional.grid_crf.pairwise_matrix`.
        steps (int): Steps of mean field.

    Returns:
        Tensor: Q, (C, h, w).
    """
    score = prob.flatten(1).float().clamp(min=1e-5).log()
    current = score.softmax(dim=0)
    for _ in range(steps):
        current = (score + current @ pairwise).softmax(dim=0)
    return current.view_as(prob)


def check_crf(arrays: Arrays) -> list[Row]:
    """Count the labels on which a CRF agrees.

    The stored ones were computed by a permutohedral lattice, which
    approximates the kernel; it is exact here. So labels are counted, over
    all arrays of a folder. From labels, and from probabilities after one
    step, the share is judged. After more steps from probabilities it is for
    information: most pixels of random probabilities are undecided at first,
    the error of the lattice decides to which class a region falls, and it
    spreads from step to step. pydensecrf, with the kernels of
    ``FULL_IMAGE``, gives the stored probabilities bit by bit, so that the
    lattice is all that differs.

    Args:
        arrays (Arrays): ``label{i}.*`` (``image``, ``labels``, ``prob``,
            ``out``) and ``soft{i}.*`` (``image``, ``unary_prob``,
            ``prob_t{steps}``).

    Returns:
        list[Row]: Shares, without a verdict.
    """
    rows = []
    names = {match[0] for match in
             (re.match(r'(label|soft)\d+(?=\.)', key) for key in arrays)
             if match}
    for name in sorted(names):
        check = _check_labels if name.startswith('label') else _check_soft
        try:
            rows += check(arrays, name)
        except MissingArrayError as error:
            rows.append(problem(name, str(error)))
    return rows


def _image(arrays: Arrays, name: str) -> Tensor:
    """Return the image of a CRF, (1, 3, h, w)."""
    return arrays.tensor(f'{name}.image').permute(2, 0, 1)[None].float()


def _check_labels(arrays: Arrays, name: str) -> list[Row]:
    """Compare a CRF from labels."""
    if f'{name}.out' not in arrays:
        return []
    prob = arrays.get(f'{name}.prob')
    labels = arrays.tensor(f'{name}.labels')[None, None]
    found = crf_from_labels(labels, pairwise_matrix(_image(arrays, name)),
                            NUM_CLASSES if prob is None else len(prob))
    return [
        count_equal(f'{name}.out', FROM_LABELS, found[0, 0],
                    arrays[f'{name}.out'])
    ]


def _check_soft(arrays: Arrays, name: str) -> list[Row]:
    """Compare a CRF from probabilities, after every stored step."""
    steps = sorted(int(match[1]) for match in
                   (re.fullmatch(rf'{name}\.prob_t(\d+)', key)
                    for key in arrays) if match)
    if not steps:
        return []
    prob, image = arrays.tensor(f'{name}.unary_prob'), _image(arrays, name)
    pixels = image[0, 0].numel()
    if pixels > MOST_PIXELS:
        return [
            Row(f'{name}.prob_t{step}',
                f'not compared: the exact kernel of {pixels} pixels would '
                f'take {4 * pixels**2 / 1e9:.0f} GB') for step in steps
        ]
    pairwise = pairwise_matrix(image, **FULL_IMAGE)[0]
    return [
        count_equal(
            f'{name}.prob_t{step}', FROM_PROBABILITIES.format(step),
            mean_field(prob, pairwise, step).argmax(0),
            arrays[f'{name}.prob_t{step}'].argmax(0)) for step in steps
    ]
