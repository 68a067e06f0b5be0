"""Views and targets: what a loss of the CAM stage may look at.

In one file, though long: a loss reads views and targets together.
"""
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.utils import SampleList
from torch import Tensor

from hsc_mm.functional.cam import image_padding
from hsc_mm.utils.shapes import check_shape, described

__all__ = ['AuxMap', 'Targets', 'View']


class View:
    """What a head makes of one view; each part is computed when asked for.

    ``CAMHead.loss`` computes all parts that its losses need before it calls
    them; a prediction computes those that make the seeds. CAMs and embeddings
    are handed out in float32, also where autocast computed them in less;
    ``feats`` are as the backbone made them.

    Args:
        image (Tensor): The normalised view, (B, 3, H, W), or of other bands.
        feats (tuple[Tensor]): Feature maps, (B, D, h, w) each.
        cam (Tensor): Raw CAM logits A, (B, C, h, w), background first.
        source (Tensor): What refinement starts from and evidence is made of
            without it: the activation, or the logits, (B, C, h, w).
        refine (callable, optional): Makes the refined CAM R of the source;
            ``functools.partial`` of a module, so that errors name its class.
        embed (dict[str, callable], optional): Name -> what makes that
            embedding, in the same way.
        statistics (tuple[Tensor, Tensor], optional): Mean and deviation of
            the image's normalisation, (3, 1, 1) each.
        attention (Tensor, optional): Attention between the n patches, of
            each recorded block, or of each head of it, (B, S, n, n).

    Attributes:
        num_classes (int): C, background included.
    """

    def __init__(self,
                 image: Tensor,
                 feats: tuple[Tensor, ...],
                 cam: Tensor,
                 source: Tensor,
                 refine: Callable[[], Tensor] | None = None,
                 embed: Mapping[str, Callable[[], Tensor]] | None = None,
                 statistics: tuple[Tensor, Tensor] | None = None,
                 attention: Tensor | None = None) -> None:
        self.image, self.feats = image, feats
        self.cam, self.source = cam.float(), source.float()
        self.attention = attention
        self.num_classes = cam.shape[1]
        self._refine = refine
        self._embed = dict(embed or {})
        self._embeddings: dict[str, Tensor] = {}
        self._statistics = statistics

    @cached_property
    def refined(self) -> Tensor | None:
        """Tensor, optional: Refined CAM R, (B, C, h, w); None without.

        ValueError where the refiner makes other maps.
        """
        if self._refine is None:
            return None
        return check_shape(
            f'refiner of the head{_made_by(self._refine)}', self._refine(),
            (len(self.cam), self.num_classes, 'h', 'w')).float()

    @property
    def evidence(self) -> Tensor:
        """Tensor: The refined CAM where there is one, else its source."""
        return self.source if self.refined is None else self.refined

    @property
    def colours(self) -> Tensor:
        """Tensor: The view in colours of [0, 255], (B, 3, H, W).

        Of an image of more bands the first three, of two the first.
        """
        image = self.image.float()
        if image.shape[1] != 3:
            image = image[:, :3] if image.shape[1] > 3 else \
                image[:, :1].expand(-1, 3, -1, -1)
        if self._statistics is None:
            return image
        mean, std = self._statistics
        return image * std + mean

    def embedding(self, name: str) -> Tensor:
        """Return an embedding, (B, D, h, w).

        Raises:
            KeyError: The head has none of that name.
            ValueError: It is no map of each image, or of other channels
                than its module says.
        """
        if name not in self._embeddings:
            if name not in self._embed:
                raise KeyError(f'embedding "{name}": expected one of '
                               f'{sorted(self._embed)}. A loss that reads it '
                               f'says so by needs = ("{name}", ), and the '
                               'head makes it by "embeddings".')
            make = self._embed[name]
            wide = getattr(getattr(make, 'func', make), 'channels', 'D')
            self._embeddings[name] = check_shape(
                f'embedding "{name}"{_made_by(make)}', make(),
                (len(self.cam), wide, 'h', 'w')).float()
        return self._embeddings[name]

    def compute(self, parts: Iterable[str]) -> None:
        """Compute parts now, under the autocast that is in force.

        Args:
            parts (iterable[str]): ``'refined'`` and names of embeddings.
        """
        for part in parts:
            if part == 'refined':
                self.refined  # noqa: B018
            elif part in self._embed:
                self.embedding(part)


