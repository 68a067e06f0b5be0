"""How alike the prototypes of classes are, as a picture."""
import numpy as np
from matplotlib.figure import Figure

from .figures import _png

__all__ = ['cosine_matrix', 'similarity_figure']


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
    """Draw class x class matrices side by side, blue to red.

    Args:
        matrices (dict[str, np.ndarray]): Title -> (C, C) in [-1, 1]; NaN is
            grey.
        classes (list[str]): C names.
        title (str): Over all.

    Returns:
        bytes: PNG.
    """
    side = max(3.2, 0.28 * len(classes) + 1.6)
    figure = Figure(
        figsize=(side * len(matrices) + 0.8, side),
        layout='constrained')
    figure.suptitle(title)
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for ax, (name, matrix) in zip(axes, matrices.items(), strict=True):
        ax.set_facecolor('0.8')
        drawn = ax.imshow(
            np.ma.masked_invalid(matrix), vmin=-1, vmax=1, cmap='coolwarm')
        ax.set_title(name, fontsize='small')
        ax.set_xticks(
            range(len(classes)), classes, rotation=90, fontsize='small')
        ax.set_yticks(range(len(classes)), classes, fontsize='small')
    figure.colorbar(drawn, ax=list(axes), label='cosine similarity')
    return _png(figure)
