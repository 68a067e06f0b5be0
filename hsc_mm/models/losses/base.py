"""The protocol of losses of the CAM stage."""
from mmengine.logging import MessageHub
from mmengine.model import BaseModule
from torch import Tensor, nn

from hsc_mm.utils import check_number
from ..views import Targets, View

__all__ = [
    'ViewLoss', 'similarity_source', 'training_progress', 'two_views'
]


class ViewLoss(BaseModule):
    """A loss of the views of a batch.

    A subclass computes ``forward(views, targets)`` and returns a scalar, or
    a dict of scalars by name. It reads what it likes of a
    :class:`hsc_mm.models.View`; what not every head has it declares. Any
    module with these attributes and that ``forward`` serves as well.

    Attributes:
        needs (tuple[str]): Parts of a head: ``'refined'`` (a refiner),
            ``'attention'``, ``'second_view'``, or names of embeddings.
        needs_maps (tuple[str]): Auxiliary maps of the data set.
        has_similarity (bool): Whether :meth:`similarity` is there.

    Args:
        loss_weight (float): Factor on the loss, from 0.

    Raises:
        ValueError: ``loss_weight`` is negative or no number.
    """
    needs: tuple[str, ...] = ()
    needs_maps: tuple[str, ...] = ()
    has_similarity = False

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = check_number(
            f'loss_weight of {type(self).__name__}', loss_weight, least=0)

    def bind(self, num_classes: int, channels: dict[str, int]) -> None:
        """Learn about the head; called once, when it is built.

        Args:
            num_classes (int): C, background included.
            channels (dict[str, int]): Channels of each embedding.
        """

    def prior_loss(self, labels: Tensor) -> float | None:
        """Return the weighted loss of a constant prediction, if there is one.

        A loss of the image labels alone returns what the class frequencies
        would have; :class:`hsc_mm.TrainingHealthHook` compares.

        Args:
            labels (Tensor): Image labels of the data set, (N, K), 0 or 1.
        """
        return None

    def similarity(self, view: View) -> Tensor:
        """Return how near each pixel is to each class.

        ``seed_from='prototypes'`` of :class:`hsc_mm.CAMHead` asks.

        Returns:
            Tensor: (B, C, h, w) in [-1, 1], background first; -2 for a
            class of which the loss knows nothing.
        """
        raise NotImplementedError(
            f'{type(self).__name__}: expected a method similarity(view), as '
            'has_similarity is True, found none.')

    def forward(self, views: list[View],
                targets: Targets) -> Tensor | dict[str, Tensor]:
        """Return the weighted loss."""
        raise NotImplementedError(
            f'{type(self).__name__}: expected a method forward(views, '
            'targets), found none.')


def similarity_source(parts: nn.ModuleDict) -> nn.Module | None:
    """Return the first loss or level that has prototypes of classes."""
    return next((part for part in parts.values()
                 if getattr(part, 'has_similarity', False)), None)


def training_progress() -> float:
    """Return the share of the training that has passed, in [0, 1].

    mmengine's runner notes it in its MessageHub; outside of a training it
    is 1.
    """
    hub = MessageHub.get_current_instance()
    total = hub.runtime_info.get('max_iters')
    return hub.runtime_info.get('iter', 0) / total if total else 1.0


def two_views(views: list[View], owner: str) -> list[View]:
    """Return the views, if there are two.

    Raises:
        ValueError: There are fewer or more.
    """
    if len(views) != 2:
        raise ValueError(
            f'{owner} compares two views, found {len(views)}. Set '
            'model.second_view=(height, width), or switch off what compares '
            'them.')
    return views
