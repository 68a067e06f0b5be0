"""Hashes of what files hold: data sets, weights, the code of the user."""
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

from hsc_mm.datasets.base import BaseImageLabelDataset
from hsc_mm.datasets.checks import item_maps
from hsc_mm.utils import digest
from hsc_mm.utils.sums import content_sums

__all__ = ['code_hash', 'fingerprint', 'split_hash']


def fingerprint(paths: Iterable[str | Path]) -> str:
    """Return a hash of what files hold, and of their names.

    Names are relative to the folder that they share, and times do not count:
    files that were copied or moved are the same files.

    Raises:
        OSError: A file cannot be read.
    """
    files = {os.path.abspath(path): os.fspath(path) for path in paths}
    names = sorted(files)
    shared = os.path.commonpath(names) if names else ''
    return digest([[os.path.relpath(name, shared) for name in names],
                   content_sums(files[name] for name in names)])


def split_hash(dataset: BaseImageLabelDataset) -> str:
    """Return a hash of a data set, wherever it lies.

    It covers ids, image labels, contents of images, masks and auxiliary maps,
    in the order of the list, and the classes.

    Raises:
        OSError: A file cannot be read.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    files = [dict(item_maps(info), image=info['img_path']) for info in infos]
    sums = iter(content_sums(path for one in files for path in one.values()))
    items = [(info['img_id'], info['gt_label'].tolist()
              if 'gt_label' in info else None,
              {kind: next(sums) for kind in one})
             for info, one in zip(infos, files, strict=True)]
    classes = [dataset.metainfo.get(key) for key in ('classes', 'label_map')]
    return digest([items, classes])


def code_hash(modules: Iterable[str]) -> str | None:
    """Return a hash of the source of modules, installed packages left out.

    Of a package, and of a module in a package, it is that of every ``.py``
    file in its folder. None where no such file is found.
    """
    found: set[Path] = set()
    for name in modules:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        origin = Path(spec.origin) if spec and spec.has_location else None
        if origin is None or 'site-packages' in origin.parts or (
                name.split('.')[0] == 'hsc_mm'):
            continue
        found.update(origin.parent.rglob('*.py') if '.' in name or
                     spec.submodule_search_locations else [origin])
    return fingerprint(found) if found else None
