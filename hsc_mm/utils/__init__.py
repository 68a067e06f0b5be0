"""Small helpers shared by the package and its tools."""
from .io import (
                 atomic_write_bytes,
                 digest,
                 read_image,
                 read_index_png,
                 read_json,
                 write_index_png,
                 write_json,
)
from .palette import voc_palette

__all__ = [
    'atomic_write_bytes', 'digest', 'read_image', 'read_index_png',
    'read_json', 'voc_palette', 'write_index_png', 'write_json'
]
