"""Checkpoints that a user names."""
from pathlib import Path
from pickle import UnpicklingError

import torch

__all__ = ['read_checkpoint']


def read_checkpoint(path: str | Path) -> dict:
    """Load a checkpoint to the CPU, by torch's safe loading.

    Args:
        path (str | Path): The file.

    Returns:
        dict: What a runner saved, or a state dict.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is broken, no checkpoint, or holds more than weights
            and plain values.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'checkpoint {path}: there is no such file.')
    try:
        # mmengine's loader may fall back to running what the file asks for.
        found = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, LookupError,
            UnpicklingError) as error:
        reason = _reason(error)
        raise ValueError(f'checkpoint {path}: expected a file that torch can '
                         f'read, but {reason}') from error
    if not isinstance(found, dict):
        raise ValueError(f'checkpoint {path}: expected a dictionary, found '
                         f'{type(found).__name__}.')
    return found


def _reason(error: Exception) -> str:
    """Say in a line what torch says in many."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    blocked = [line for line in lines if 'GLOBAL' in line]
    return (blocked or lines or [type(error).__name__])[0].strip()
