"""Refinements between CAMs and pseudo labels."""
from .base import Refiner

__all__ = ['Refiner']
