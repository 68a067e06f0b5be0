"""What is wrong with a set-up, and what to do, before anything is trained."""
from .examine import CHECKS, examine
from .finding import Finding, as_json, as_text

__all__ = ['CHECKS', 'Finding', 'as_json', 'as_text', 'examine']
