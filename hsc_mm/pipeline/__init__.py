"""The whole way from image labels to an evaluated segmentor."""
from .pipeline import STEPS, Pipeline
from .shell import ToolError
from .summary import console_table

__all__ = ['STEPS', 'Pipeline', 'ToolError', 'console_table']