def _made_by(make: Callable[[], Tensor]) -> str:
    """Name the class of a module whose call ``partial`` holds back."""
    module = getattr(make, 'func', None)
    return '' if module is None else f' ({type(module).__name__})'


class AuxMap(NamedTuple):
    """An auxiliary map of a batch, of those images that have one.

    Attributes:
        rows (list[int]): Their places in the batch.
        data (Tensor): (len(rows), 1, H, W) in [0, 1].
    """
    rows: list[int]
    data: Tensor


class Targets(NamedTuple):
    """What a batch is trained towards.

    Attributes:
        labels (Tensor): Image labels y, multi-hot, (B, K), K = C - 1.
        maps (dict[str, AuxMap]): Auxiliary maps by name; one that no image
            of the batch has is left out.
        max_labels (int, optional): The largest number of labels of an image,
            background included, known without asking the device.
    """
    labels: Tensor
    maps: dict[str, AuxMap] = {}
    max_labels: int | None = None

    @property
    def with_background(self) -> Tensor:
        """Tensor: y+, labels with the background in front, (B, C) float."""
        ones = torch.ones_like(self.labels[:, :1])
        return torch.cat([ones, self.labels], dim=1).float()

    @classmethod
    def of(cls,
           samples: SampleList,
           num_classes: int,
           names: Iterable[str] = ()) -> 'Targets':
        """Collect the targets of a batch.

        Args:
            samples (list[SegDataSample]): With ``gt_label`` (K,), and
                ``gt_<name>`` for each auxiliary map, (1, H, W), padded here
                as the preprocessor has padded the image. The metainfo
                ``optional_maps`` lists those that a sample may lack.
            num_classes (int): C, background included.
            names (iterable[str]): Auxiliary maps that losses need.

        Raises:
            ValueError: A sample lacks labels or a map, labels and classes
                differ in number, or a map has another size than its image.
        """
        for sample in samples:
            label = getattr(sample, 'gt_label', None)
            if not isinstance(label, Tensor) or label.ndim != 1:
                raise ValueError(
                    f'{sample.metainfo.get("img_path")}: expected image '
                    'labels, gt_label of shape (K,), found '
                    f'{described(label)}. Train on a data set of hsc_mm, and '
                    'pack its items with hsc_mm.PackImageLabelInputs.')
        labels = torch.stack([sample.gt_label for sample in samples])
        if labels.shape[1] != num_classes - 1:
            raise ValueError(
                f'num_classes of the head: expected {labels.shape[1] + 1} '
                '(background and the classes of the data set), found '
                f'{num_classes}.')
        counts = [s.metainfo.get('num_labels') for s in samples]
        most = None if None in counts else max(counts) + 1
        maps = {name: _auxiliary(samples, name) for name in names}
        return cls(labels, {k: v for k, v in maps.items() if v}, most)


def _auxiliary(samples: SampleList, name: str) -> AuxMap | None:
    """Stack the auxiliary maps of a batch, padded as their images are."""
    key = f'gt_{name}'
    for sample in samples:
        if key not in sample and name not in sample.metainfo.get(
                'optional_maps', ()):
            raise ValueError(
                f'{sample.metainfo.get("img_path")}: a loss needs the map '
                f'"{name}", found none. Name the folder of these maps in the '
                'data set and load them in its pipeline; or switch the loss '
                'off: losses=dict(<name of the loss>=None) in the head.')
    rows = [row for row, sample in enumerate(samples) if key in sample]
    if not rows:
        return None
    return AuxMap(rows, torch.stack([
        _padded(samples[row].get(key), name, samples[row].metainfo)
        for row in rows]))


def _padded(found: PixelData, name: str, meta: Mapping[str, Any]) -> Tensor:
    """Pad a map with its ``fill``, by the padding of its image."""
    shape = tuple(found.data.shape[1:])
    image = tuple(meta.get('img_shape', shape)[:2])
    if shape != image:
        raise ValueError(
            f'{meta.get("img_path")}: expected the map "{name}" to have the '
            f'size of the image, {image}, found {shape}. A transform changes '
            'the image alone: let it change what results["seg_fields"] names '
            'too.')
    return F.pad(found.data, image_padding(meta),
                 value=found.metainfo.get('fill', 0.0))
