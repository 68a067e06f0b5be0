"""Files of one picture in the layout of PASCAL VOC."""
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from demo_data.creatures import CLASSES
from demo_data.saliency import make_saliency
from demo_data.scene import Scene, make_scene
from hsc_mm.utils import atomic_write_bytes, write_index_png
from hsc_mm.utils.indices import voc_palette
from hsc_mm.utils.paths import place

__all__ = ['FOLDERS', 'SPLITS', 'file_names', 'picture_id', 'write_picture']

# Split -> its number in the seed; a picture depends on nothing else.
SPLITS = {'train': 0, 'val': 1}
FOLDERS = {
    'JPEGImages': '.jpg',
    'SegmentationClass': '.png',
    'Annotations': '.xml',
    'SaliencyMaps': '.png',
}
JPEG_QUALITY = 92


def picture_id(split: str, index: int) -> str:
    """Return the name of a picture, such as ``'train_00007'``."""
    return f'{split}_{index:05d}'


def file_names(name: str) -> list[str]:
    """Return the files of a picture, relative to the data set."""
    return [f'{folder}/{name}{ext}' for folder, ext in FOLDERS.items()]


def _xml(name: str, scene: Scene) -> bytes:
    """Return the annotation as VOC writes it: pixels counted from 1."""
    height, width = scene.mask.shape
    root = ElementTree.Element('annotation')

    def add(parent: ElementTree.Element, tag: str, text: object = None):
        child = ElementTree.SubElement(parent, tag)
        child.text = None if text is None else str(text)
        return child

    add(root, 'folder', 'demo')
    add(root, 'filename', f'{name}.jpg')
    size = add(root, 'size')
    for tag, text in (('width', width), ('height', height), ('depth', 3)):
        add(size, tag, text)
    add(root, 'segmented', 1)
    for thing in scene.things:
        node = add(root, 'object')
        add(node, 'name', CLASSES[thing.label - 1])
        add(node, 'pose', 'Unspecified')
        add(node, 'truncated', int(thing.truncated))
        add(node, 'difficult', 0)
        box = add(node, 'bndbox')
        add(box, 'xmin', thing.box[0] + 1)
        add(box, 'ymin', thing.box[1] + 1)
        add(box, 'xmax', thing.box[2])
        add(box, 'ymax', thing.box[3])
    ElementTree.indent(root, '\t')
    return ElementTree.tostring(root, encoding='utf-8') + b'\n'


def _encoded(ext: str, image: np.ndarray, *options: int) -> bytes:
    """Return the bytes of a picture file."""
    return cv2.imencode(ext, image, options)[1].tobytes()


def write_picture(out: Path, seed: int, split: str, index: int) -> None:
    """Make one picture and write its four files.

    The files depend on the arguments alone: not on the pictures made before
    nor on the process.

    Args:
        out (Path): Folder of the data set.
        seed (int): Seed of the data set, >= 0.
        split (str): One of ``SPLITS``.
        index (int): Number of the picture in its split, from 0.

    Raises:
        OSError: A file cannot be written.
    """
    rng = np.random.default_rng([seed, SPLITS[split], index])
    scene = make_scene(rng)
    saliency = make_saliency(rng, [thing.visible for thing in scene.things],
                             scene.clutter)
    name = picture_id(split, index)
    image, mask, xml, salient = (
        place(out, file) for file in file_names(name))
    bgr = np.ascontiguousarray(scene.image[..., ::-1])
    atomic_write_bytes(
        image, _encoded('.jpg', bgr, cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    write_index_png(mask, scene.mask, voc_palette())
    atomic_write_bytes(xml, _xml(name, scene))
    atomic_write_bytes(salient, _encoded('.png', saliency))
