"""Saliency maps made by any model: the interface and the run over images."""
from .provider import SaliencyProvider, as_map, build_provider
from .writer import SaliencyRun, write_maps

__all__ = [
    'SaliencyProvider', 'SaliencyRun', 'as_map', 'build_provider',
    'write_maps'
]
