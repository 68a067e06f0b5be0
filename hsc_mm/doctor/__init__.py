"""Checks of a config, its data and the machine before a training."""
from .examine import CHECKS, examine
from .finding import Finding, as_json, as_text

__all__ = ['CHECKS', 'Finding', 'as_json', 'as_text', 'examine']
