"""Fixtures of the package's own tests, for tests of projects."""
from conftest import shared_voc

__all__ = ['shared_voc']
