"""Seeds of other projects: read, checked, written as our own."""
from .formats import FORMATS, source_format
from .importer import SeedImporter
from .safe_npy import load_npy
from .score import hard_table, score_soft_folder

__all__ = [
    'FORMATS', 'SeedImporter', 'hard_table', 'load_npy', 'score_soft_folder',
    'source_format'
]
