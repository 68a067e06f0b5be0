"""The folder of pseudo labels: whole files that belong together."""
import contextlib
import os
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hsc_mm.datasets.checks import missing_files
from hsc_mm.evaluation.mask_metric import write_seed
from hsc_mm.utils import read_json, to_mask_indices, write_json
from hsc_mm.utils.locks import LOCK
from hsc_mm.utils.paths import place
from hsc_mm.utils.pool import map_threads
from .files import check_label, write_soft_cam
from .identity import check_same
from .origins import read_note

__all__ = ['MANIFEST', 'PseudoLabelFolder']

MANIFEST = 'pseudo_labels.json'
# Of atomic_write_bytes, and drafts of the manifest.
_TEMPORARY = re.compile(r'\..+\.(\d+|[0-9a-f]{32})\.tmp')


class PseudoLabelFolder:
    """Write pseudo labels of one model into one folder.

    The folder holds ``<img_id>.png``, ``<img_id>.npz`` or both, and a
    manifest that says what they were made from. A file appears under its
    name only when it is whole, so a run that was interrupted can be resumed:
    :meth:`has` says which exist. Several processes may write into
    one folder, different images each; whoever comes first leaves the
    manifest, and the others compare theirs with it.

    Files hold the indices that the masks of the data set would hold. Where
    a run uses a subset of the classes, these are not the class indices of
    the model: ``label_map`` is turned round.

    Args:
        path (str | Path): The folder.
        identity (dict): What the labels are made from (hashes of config and
            checkpoint, threshold, classes): plain JSON values. A key that
            an older manifest lacks counts as None.
        label_map (dict[int, int], optional): The data set's map from indices
            of its masks to classes; None where they are the same.
        kinds (sequence[str]): Suffixes of the files: ``'.png'``, ``'.npz'``.
        about (mapping, optional): What the manifest notes besides, and is
            not compared with: how the threshold was ``chosen``, by default
            ``'fixed'``, and, where a rule found none, which was ``asked``;
            of one that masks selected, ``masks`` and ``selection``.

    Raises:
        FileExistsError: The folder holds other files, or labels that were
            made from something else.
    """

    def __init__(self,
                 path: str | Path,
                 identity: dict,
                 label_map: dict[int, int] | None = None,
                 kinds: Sequence[str] = ('.png', ),
                 about: Mapping | None = None) -> None:
        self.path = Path(path)
        self.about = {'chosen': 'fixed', **(about or {})}
        self.identity = identity
        self.label_map = label_map
        self.kinds = tuple(kinds)
        self._open()

    def _open(self) -> None:
        manifest = self.path / MANIFEST
        if not manifest.is_file() and not self._create(manifest):
            raise FileExistsError(
                f'--out {self.path}: expected a new or empty folder, found '
                'other files in it. Choose another folder.')
        check_same(f'--out {self.path}: it holds pseudo labels',
                   read_json(manifest, dict), self.identity)

    def _create(self, manifest: Path) -> bool:
        """Write the manifest unless another process is faster."""
        self.path.mkdir(parents=True, exist_ok=True)
        # Drafts of others, and the temporary files of those, are no labels.
        if any(not p.name.lstrip('.').startswith(f'{MANIFEST}.')
               for p in self.path.iterdir() if p.name != LOCK):
            return manifest.is_file()
        draft = self.path / f'.{MANIFEST}.{uuid.uuid4().hex}.tmp'
        write_json(draft, self._manifest(complete=False))
        try:
            os.link(draft, manifest)  # fails where there is one by now
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not manifest.is_file():
                os.replace(draft, manifest)
        draft.unlink(missing_ok=True)
        return True

    def _manifest(self, **state) -> dict:
        return dict(self.identity, **self.about, **state)

    def _note(self, **state) -> None:
        write_json(self.path / MANIFEST, self._manifest(**state))

    def file(self, img_id: str, kind: str = '.png') -> Path:
        """Return the path of a file of an image."""
        return place(self.path, f'{img_id}{kind}')

    def has(self,
            img_id: str,
            shapes: Collection[tuple[int, int]] | None = None,
            known: Collection[int] | None = None,
            note: str | None = None) -> bool:
        """Say whether the files of an image are there and whole.

        ``note`` is what they would be made from now, see
        :func:`.origins.input_note`; files made from something else are none.
        """
        try:
            for kind in self.kinds:
                path = self.file(img_id, kind)
                check_label(path, shapes, known, whole=True)
                if note is not None and read_note(path) != note:
                    return False
        except (FileNotFoundError, ValueError):
            return False
        return True

    def write(self, img_id: str, seed: np.ndarray, note: str = '') -> None:
        """Write one label: class indices, (H, W), 255 = ignored."""
        write_seed(self.file(img_id), seed, self.label_map, note)

    def write_soft(self,
                   img_id: str,
                   cam: np.ndarray,
                   classes: np.ndarray,
                   note: str = '') -> None:
        """Write normalised CAMs, (k, H, W) in [0, 1], and their classes."""
        indices = to_mask_indices(np.asarray(classes), self.label_map)
        write_soft_cam(self.file(img_id, '.npz'), cam, indices, note)

    def drop(self, img_id: str) -> None:
        """Remove files of an image that were found wanting."""
        for kind in self.kinds:
            self.file(img_id, kind).unlink(missing_ok=True)

    def begin(self) -> None:
        """Note that labels are missing, if the manifest says otherwise."""
        if read_json(self.path / MANIFEST, dict).get('complete'):
            self._note(complete=False)

    def finish(self, img_ids: Sequence[str], alone: bool = True,
               notes: Mapping[str, str] | None = None) -> bool:
        """Note that all labels are there, if they are; say whether.

        The ids are all images of the list, those of other shards too;
        ``alone`` says that no other process writes into the folder, and
        ``notes`` what labels of other shards have to be made from, see
        :meth:`has`.
        """
        complete = not self.missing(img_ids) and (
            alone or self._are_of(notes or {}))
        if complete:
            self._note(complete=True, count=len(img_ids))
        if alone or complete:
            self._sweep(alone)
        return complete

    def missing(self, img_ids: Iterable[str]) -> list[str]:
        """Return the paths of files that do not exist."""
        return missing_files(
            str(self.file(i, kind)) for i in img_ids for kind in self.kinds)

    def _are_of(self, notes: Mapping[str, str]) -> bool:
        """Say whether labels were made from what the notes name."""
        return all(map_threads(
            lambda one: all(read_note(self.file(one[0], kind)) == one[1]
                            for kind in self.kinds), notes.items()))

    def _sweep(self, alone: bool) -> None:
        """Remove what killed runs left under temporary names."""
        for path in self.path.rglob('.*.tmp'):
            ours = _TEMPORARY.fullmatch(path.name)
            if ours and (alone or not path.name.startswith(f'.{MANIFEST}')):
                with contextlib.suppress(OSError):
                    path.unlink()
