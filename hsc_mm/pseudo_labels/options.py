"""Options of a run that makes pseudo labels: how it computes."""
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mmengine.config import Config
from torch.utils.data import DataLoader

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.inference import seeds
from hsc_mm.inference.models import make_fast
from hsc_mm.tiles import Tiles
from hsc_mm.utils import check_device, check_number
from hsc_mm.utils.arguments import check_kind
from .cams import MultiScaleCAM
from .view_pipeline import ViewPipeline
from .views import view_loader

__all__ = ['RunOptions']


def _silent(items: Iterable, total: int) -> Iterator:
    yield from items


@dataclass(frozen=True)
class RunOptions:
    """How a run computes; the labels are the same, but for ``amp``.

    Attributes:
        batch_size (int): Images of equal size that are computed together.
        workers (int): Processes that read images, and as many for refiners.
        device (str, optional): ``'cpu'``, ``'cuda'`` ...; by default
            ``'cuda'`` if there is one.
        amp (bool): Whether the network computes in half precision.
        shard (tuple[int, int]): ``(i, n)``: do part i of n, from 1; other
            runs write the others into the same folder.
        tiles (Tiles, optional): Windows in which images with a longer side
            are computed; by default only those above the limit of megapixels
            are.
        resume (bool): Whether files that exist and are whole are skipped.
        progress (callable): Gets the labels to come and their number, and
            yields them.
        notify (callable): Gets a line of text when the work begins.

    Raises:
        TypeError: A value is of another type.
        ValueError: A number is out of range.
    """
    batch_size: int = 4
    workers: int = 2
    device: str | None = None
    amp: bool = False
    shard: tuple[int, int] = (1, 1)
    tiles: Tiles | None = None
    resume: bool = True
    progress: Callable[[Iterable, int], Iterable] = _silent
    notify: Callable[[str], object] = str

    def __post_init__(self) -> None:
        """Check the values."""
        check_number('batch_size', self.batch_size, above=0, whole=True)
        check_number('workers', self.workers, least=0, whole=True)
        check_kind('shard', self.shard, tuple | list, 'a pair, such as (1, 4)')
        if len(self.shard) != 2:
            raise ValueError('shard: expected a pair, such as (1, 4), found '
                             f'{self.shard!r}.')
        part, parts = self.shard
        check_number('number of shards', parts, above=0, whole=True)
        check_number('shard', part, above=0, most=parts, whole=True)
        object.__setattr__(self, 'shard', (part, parts))
        for name in ('progress', 'notify'):
            check_kind(name, getattr(self, name), Callable, 'a function')

    @property
    def torch_device(self) -> str:
        """str: The device."""
        return check_device(self.device)

    def load(self,
             cfg: Config,
             checkpoint: str,
             dataset: BaseImageLabelDataset,
             batches: Sequence[list[int]],
             needs: Collection[str] = ()
             ) -> tuple[MultiScaleCAM, DataLoader, ViewPipeline]:
        """Build what computes the CAMs of images, and what reads them.

        Args:
            cfg (Config): With the test pipeline.
            checkpoint (str): The weights.
            dataset (BaseImageLabelDataset): Of the images.
            batches (sequence[list[int]]): Places of those in each batch.
            needs (collection[str]): See :attr:`.chain.LabelChain.needs`.

        Raises:
            ValueError: The checkpoint does not fit.
        """
        device = self.torch_device
        model = make_fast(
            seeds.build_model(cfg, checkpoint, device,
                              dataset.metainfo['classes']), self.amp)
        loader, pipeline = view_loader(
            dataset, cfg, batches, self.workers,
            with_images='image' in needs,
            pin_memory=device.startswith('cuda'))
        engine = MultiScaleCAM(model, pipeline.flips, self.amp,
                               'attention' in needs)
        return engine, loader, pipeline
