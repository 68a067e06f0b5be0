"""Maps of other projects as files, and seeds that equal them."""
import numpy as np
import torch

from hsc_mm.pseudo_labels.files import read_soft_cam

IDS = [f'img_{number:02d}' for number in range(8)]


def save(folder, contents) -> None:
    """Write ``<img_id>.npy`` with pickles in them, as others do."""
    folder.mkdir()
    for img_id, content in contents.items():
        np.save(folder / f'{img_id}.npy', content, allow_pickle=True)


def from_zero(maps) -> dict:
    """Count the foreground from 0, as most projects do."""
    return {i: {k - 1: m for k, m in one.items()} for i, one in maps.items()}


def irn(maps, **more) -> dict:
    """Write maps as IRN does."""
    return {
        i: dict(
            keys=torch.tensor([k - 1 for k in one]),
            high_res=np.stack(list(one.values())),
            **{name: make(one) for name, make in more.items()})
        for i, one in maps.items()
    }


def assert_soft(folder, maps) -> None:
    """Compare a folder of our soft seeds with maps."""
    for img_id, one in maps.items():
        cam, classes = read_soft_cam(folder / f'{img_id}.npz')
        assert cam.dtype == np.float16
        assert classes.tolist() == list(one)
        assert set(classes.tolist()) <= {8, 12}
        for found, wanted in zip(cam, one.values(), strict=True):
            assert np.abs(found.astype(np.float32) - wanted).max() < 1e-3
