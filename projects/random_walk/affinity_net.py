"""Affinity network on a trained, frozen CAM stage, and its training."""
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import print_log
from torch import Tensor, nn

from hsc_mm.functional import (
    activation_to_image,
    cam_to_input,
    image_padding,
)
from hsc_mm.inference import seeds
from . import random_walk as rw

__all__ = ['AffinityNet', 'FrozenFeatures', 'Look', 'train_affinity']


class Look(NamedTuple):
    """Features of an image, and where in the network's input it lies.

    Attributes:
        feats (list[Tensor]): (1, C_l, h, w) of each level, on one grid.
        input_size (tuple[int, int]): Height and width of the input.
        meta (dict): Of the sample, after the preprocessor.
    """
    feats: list[Tensor]
    input_size: tuple[int, int]
    meta: dict

    @property
    def grid(self) -> tuple[int, int]:
        """tuple[int, int]: Height h and width w of the levels."""
        return tuple(self.feats[0].shape[2:])


class FrozenFeatures:
    """The backbone of a CAM stage, looking at images as they are tested.

    Args:
        cfg (Config): Of the CAM stage, before ``use_tta``.
        checkpoint (str | Path): Its checkpoint.
        stride (int): Of the grid, in pixels of the network's input.
    """

    def __init__(self, cfg: Config, checkpoint: str | Path,
                 stride: int) -> None:
        self.device = 'cuda' if torch.cuda.is_available() else 'cpu'
        with torch.random.fork_rng():
            self.model = seeds.build_model(cfg, str(checkpoint), self.device)
        self.dataset = seeds.seed_dataset(cfg, 'train', check=False)
        self.stride = stride
        self.align_corners = self.model.align_corners

    @torch.no_grad()
    def __getitem__(self, place: int) -> Look:
        """Return what is seen of an image of the data set."""
        item = self.dataset[place]
        data = self.model.data_preprocessor(
            dict(
                inputs=[item['inputs']], data_samples=[item['data_samples']]),
            False)
        inputs, meta = data['inputs'], data['data_samples'][0].metainfo
        size = tuple(inputs.shape[2:])
        grid = tuple(-(-length // self.stride) for length in size)
        feats = [
            self._on_grid(level.float(), grid)
            for level in self.model.extract_feat(inputs)
        ]
        return Look(feats, size, meta)

    def _on_grid(self, maps: Tensor, grid: tuple[int, int]) -> Tensor:
        """Bring a level to the grid, each position where it looks."""
        ratio = round(maps.shape[2] / grid[0])
        if ratio <= 1:
            return cam_to_input(maps, grid, self.align_corners)
        if self.align_corners:
            return maps[:, :, ::ratio, ::ratio][:, :, :grid[0], :grid[1]]
        return F.adaptive_avg_pool2d(maps, grid)

    def at_cells(self, values: np.ndarray, look: Look,
                 fill: float | None = None) -> Tensor:
        """Return values (k, H, W) of an image at its cells, (k, h, w).

        See :func:`random_walk.at_cells`.
        """
        return rw.at_cells(
            torch.from_numpy(values).to(self.device), look.grid, self.stride,
            look.input_size, image_padding(look.meta), self.align_corners,
            fill)

    def to_image(self, maps: Tensor, look: Look) -> np.ndarray:
        """Bring maps (k, h, w) to the size of the image, (k, H, W)."""
        return activation_to_image(
            maps[None], [None], look.input_size, image_padding(look.meta),
            look.meta['ori_shape'][:2], self.align_corners).cpu().numpy()


class AffinityNet(nn.Module):
    """Embed the cells of several levels; affine cells lie near each other.

    Each level: 1x1 convolution, group norm, ReLU; then one 1x1 convolution
    over all of them.

    Args:
        in_channels (sequence[int]): Channels of each level.
        channels (int): Of each level's embedding, a multiple of 4.
        embedding (int): Channels D of the result.

    Attributes:
        settings (dict): These three.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 64,
                 embedding: int = 128) -> None:
        super().__init__()
        self.settings = dict(in_channels=list(in_channels),
                             channels=channels, embedding=embedding)
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(count, channels, 1, bias=False),
                nn.GroupNorm(4, channels), nn.ReLU())
            for count in in_channels)
        self.last = nn.Conv2d(channels * len(self.levels), embedding, 1)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Return embeddings (B, D, h, w) of levels (B, C_l, h, w)."""
        return self.last(torch.cat([
            level(one) for level, one in zip(self.levels, feats, strict=True)
        ], dim=1))


def train_affinity(features: FrozenFeatures,
                   label_of: Callable[[Look], Tensor],
                   radius: float = 5,
                   iterations: int = 300,
                   batch_size: int = 8,
                   lr: float = 0.01,
                   seed: int = 0,
                   **net) -> tuple[AffinityNet, float]:
    """Train an affinity network on reliable pairs.

    Args:
        features (FrozenFeatures): What looks at the training images.
        label_of (callable): Returns the reliable labels of the cells of an
            image, (h, w), 255 = not reliable.
        radius (float): See :func:`random_walk.cell_pairs`.
        iterations (int): Steps of Adam; the rate falls to 0 (power 0.9).
        batch_size (int): Images of each; every one is seen before any is
            seen again.
        lr (float): Learning rate of the first step.
        seed (int): Of the initial weights and of the order of the images.
        **net: ``channels`` and ``embedding`` of :class:`AffinityNet`.

    Returns:
        tuple[AffinityNet, float]: In eval mode; and the mean loss of the
        last tenth of the iterations.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        levels = [level.shape[1] for level in features[0].feats]
        model = AffinityNet(levels, **net).to(features.device)
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.PolynomialLR(
        optimizer, iterations, power=0.9)
    queue, losses, shown = [], [], max(iterations // 10, 1)
    for number in range(1, iterations + 1):
        optimizer.zero_grad()
        losses.append(0.0)
        for _ in range(batch_size):
            queue = queue or torch.randperm(
                len(features.dataset), generator=order).tolist()
            look = features[queue.pop()]
            pairs = rw.cell_pairs(look.grid, radius)
            loss = rw.affinity_loss(
                rw.pair_distance(model(look.feats)[0], pairs),
                rw.pair_kinds(label_of(look), pairs)) / batch_size
            loss.backward()
            losses[-1] += float(loss.detach())
        optimizer.step()
        schedule.step()
        if number % shown == 0:
            print_log(f'affinity [{number}/{iterations}]  loss: '
                      f'{np.mean(losses[-shown:]):.4f}', logger='current')
    return model.eval(), float(np.mean(losses[-shown:]))
