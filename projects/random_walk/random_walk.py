"""Pairs, affinity loss and random walk (AffinityNet, CVPR 2018)."""
import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'affinity_loss', 'at_cells', 'cell_pairs', 'pair_distance', 'pair_kinds',
    'spread', 'transition', 'walk'
]


def cell_pairs(grid: tuple[int, int], radius: float) -> Tensor:
    """List the pairs of cells that are nearer than a radius, each once.

    Args:
        grid (tuple[int, int]): Height h and width w.
        radius (float): In cells; a pair is nearer than that.

    Returns:
        Tensor: (2, N) indices of cells, row by row.
    """
    height, width = grid
    steps = torch.arange(-int(radius), int(radius) + 1)
    down, right = torch.meshgrid(steps, steps, indexing='ij')
    ahead = (down > 0) | ((down == 0) & (right > 0))
    near = ahead & (down**2 + right**2 < radius**2)
    down, right = down[near], right[near]  # (P,)
    first = torch.arange(height * width)
    row = first[:, None] // width + down
    column = first[:, None] % width + right
    inside = (row < height) & (column >= 0) & (column < width)
    second = row * width + column
    return torch.stack([first[:, None].expand_as(second)[inside],
                        second[inside]])


def pair_kinds(label: Tensor, pairs: Tensor,
               ignored: int = 255) -> tuple[Tensor, Tensor, Tensor]:
    """Tell pairs of one class from pairs of two; others are left out.

    Args:
        label (Tensor): Class of each cell, 0 = background, (h, w).
        pairs (Tensor): (2, N) of :func:`cell_pairs`.
        ignored (int): Label of cells that are not reliable.

    Returns:
        tuple: (N,) bool each: one foreground class, background, two classes.
    """
    first, second = label.flatten()[pairs]
    known = (first != ignored) & (second != ignored)
    same = known & (first == second)
    return same & (first > 0), same & (first == 0), known & ~same


def pair_distance(embedding: Tensor, pairs: Tensor) -> Tensor:
    """Return the mean absolute difference of the embeddings of pairs.

    Args:
        embedding (Tensor): f, (D, h, w).
        pairs (Tensor): (2, N).

    Returns:
        Tensor: d >= 0, (N,) float32; the affinity is exp(-d).
    """
    first, second = embedding.float().flatten(1).t()[pairs]  # (N, D)
    return (first - second).abs().mean(dim=1)


def affinity_loss(distance: Tensor,
                  kinds: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    r"""Binary cross entropy of affinities, each kind of pair averaged.

    .. math:: L = L_{fg} + L_{bg} + 2 L_-, \quad
              L_{fg} = -\frac{1}{|P_{fg}|} \sum \log a, \quad
              L_- = -\frac{1}{|P_-|} \sum \log(1 - a), \quad a = e^{-d}

    A kind that does not occur adds nothing.

    Args:
        distance (Tensor): d >= 0, (N,).
        kinds (tuple[Tensor, Tensor, Tensor]): Of :func:`pair_kinds`.

    Returns:
        Tensor: Scalar.
    """
    apart = -torch.log(-torch.expm1(-distance.clamp(min=1e-5)))
    total = distance.sum() * 0
    for term, kind, factor in zip((distance, distance, apart), kinds,
                                  (1, 1, 2), strict=True):
        mean = (term * kind).sum() / kind.sum().clamp(min=1)
        total = total + factor * mean
    return total


def transition(distance: Tensor, pairs: Tensor, cells: int,
               beta: float) -> Tensor:
    r"""Return the transition matrix of the walk.

    .. math:: T_{ij} = a_{ij}^\beta \big/ \sum_j a_{ij}^\beta, \quad
              a_{ij} = a_{ji} = e^{-d_{ij}}, \quad a_{ii} = 1

    Args:
        distance (Tensor): d >= 0, (N,).
        pairs (Tensor): (2, N), each pair once.
        cells (int): n.
        beta (float): > 0; high values leave only close embeddings.

    Returns:
        Tensor: (n, n), sparse CSR, float32.
    """
    weight = torch.exp(-beta * distance.float())
    pairs = pairs.to(weight.device)
    own = torch.arange(cells, device=pairs.device)
    index = torch.cat([pairs, pairs.flip(0), own.expand(2, -1)], dim=1)
    weight = torch.cat([weight, weight, weight.new_ones(cells)])
    degree = weight.new_zeros(cells).index_add(0, index[0], weight)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # CSR: "beta state"
        return torch.sparse_coo_tensor(
            index, weight / degree[index[0]],
            (cells, cells)).coalesce().to_sparse_csr()


def walk(maps: Tensor, matrix: Tensor, log_steps: int) -> Tensor:
    r"""Let maps spread: :math:`M \leftarrow T^{2^t} M`.

    T has few entries a row: to apply it costs less than to square it t times.

    Args:
        maps (Tensor): M, (k, h, w).
        matrix (Tensor): T of :func:`transition`, (h w, h w).
        log_steps (int): t >= 0.

    Returns:
        Tensor: (k, h, w) float32; no value leaves the range of its map.
    """
    columns = maps.float().flatten(1).t().contiguous()  # (n, k)
    for _ in range(2**log_steps):
        columns = matrix @ columns
    return columns.t().reshape(maps.shape)


def spread(cam: Tensor, embedding: Tensor, radius: float, beta: float,
           log_steps: int, alpha: float | None) -> Tensor:
    r"""Walk with the CAMs of an image, and with a background if wanted.

    The background is :math:`(1 - \max_c M_c)^\alpha`.

    Args:
        cam (Tensor): M in [0, 1], (k, h, w), k > 0.
        embedding (Tensor): (D, h, w).
        radius (float): See :func:`cell_pairs`.
        beta (float): See :func:`transition`.
        log_steps (int): See :func:`walk`.
        alpha (float, optional): None = no background walks.

    Returns:
        Tensor: (k + 1, h, w) in [0, 1], background first; without alpha
        (k, h, w), divided by their common maximum.
    """
    pairs = cell_pairs(cam.shape[1:], radius)
    matrix = transition(pair_distance(embedding, pairs), pairs,
                        cam[0].numel(), beta)
    if alpha is None:
        maps = walk(cam, matrix, log_steps)
        return maps / (maps.amax() + 1e-5)
    background = (1 - cam.amax(0, keepdim=True))**alpha
    return walk(torch.cat([background, cam]), matrix, log_steps).clamp(0, 1)


def at_cells(values: Tensor, grid: tuple[int, int], stride: int,
             size: tuple[int, int], padding: Sequence[int],
             align_corners: bool, fill: float | None = None) -> Tensor:
    """Take the values of an image that the cells of a grid look at.

    Args:
        values (Tensor): (k, H, W) at the size of the image.
        grid (tuple[int, int]): h and w.
        stride (int): Of the cells, in pixels of the network's input.
        size (tuple[int, int]): Height and width of that input.
        padding (sequence[int]): Left, right, top, bottom; part of it.
        align_corners (bool): Whether cell i lies at pixel stride * i, or at
            the centre of its patch of stride pixels.
        fill (float, optional): Value of padding; by default the nearest.

    Returns:
        Tensor: (k, h, w).
    """
    left, right, top, bottom = padding
    around = (left, right + stride, top, bottom + stride)
    inside = (size[0] - top - bottom, size[1] - left - right)
    maps = F.interpolate(values[None], inside, mode='nearest-exact')
    maps = F.pad(maps, around, 'replicate') if fill is None else F.pad(
        maps, around, value=fill)
    first = 0 if align_corners else stride // 2
    return maps[0, :, first::stride, first::stride][:, :grid[0], :grid[1]]
