"""Momentum prototypes: the memory of the contrast, as buffers."""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .distributed import all_sum

__all__ = ['Bank', 'MomentumPrototypes', 'Observation']


class Observation(NamedTuple):
    """What a batch has to say about the rows of a bank, without gradient.

    Attributes:
        total (Tensor): Weighted sum of vectors of each row, (R, D).
        weight (Tensor): Sum of their weights, (R,); a row of weight zero
            was not observed.
    """
    total: Tensor
    weight: Tensor

    def mean(self) -> Tensor:
        """Return the weighted means, (R, D), zero where unobserved."""
        safe = torch.where(self.weight == 0, 1.0, self.weight)
        return self.total / safe[:, None]


class Bank(NamedTuple):
    """What a loss reads of a bank: a snapshot, without gradient.

    Attributes:
        rows (Tensor): Prototypes, (R, D).
        seen (Tensor): Which rows mean something, (R,), bool.
        momentum (float): Weight of a new value.
        normalize (str): See :class:`MomentumPrototypes`.
    """
    rows: Tensor
    seen: Tensor
    momentum: float = 0.5
    normalize: str = 'row'

    def moved(self, observation: Observation) -> 'Bank':
        """Return the bank after an observation of the joined batch."""
        new = observation.mean()
        if self.normalize != 'none':
            new = F.normalize(new, dim=1)
        rows = self.momentum * new + (1 - self.momentum) * self.rows
        if self.normalize == 'row':
            rows = F.normalize(rows, dim=1)
        rows = torch.where(self.seen[:, None], rows, new)
        observed = (observation.weight != 0) & rows.isfinite().all(dim=1)
        return self._replace(
            rows=torch.where(observed[:, None], rows, self.rows),
            seen=self.seen | observed)


class MomentumPrototypes(nn.Module):
    r"""Exponential moving averages of R vectors.

    .. math:: P_r \leftarrow m \, n_r + (1 - m) P_r

    for every observed row r, where m is the weight of the NEW value and
    :math:`n_r` the mean of what was observed.

    A loss reads :meth:`snapshot`, the head stages what the batch observed,
    and :class:`hsc_mm.MomentumPrototypeHook` commits it after the iteration:
    one commit an iteration, gradient accumulation or not. Observations are
    summed over ranks before the average, so N ranks hold what one rank would
    hold on the joined batch. The rows are buffers: they are in the
    checkpoint, and nothing moves in evaluation.

    Args:
        num_rows (int): R.
        channels (int): D.
        momentum (float): m in (0, 1].
        init (str): ``'observed'``: the first observation becomes the row,
            and a row unseen so far is left out of the contrast.
            ``'random'``: rows begin as normal random numbers and count from
            the start, as in HSC's release.
        normalize (str): What is L2-normalised: ``'row'``, the observation
            and the row after each move; ``'new'``, the observation only;
            ``'none'``, nothing. The release does the last two.

    Raises:
        ValueError: ``momentum``, ``init`` or ``normalize`` is out of range.
    """

    rows: Tensor
    seen: Tensor

    def __init__(self,
                 num_rows: int,
                 channels: int,
                 momentum: float = 0.5,
                 init: str = 'observed',
                 normalize: str = 'row') -> None:
        super().__init__()
        if not 0 < momentum <= 1:
            raise ValueError('momentum of MomentumPrototypes: expected the '
                             'weight of the new value, in (0, 1], found '
                             f'{momentum}.')
        for name, value, known in (('init', init, ('observed', 'random')),
                                   ('normalize', normalize,
                                    ('row', 'new', 'none'))):
            if value not in known:
                raise ValueError(f'{name} of MomentumPrototypes: expected '
                                 f'one of {known}, found "{value}".')
        self.momentum = momentum
        self.normalize = normalize
        rows = torch.zeros(num_rows, channels)
        if init == 'random':
            rows.normal_()
        self.register_buffer('rows', rows)
        self.register_buffer('seen',
                             torch.full((num_rows, ), init == 'random'))
        self._staged: Observation | None = None

    def snapshot(self) -> Bank:
        """Return the rows of earlier iterations."""
        # Averages of weights (EMA) leave flags as they were at the start.
        seen = self.seen | (self.rows != 0).any(dim=1)
        return Bank(self.rows.clone(), seen, self.momentum, self.normalize)

    def stage(self, observation: Observation) -> None:
        """Keep what this rank's share of a batch observed.

        In evaluation nothing is kept. Rows that are not finite are left
        out by :meth:`commit`.

        Args:
            observation (Observation): Of R rows and D channels.

        Raises:
            RuntimeError: What was staged before has not been committed.
            ValueError: It is of another size, which would be broadcast.
        """
        sizes = tuple(self.rows.shape), tuple(self.seen.shape)
        found = tuple(tuple(part.shape) for part in observation)
        if found != sizes:
            raise ValueError(
                f'expected an Observation of total {sizes[0]} and weight '
                f'{sizes[1]}, found {" and ".join(map(str, found))}: a row '
                'for each of the bank, see MomentumPrototypes.')
        if self._staged is not None:
            raise RuntimeError(
                "MomentumPrototypes: expected a commit after each iteration, "
                "found none, so prototypes would never move. Call commit() "
                "after the step; under mmengine "
                "dict(type='hsc_mm.MomentumPrototypeHook') in custom_hooks "
                "does that.")
        if self.training:
            self._staged = Observation(
                *(part.detach().float() for part in observation))

    @torch.no_grad()
    def commit(self) -> None:
        """Move the observed rows; every rank calls this together."""
        if self._staged is None:
            return
        joined = Observation(*(all_sum(part) for part in self._staged))
        self._staged = None
        after = self.snapshot().moved(joined)
        self.rows.copy_(after.rows)
        self.seen.copy_(after.seen)

    def extra_repr(self) -> str:
        """Describe the bank."""
        rows, channels = self.rows.shape
        return f'{rows}, {channels}, momentum={self.momentum}'
