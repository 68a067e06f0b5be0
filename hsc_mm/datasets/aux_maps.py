"""Auxiliary maps: grey images beside the images, such as saliency maps."""
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from hsc_mm.utils.alike import NearNames, composed
from .class_names import IMAGE_SUFFIXES

__all__ = [
    'AuxMapFolder', 'aux_key', 'map_kind', 'read_aux_maps'
]
# The sample's gt_<name> of these means something else.
_TAKEN = ('label', 'sem_seg', 'seg_map', 'edge_map', 'depth_map')


def aux_key(name: str) -> str:
    """Return the key of a loaded map in the dict of a pipeline."""
    return f'aux_{name}'


def map_kind(name: str) -> str:
    """Return what messages call a map: ``'saliency map'``."""
    return f'{name} map'


@dataclass
class AuxMapFolder:
    """A folder of maps, one for each image, in any image format.

    Sub-folders are those of the images: the map of ``cat/01.jpg`` is
    ``cat/01.png``, ``cat/01.jpg`` or of another image format.

    Attributes:
        name (str): What they are: ``'saliency'``.
        path (str): The folder.
        suffix (str, optional): Suffix of all maps; None finds it for each.
        required (bool): Whether each image must have one.
        fill (int): Value of pixels beside the image, where it is padded, in
            0..255.
        doubts (dict[str, str]): Map that an image lacks, of those described
            -> a line that names a file of nearly its name.
    """
    name: str
    path: str
    suffix: str | None = None
    required: bool = True
    fill: int = 0
    doubts: dict[str, str] = field(default_factory=dict, repr=False)
    _content: dict[str, tuple[str, dict[str, list[str]]]] = field(
        default_factory=dict, repr=False)
    _names: NearNames = field(default_factory=NearNames, repr=False)

    def _listed(self, folder: str) -> tuple[str, dict[str, list[str]]]:
        """Return a folder as it is written there, and stem -> its maps."""
        if not self._content and not os.path.isdir(self.path):
            raise FileNotFoundError(
                f'aux_maps.{self.name} {self.path}: there is no such folder. '
                f'Name that of the {map_kind(self.name)}s, or set '
                f'aux_maps.{self.name}=None to train without.')
        if folder not in self._content:
            there = folder if os.path.isdir(folder) else self._names.same(
                folder)
            found: dict[str, list[str]] = {}
            for name in sorted(os.listdir(there)) if there else ():
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in IMAGE_SUFFIXES:
                    found.setdefault(stem, []).append(name)
            for stem in list(found):
                found.setdefault(composed(stem), found[stem])
            self._content[folder] = there or folder, found
        return self._content[folder]

    def find(self, stem: str) -> str:
        """Return the path of a map; one that is not there ends in ``.png``.

        Letters with accents are the same in one character or in two.

        Raises:
            FileNotFoundError: There is no such folder.
            ValueError: There are two maps of the image.
        """
        folder, name = os.path.split(os.path.join(self.path, stem))
        there, listed = self._listed(folder)
        if self.suffix is not None:
            path = os.path.join(folder, name + self.suffix)
            if path.isascii() or os.path.isfile(path):
                return path
            return self._names.same(path) or path
        names = listed.get(name) or listed.get(composed(name)) or []
        if len(names) > 1:
            suffixes = [os.path.splitext(one)[1] for one in names]
            raise ValueError(
                f'{os.path.join(folder, name)}: expected one '
                f'{map_kind(self.name)}, found {", ".join(suffixes)}. Remove '
                'all but one, or name the suffix in the data set: '
                f'aux_maps.{self.name}.suffix=".png".')
        if names:
            return os.path.join(there, names[0])
        return os.path.join(folder, f'{name}.png')

    def describe(self, stem: str) -> dict[str, Any] | None:
        """Return what an item says of its map: ``path`` and ``fill``.

        None where the image has no map and needs none.
        """
        path = self.find(stem)
        if not self.required and not os.path.isfile(path):
            doubt = self._names.doubt(path)
            if doubt:
                self.doubts[path] = f'{path}: {doubt}'
            return None
        return dict(path=path, fill=self.fill)

    def warn(self) -> None:
        """Say in one line that there are ``doubts``."""
        if self.doubts and is_main_process():
            print_log(
                f'aux_maps.{self.name}: {len(self.doubts)} image(s) have no '
                f'{map_kind(self.name)}, but a file of nearly its name, which '
                f'is not read. {next(iter(self.doubts.values()))}. Rename '
                'such files like the images.', 'current', logging.WARNING)


def read_aux_maps(cfg: dict[str, dict | None] | None,
                  data_root: str) -> dict[str, AuxMapFolder]:
    """Read the argument ``aux_maps`` of a data set.

    Args:
        cfg (dict, optional): Name -> the attributes of
            :class:`AuxMapFolder`; an entry that is None, or whose ``path``
            is None, is left out.
        data_root (str): What paths are relative to; empty for none.

    Raises:
        ValueError: A name cannot be one, an option is unknown, or ``fill``
            is out of range.
    """
    folders = {}
    for name, options in (cfg or {}).items():
        if not isinstance(options, Mapping | None):
            raise ValueError(f'aux_maps.{name}: expected dict(path=FOLDER), '
                             f'found {options!r}.')
        options = dict(options or {})
        known = ('path', 'suffix', 'required', 'fill')
        unknown = [key for key in options if key not in known]
        if not name.isidentifier() or name in _TAKEN or unknown:
            raise ValueError(
                f'aux_maps.{name}: expected a name that is an identifier and '
                f'none of {_TAKEN}, with {known}, found '
                f'{unknown or repr(name)}.')
        path = options.pop('path', None)
        if path is None:
            continue
        folder = AuxMapFolder(name, os.path.join(data_root, path), **options)
        if not 0 <= folder.fill <= 255:
            raise ValueError(f'aux_maps.{name}.fill: expected 0..255, found '
                             f'{folder.fill}.')
        folders[name] = folder
    return folders
