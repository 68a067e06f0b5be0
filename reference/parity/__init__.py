"""Parity: does this package compute what the public release does?"""
from .baselines import check_baselines
from .contrast import check_contrast
from .crf import check_crf
from .folder import check_folder
from .network import check_network
from .objective import check_objective
from .rows import Arrays, Row

__all__ = [
    'Arrays', 'Row', 'check_baselines', 'check_contrast', 'check_crf',
    'check_folder', 'check_network', 'check_objective'
]
