"""Configs of both stages for a user's pictures."""
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mmengine.config import Config

from hsc_mm.datasets.image_label import ImageLabelDataset
from hsc_mm.utils import atomic_write_bytes, check_number
from hsc_mm.utils.checkpoints import load
from hsc_mm.utils.data_folders import refuse_below
from hsc_mm.utils.locks import locked
from hsc_mm.utils.outputs import claim, drop, refuse_data_folder
from .new_dataset import NewDataset
from .new_leaf import leaf_text

__all__ = ['write_configs']

_BASELINE = """\
# The baseline of HSC on the same pictures: "--baseline" and the path of this
# file, after the pipeline's command, put it beside HSC in scores and report.
_base_ = {base!r}
model = dict(
    second_view=None,
    decode_head=dict(
        refiner=None,
        seed_from='raw',
        losses=dict(er=None, ecr=None, min=None, contrast=None)))
"""


def write_configs(new: NewDataset,
                  out: str | Path,
                  bases: str | Path,
                  force: bool = False) -> tuple[list[Path], ImageLabelDataset]:
    """Write a short config for each stage, on top of those in configs/own.

    A third one is that of the baseline, plain CAM or, with saliency maps,
    EPS: ``cam_<name>.py`` or ``eps_<name>.py``.

    Args:
        new (NewDataset): The pictures.
        out (str | Path): Folder for the configs; its name is theirs.
        bases (str | Path): The folder ``configs/own``.
        force (bool): Whether configs that are there are replaced.

    Returns:
        tuple: Configs of the CAM stage, of the segmentation stage and of
        the baseline; and the data set.

    Raises:
        FileExistsError: A config is there, a file that was not written here
            has its name, or another process writes into the folder.
        ValueError: A folder of configs, masks or maps lies among class
            folders. See :meth:`NewDataset.read`, :meth:`NewDataset.with_mask`
            and :func:`hsc_mm.utils.checkpoints.load`.
    """
    if not str(out).strip():
        raise ValueError('--out: expected a folder for the configs, found '
                         'no name.')
    check_number('--crop', new.crop, least=96, most=1024, whole=True)
    # Relative, as it is named; "." has the name of the folder it is.
    out = Path(out) if Path(out).name not in ('', '..') else Path(
        os.path.abspath(out))
    names = (f'hsc_{out.name}.py', f'deeplabv3plus_{out.name}-pseudo.py',
             f'{"eps" if new.saliency else "cam"}_{out.name}.py')
    for option, folder in (('--out', out), ('--masks', new.masks),
                           ('--saliency', new.saliency)):
        refuse_below(new.label_file, folder, option)
    _refuse(out, () if force else names)
    if new.weights not in (None, 'none') and '://' not in new.weights:
        load(new.weights)
    dataset = new.read()
    refuse_data_folder(out, [
        dataset.get_data_info(i)['img_path'] for i in range(len(dataset))])
    scored = new.with_mask(dataset)
    for given in (out.name, *dataset.foreground, new.label_file, new.images,
                  new.masks, new.saliency, new.weights, str(bases), *new.none):
        if given and ('{{' in given or '\n' in given):
            raise ValueError(
                f'{given!r}: expected a name without "{{{{" and line ends: '
                'mmengine would take it for a part of the config. Rename '
                'it.')
    bases_of = (f'hsc_{"eps_" * bool(new.saliency)}{new.backbone}_own.py',
                f'deeplabv3plus_{new.backbone}_own-pseudo.py')
    files = {}
    for name, base in zip(names[:2], bases_of, strict=True):
        files[name] = leaf_text(
            new, dataset, len(scored), Path(bases) / base, out)
    made = not out.exists()
    try:
        with locked(out):
            _refuse(out, () if force else names)
            _try(out, files)
            files[names[2]] = _BASELINE.format(base=names[0])
            if scored:
                files['eval.txt'] = '\n'.join(scored) + '\n'
            for name in files:
                claim(out, name)
            for name, text in files.items():
                atomic_write_bytes(out / name, text.encode())
            # Its base is another method now; old masks are no longer scored.
            drop(out, f'{"cam" if new.saliency else "eps"}_{out.name}.py')
            if not scored:
                drop(out, 'eval.txt')
    except BaseException:
        with suppress(OSError):
            if made:
                out.rmdir()  # unless another process wrote there
        raise
    return [out / name for name in names], dataset


def _refuse(out: Path, names: Iterable[str]) -> None:
    """Refuse to replace configs."""
    for path in (out / name for name in names):
        if path.exists():
            raise FileExistsError(f'{path}: there is one already. Choose '
                                  'another --out, or replace it with --force.')


def _try(out: Path, files: dict[str, str]) -> None:
    """Read configs under temporary names, so that no broken one is left."""
    for name, text in files.items():
        draft = out / f'try_{os.getpid()}_{name}'
        try:
            atomic_write_bytes(draft, text.encode())
            Config.fromfile(draft)
        finally:
            draft.unlink(missing_ok=True)
