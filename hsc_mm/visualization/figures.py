"""Figures drawn by matplotlib: curves, bars, likeness of prototypes."""
from io import BytesIO

import numpy as np
from matplotlib.figure import Figure

__all__ = [
    'cosine_matrix', 'draw_matrices', 'similarity_figure', 'threshold_curve'
]


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format='png', dpi=110, bbox_inches='tight')
    return buffer.getvalue()


def threshold_curve(seeds: dict) -> bytes:
    """Draw seed mIoU, over- and under-activation over the threshold: a PNG.

    ``seeds`` is what :class:`hsc_mm.SeedMetric` writes to ``out_json``.
    """
    curve, best, own = seeds['curve'], seeds['best'], seeds['own']
    figure = Figure(figsize=(6.4, 3.6))
    axes = figure.add_subplot()
    axes.plot(curve['thresholds'], curve['mIoU'], label='mIoU', linewidth=2)
    axes.plot(
        curve['thresholds'], curve['over'], '--', label='over-activation')
    axes.plot(
        curve['thresholds'], curve['under'], ':', label='under-activation')
    axes.plot(
        best['threshold'],
        best['mIoU'],
        'o',
        label=f'best {best["mIoU"]:.1f} at {best["threshold"]:.2f}')
    axes.plot(
        own['threshold'],
        own['mIoU'],
        's',
        label=f'fixed {own["mIoU"]:.1f} at {own["threshold"]:.2f}')
    axes.set(xlabel='background threshold', ylabel='%', xlim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize='small')
    return _png(figure)


def cosine_matrix(rows: np.ndarray, seen: np.ndarray) -> np.ndarray:
    r"""Compute the cosine similarity of each pair of rows.

    .. math:: S_{ij} = P_i \cdot P_j / (|P_i| \, |P_j|)

    Args:
        rows (np.ndarray): Prototypes P, (C, D).
        seen (np.ndarray): Which rows mean something, (C,) bool.

    Returns:
        np.ndarray: (C, C) in [-1, 1]; NaN where a row is unseen.
    """
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(norm == 0, 1, norm)
    matrix = (unit @ unit.T).astype(np.float64)
    matrix[~seen] = np.nan
    matrix[:, ~seen] = np.nan
    return matrix


def similarity_figure(matrices: dict[str, np.ndarray], classes: list[str],
                      title: str) -> bytes:
    """Draw :func:`draw_matrices` as a PNG."""
    return _png(draw_matrices(matrices, classes, title))


def draw_matrices(matrices: dict[str, np.ndarray], classes: list[str],
                  title: str = '') -> Figure:
    """Draw (C, C) matrices side by side, blue -1 to red 1, NaN grey."""
    side = max(3.2, 0.28 * len(classes) + 1.6)
    figure = Figure(
        figsize=(side * len(matrices) + 0.8, side),
        layout='constrained')
    if title:
        figure.suptitle(title)
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for ax, (name, matrix) in zip(axes, matrices.items(), strict=True):
        ax.set_facecolor('0.8')
        drawn = ax.imshow(
            np.ma.masked_invalid(matrix), vmin=-1, vmax=1, cmap='coolwarm')
        ax.set_title(name, fontsize='small')
        plain = dict(fontsize='small', parse_math=False)  # names with a $
        ax.set_xticks(range(len(classes)), classes, rotation=90, **plain)
        ax.set_yticks(range(len(classes)), classes, **plain)
    figure.colorbar(drawn, ax=list(axes), label='cosine similarity')
    return figure
