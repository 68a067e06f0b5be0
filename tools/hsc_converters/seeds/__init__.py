"""Seeds of other projects: read, checked, written as our own."""
from .evaluate import evaluate_seeds
from .importer import ImportSummary, import_seeds
from .readers import FORMATS, ImportOptions, source_format
from .safe_npy import load_npy

__all__ = [
    'FORMATS', 'ImportOptions', 'ImportSummary', 'evaluate_seeds',
    'import_seeds', 'load_npy', 'source_format'
]
