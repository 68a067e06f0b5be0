"""Masks for annotation tools, and what people corrected there."""
from .exporter import ExportOptions, export_masks
from .formats import FORMATS, find_format
from .importer import ImportOptions, import_masks

__all__ = [
    'FORMATS', 'ExportOptions', 'ImportOptions', 'export_masks',
    'find_format', 'import_masks'
]
