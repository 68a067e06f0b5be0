"""A tiny data set in the layout of COCO 2014, outlines of every kind."""
import json
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from tiny_configs import BACKBONE, cam_config, second_stage_config

from hsc_mm.datasets.coco import COCO_CLASSES

GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
IDS = [i for i in range(1, 91) if i not in GAPS]
CAT, DOG, TOOTHBRUSH = 17, 18, 90
SHAPE = (48, 64)


def categories() -> list[dict]:
    """Return COCO's 80 categories, in no particular order."""
    pairs = zip(IDS, COCO_CLASSES[1:], strict=True)
    return [dict(id=i, name=n) for i, n in pairs][::-1]


def box(left: int, top: int, right: int, bottom: int) -> list[float]:
    """Return the polygon of a rectangle."""
    return [left, top, right, top, right, bottom, left, bottom]


def runs(mask: np.ndarray) -> dict:
    """Return the uncompressed runs of a mask, column by column."""
    flat = mask.T.ravel().astype(bool)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    return dict(
        counts=[0, *counts] if flat[0] else counts, size=list(mask.shape))


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Return a mask, right and bottom excluded."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def annotation(number, image, category, outline, area, crowd=0) -> dict:
    """Return one annotation."""
    return dict(
        id=number,
        image_id=image,
        category_id=category,
        segmentation=outline,
        area=area,
        iscrowd=crowd)


def annotations(images: list[int]) -> list[dict]:
    """Return annotations of all images but the last.

    Image 0: a dog; 1: a small dog, listed first, on a large cat; 2: a crowd
    of cats under a dog; 3: a cat in two parts, and a toothbrush with
    compressed runs; others: a cat.
    """
    import pycocotools.mask as coco_mask
    packed = coco_mask.encode(np.asfortranarray(
        rectangle(4, 40, 30, 44).astype(np.uint8)))
    packed['counts'] = packed['counts'].decode()
    crowd = runs(rectangle(8, 8, 56, 40))
    first = images[0] * 10
    found = [
        annotation(first + 1, images[0], DOG, [box(20, 10, 50, 40)], 900),
        annotation(first + 2, images[1], DOG, [box(20, 20, 40, 40)], 400),
        annotation(first + 3, images[1], CAT, [box(10, 10, 50, 44)], 1360),
        annotation(first + 4, images[2], CAT, crowd, 1536, crowd=1),
        annotation(first + 5, images[2], DOG, [box(30, 20, 50, 36)], 320),
        annotation(first + 6, images[3], CAT,
                   [box(4, 4, 24, 34), box(36, 4, 60, 34)], 1320),
        annotation(first + 7, images[3], TOOTHBRUSH, packed, 104)
    ]
    return found + [
        annotation(first + 8 + n, image, CAT, [box(10, 10, 40, 40)], 900)
        for n, image in enumerate(images[4:-1])
    ]


def name(split: str, image: int) -> str:
    """Return the id of an image."""
    return f'COCO_{split}_{image:012d}'


def make_coco(root: Path) -> Path:
    """Write pictures and annotations: 7 for training, 6 for validation."""
    rng = np.random.default_rng(0)
    for split, images in (('train2014', range(101, 108)),
                          ('val2014', range(201, 207))):
        folder = root / split
        folder.mkdir(parents=True)
        for image in images:
            picture = rng.integers(0, 255, (*SHAPE, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f'{name(split, image)}.jpg'), picture)
        write_instances(
            root, split,
            dict(
                images=[
                    dict(
                        id=i,
                        file_name=f'{name(split, i)}.jpg',
                        height=SHAPE[0],
                        width=SHAPE[1]) for i in images
                ],
                annotations=annotations(list(images)),
                categories=categories()))
    return root


def instances_path(root: Path, split: str) -> Path:
    """Return the path of an instances JSON."""
    return root / 'annotations' / f'instances_{split}.json'


def write_instances(root: Path, split: str, content: dict) -> None:
    """Write an instances JSON."""
    path = instances_path(root, split)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def coco_cam_config(root: Path, path: Path, iters: int = 2) -> Path:
    """Write a small config of HSC on all 81 classes."""
    cam_config(root, path, iters, 'hsc_r50_coco')
    return _with_all_classes(path)


def coco_seg_config(root: Path, path: Path, pseudo_dir: Path) -> Path:
    """Write a small config of the second stage on all 81 classes."""
    second_stage_config(
        root, path, 'deeplabv2_r101_coco-pseudo',
        dict(
            backbone=dict(BACKBONE, _delete_=True),
            decode_head=dict(in_channels=64, norm_cfg=dict(type='BN'))),
        pseudo_dir)
    return _with_all_classes(path)


def _with_all_classes(path: Path) -> Path:
    """Take back the few classes of the tiny VOC."""
    cfg = Config.fromfile(path)
    cfg.model.decode_head.num_classes = len(COCO_CLASSES)
    for split in ('train', 'val', 'test'):
        del cfg[f'{split}_dataloader'].dataset['metainfo']
    cfg.dump(str(path))
    return path
