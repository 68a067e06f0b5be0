"""Small helpers shared by the package and its tools."""
from .headers import image_shapes
from .images import (
    read_image,
    read_index_png,
    read_map,
    write_grey_png,
    write_index_png,
)
from .indices import class_map, to_classes, to_mask_indices, voc_palette
from .io import (
    atomic_write_bytes,
    digest,
    read_json,
    read_text,
    write_json,
    write_npz,
)
from .numbers import check_device, check_keys, check_number

__all__ = [
    'atomic_write_bytes', 'check_device', 'check_keys', 'check_number',
    'class_map',
    'digest', 'image_shapes', 'read_image', 'read_index_png', 'read_json',
    'read_map', 'read_text', 'to_classes', 'to_mask_indices', 'voc_palette',
    'write_grey_png', 'write_index_png', 'write_json', 'write_npz'
]
