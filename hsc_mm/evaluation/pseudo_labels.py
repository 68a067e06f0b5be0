"""The folder of pseudo labels: whole files that belong together."""
from pathlib import Path

import numpy as np

from hsc_mm.utils import read_index_png, read_json, write_json
from .mask_files import write_seed

__all__ = ['MANIFEST', 'PseudoLabelFolder']

MANIFEST = 'pseudo_labels.json'


class PseudoLabelFolder:
    """Write pseudo labels of one model into one folder.

    The folder holds ``<img_id>.png`` and a manifest that says what they were
    made from. A file appears under its name only when it is whole, so a run
    that was stopped can be taken up again: :meth:`has` says which are done.

    A PNG holds the indices that the masks of the data set would hold. Where
    a run uses a subset of the classes, these are not the class indices of
    the model: ``label_map`` is turned round.

    Args:
        path (str | Path): The folder.
        identity (dict): What the labels are made from (hashes of config and
            checkpoint, threshold, classes): plain JSON values.
        label_map (dict[int, int], optional): The data set's map from indices
            of its masks to classes; None where they are the same.

    Raises:
        FileExistsError: The folder holds other files, or labels that were
            made from something else.
    """

    def __init__(self,
                 path: str | Path,
                 identity: dict,
                 label_map: dict[int, int] | None = None) -> None:
        self.path = Path(path)
        self.identity = identity
        self.label_map = label_map
        self._open()

    def _open(self) -> None:
        manifest = self.path / MANIFEST
        if manifest.is_file():
            found = read_json(manifest)
            differing = [
                key for key, value in self.identity.items()
                if found.get(key) != value
            ]
            if differing:
                key = differing[0]
                raise FileExistsError(
                    f'--out {self.path}: it holds pseudo labels with {key} '
                    f'{found.get(key)!r}, expected {self.identity[key]!r}. '
                    'Choose another folder or remove this one.')
            return
        if self.path.is_dir() and any(self.path.iterdir()):
            raise FileExistsError(
                f'--out {self.path}: expected a new or empty folder, found '
                'other files in it. Choose another folder.')
        self._note(complete=False)

    def _note(self, **state) -> None:
        write_json(self.path / MANIFEST, dict(self.identity, **state))

    def file(self, img_id: str) -> Path:
        """Return the path of the label of an image."""
        return self.path / f'{img_id}.png'

    def has(self, img_id: str) -> bool:
        """Say whether the label of an image is there and whole."""
        try:
            read_index_png(self.file(img_id))
        except (FileNotFoundError, ValueError):
            return False
        return True

    def write(self, img_id: str, seed: np.ndarray) -> None:
        """Write one label.

        Args:
            img_id (str): Id of the image; may hold slashes.
            seed (np.ndarray): Class indices, (H, W), 255 = ignored.
        """
        write_seed(self.file(img_id), seed, self.label_map)

    def finish(self, count: int) -> None:
        """Note in the manifest that all labels are there.

        Args:
            count (int): How many.
        """
        self._note(complete=True, count=count)
