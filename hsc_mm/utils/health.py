"""Signs of a training that went wrong, and the file that records them."""
import math
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

from .io import read_json, write_json
from .outputs import claim

__all__ = [
    'HEALTH', 'META_KEY', 'UNSCORED', 'LossWatch', 'finding', 'read_health',
    'spoken', 'write_health'
]

#: Name of the file in the work folder of a training.
HEALTH = 'health.json'
#: Entry of ``meta`` in a checkpoint with the same findings.
META_KEY = 'health'
# A smoothed loss this much above its minimum is a jump, if it is also above
# the loss of the label prior.
_JUMP = 3.0
# A loss above this share of the prior's is no better than the prior.
_AS_BAD = 0.95
# The loss is smoothed over as many iterations, and over as many images.
_ITERATIONS, _IMAGES = 10, 64
# The end of a run is as many times that.
_TAIL = 5

_ADVICE = dict(
    jump='Do not trust its masks, even where the loss came down again: clip '
    'the gradients (optim_wrapper.clip_grad.max_norm=10; 5 where it is 10) or '
    'lower optim_wrapper.optimizer.lr, and train again.',
    prior='Its CAMs are unusable. Train longer, start from pretrained '
          'weights, and check that the image labels are those of the '
          'pictures.',
    embedding='The contrast cannot learn from them: its loss stays near '
    'weight x ln C. Lower the learning rate of decode_head.embeddings.',
    broken='Nothing was saved of it since the last checkpoint. Clip the '
    'gradients (optim_wrapper.clip_grad.max_norm=10; 5 where it is 10), lower '
    'optim_wrapper.optimizer.lr, and start again, or resume from a checkpoint '
    'well before this.',
    random='Masks mean little unless it is trained long, on many pictures. '
    'Name weights: model.backbone.init_cfg=dict(type="Pretrained", '
    'checkpoint=FILE), or load_from=FILE.',
    unscored='There were no masks to compare with. Judge by the pictures, or '
    'draw masks of a few of them.')


def finding(kind: str, text: str) -> dict[str, str]:
    """Return a finding: its kind, what was found, and what to do."""
    return dict(kind=kind, text=text, advice=_ADVICE[kind])


#: Record of results that no mask was compared with.
UNSCORED = dict(findings=[finding('unscored', 'nothing was scored')])


class LossWatch:
    """Watch of a classification loss, one value an iteration.

    The loss is smoothed by the median of its last iterations: at least 10,
    and as many as hold 64 images. It *jumps* where the smoothed loss is more
    than three times its minimum so far and above the loss of the label
    prior, which is the loss of a constant prediction: of each class its
    frequency. It is *no better than the prior* where the mean of the last
    iterations (five times as many, at most half of all) is not 5 % below
    that.

    Args:
        prior (float, optional): Loss of the label prior. Where it is not
            known, or 0, the first value of the loss stands for it in the
            rule of jumps, and the other rule is not applied.
        batch_size (int): Images in an iteration.
    """

    def __init__(self, prior: float | None, batch_size: int) -> None:
        self.prior = prior or None
        self.window = max(_ITERATIONS, math.ceil(_IMAGES / batch_size))
        self._last: deque[float] = deque(maxlen=_TAIL * self.window)
        self._count = 0
        self._bound = self.prior or 0.0
        self.lowest = math.inf
        self.jump: tuple[int, float, float] | None = None

    def update(self, iteration: int, value: float) -> bool:
        """Take the loss of an iteration, from 1; say if it jumps just now."""
        if not self._count:
            self._bound = self._bound or value
            # One batch says little: the start is no minimum.
            self.lowest = max(value, self._bound)
        self._last.append(value)
        self._count += 1
        if self._count < self.window:
            return False
        level = median(self._tail(self.window))
        new = False
        if level > max(_JUMP * self.lowest, self._bound):
            new = self.jump is None
            first, before, peak = self.jump or (iteration, self.lowest, 0.0)
            self.jump = first, before, max(peak, level)
        self.lowest = min(self.lowest, level)
        return new

    def _tail(self, count: int) -> list[float]:
        return list(self._last)[-count:]

    def findings(self, ended: bool = True) -> list[dict[str, str]]:
        """Return what is wrong; the rules need a full window.

        Args:
            ended (bool): Whether the last value is compared with the prior.
        """
        found, prior = [], ''
        if self.prior:
            prior = (f'{self.prior:.2f}, the loss of a constant prediction '
                     'of the class frequencies')
        if self.jump:
            first, before, peak = self.jump
            found.append(finding(
                'jump', f'the classification loss jumped from {before:.2f} '
                f'to {peak:.2f}, beginning at iteration {first}' +
                f' (above {prior})' * bool(prior)))
        if ended and self.prior and self._count >= self.window:
            end = fmean(  # one wild batch does not count for many
                min(value, _JUMP * self.prior)
                for value in self._tail(max(self.window, self._count // 2)))
            if end > _AS_BAD * self.prior:
                found.append(finding(
                    'prior', f'the classification loss ended at {end:.2f}, '
                    f'no better than {prior}'))
        return found


def write_health(folder: str | Path, content: dict) -> None:
    """Write :data:`HEALTH` of a work folder, whole or not at all.

    Args:
        folder (str | Path): The work folder.
        content (dict): ``start``, where the weights come from; ``findings``,
            see :func:`finding`; ``iterations``, ``max_iters`` and
            ``finished``.
    """
    write_json(claim(folder, HEALTH, option='work_dir'), content)


def read_health(folder: str | Path) -> dict[str, Any]:
    """Read :data:`HEALTH` of a work folder; empty where there is none."""
    path = Path(folder) / HEALTH
    return read_json(path, dict) if path.is_file() else {}


def spoken(record: Mapping | None) -> list[str]:
    """Return the findings of a record as lines for a person.

    Args:
        record (Mapping, optional): With ``findings``, or the checkpoint that
            holds such a record in its ``meta``.
    """
    record = record or {}
    if 'meta' in record:
        record = (record['meta'] or {}).get(META_KEY) or {}
    lines = (f'{one["text"]}. {one["advice"]}'
             for one in record.get('findings', ()))
    # A checkpoint is data: no control characters for the terminal.
    return [''.join(c if c.isprintable() else ' ' for c in line)
            for line in lines]
