"""Figures for papers: picture grids, threshold curves, ablation bars."""
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from hsc_mm.utils import atomic_write_bytes
from hsc_mm.utils.outputs import claim
from hsc_mm.visualization.layers import Picture
from hsc_mm.visualization.pictures import qualitative_palette
from .matrix_files import matrix_columns
from .matrix_tables import left_out

__all__ = [
    'ablation_figure', 'grid_figure', 'save_figure', 'threshold_figure'
]

#: Text stays text in a PDF, in a font that journals accept; names with a $
#: are no formulas.
_STYLE = {'pdf.fonttype': 42, 'text.parse_math': False, 'font.size': 8,
          'axes.spines.top': False, 'axes.spines.right': False,
          'savefig.bbox': 'tight'}
#: Width of a page of two columns, in inches.
_WIDTH = 7.0


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout='constrained')


def _colours(count: int) -> np.ndarray:
    """Return colours for colour-blind eyes, (count, 3) in [0, 1]."""
    return qualitative_palette(count + 1)[1:] / 255


def save_figure(figure: Figure, folder: str | Path, name: str) -> list[Path]:
    """Write ``<name>.pdf`` and ``<name>.png`` (300 dots per inch).

    Raises:
        FileExistsError: There is such a file that was not written here.
    """
    paths = []
    for kind in ('pdf', 'png'):
        buffer = BytesIO()
        # Without a date equal figures are equal files.
        meta = {'CreationDate': None} if kind == 'pdf' else None
        with matplotlib.rc_context(_STYLE):
            figure.savefig(buffer, format=kind, dpi=300, metadata=meta)
        paths.append(claim(folder, f'{name}.{kind}', option='--out'))
        atomic_write_bytes(paths[-1], buffer.getvalue())
    return paths


def _open(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert('RGBA')


def _tile(picture: Picture, layer: str | None) -> Image.Image:
    """Lay a layer over the picture; a CAM is enlarged smoothly."""
    photo = _open(picture.photo)
    if layer is None:
        return photo
    over = _open(picture.layers[layer])
    if over.size != photo.size:
        over = over.resize(photo.size, Image.Resampling.BICUBIC)
    over.putalpha(over.getchannel('A').point(lambda alpha: alpha * 7 // 10))
    return Image.alpha_composite(photo, over)


def _words(picture: Picture) -> str:
    """Return the classes of a picture and its mIoU."""
    words = ', '.join(picture.classes)
    if picture.score is None:
        return words
    return f'{words}\nmIoU {picture.score:.1f}'


def grid_figure(pictures: Sequence[Picture], scores: bool = False) -> Figure:
    """Draw a row for each picture: the photograph, then each of its layers.

    Args:
        pictures (sequence[Picture]): One or more.
        scores (bool): Write classes and mIoU of each on the left.

    Raises:
        ValueError: There are no pictures.
    """
    if not pictures:
        raise ValueError('pictures: expected at least one, found none.')
    layers = list(dict.fromkeys(
        name for picture in pictures for name in picture.layers))
    # The mask is what the others are compared with: it is the last column.
    layers.sort(key=lambda name: name == 'ground truth')
    side = _WIDTH / (len(layers) + 1)
    tall = [side * one.size[1] / one.size[0] for one in pictures]
    with matplotlib.rc_context(_STYLE):
        figure = _figure(_WIDTH, sum(tall) + 0.3)
        figure.get_layout_engine().set(
            w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        axes = figure.subplots(
            len(pictures), len(layers) + 1, squeeze=False,
            gridspec_kw=dict(height_ratios=tall))
        for row, picture in zip(axes, pictures, strict=True):
            for ax, layer in zip(row, [None, *layers], strict=True):
                ax.axis('off')
                if layer is None or layer in picture.layers:
                    ax.imshow(np.asarray(_tile(picture, layer)))
            if scores:
                row[0].annotate(
                    _words(picture), (0, 0.5), (-3, 0), 'axes fraction',
                    textcoords='offset points', rotation=90, ha='right',
                    va='center', fontsize=6)
        for ax, title in zip(axes[0], ['image', *layers], strict=True):
            ax.set_title(title, fontsize=7)
    return figure


def threshold_figure(reports: dict[str, dict]) -> Figure:
    """Draw seed mIoU over the background threshold, a curve for each report.

    Args:
        reports (dict[str, dict]): Name -> what :class:`hsc_mm.SeedMetric`
            writes. A circle is the best threshold, a square that of the
            config.
    """
    with matplotlib.rc_context(_STYLE):
        figure = _figure(_WIDTH / 2, 2.4)
        axes = figure.add_subplot()
        for (name, one), colour, style in zip(
                reports.items(), _colours(len(reports)),
                ['-', '--', '-.', ':'] * len(reports), strict=False):
            curve = one['curve']
            axes.plot(curve['thresholds'], curve['mIoU'], style,
                      color=colour, label=name)
            for key, marker in (('best', 'o'), ('own', 's')):
                axes.plot(one[key]['threshold'], one[key]['mIoU'], marker,
                          color=colour, markersize=4)
        axes.set(xlabel='background threshold', ylabel='seed mIoU, %',
                 xlim=(0, 1))
        axes.legend(frameon=False)
    return figure


def ablation_figure(table: dict, column: str) -> Figure:
    """Draw a bar for each config of a table of ``run_matrix``.

    A bar is the mean over seeds, its interval the standard deviation, and
    the dots are the runs. A config without a value has no bar.

    Args:
        table (dict): Content of ``matrix.json``.
        column (str): Column that is drawn, such as ``'seeds, best'``.

    Raises:
        ValueError: No config has a value in the column, or in any.
    """
    found = {
        config: {name: one for name, one in columns.items()
                 if one['mean'] is not None}
        for config, columns in matrix_columns(table).items()}
    kept = {config: columns[column] for config, columns in found.items()
            if column in columns}
    known = sorted({name for one in found.values() for name in one})
    if not known:
        raise ValueError(' '.join((
            '--matrix: expected scores of a finished cell, found none.',
            *left_out(table), 'Run the matrix again.')))
    if not kept:
        raise ValueError(f'--column "{column}": expected one of {known}.')
    with matplotlib.rc_context(_STYLE):
        figure = _figure(_WIDTH / 2, 0.5 + 0.25 * len(kept))
        axes = figure.add_subplot()
        for place, one in enumerate(kept.values()):
            runs = [value for value in one['values'] if value is not None]
            axes.barh(place, one['mean'], xerr=one['std'], height=0.7,
                      color=_colours(1)[0], capsize=2)
            axes.plot(runs, [place] * len(runs), 'k.', markersize=3)
        axes.set_yticks(range(len(kept)), list(kept))
        axes.invert_yaxis()
        axes.set_xlabel(f'{column}: mean, standard deviation, runs')
    return figure
