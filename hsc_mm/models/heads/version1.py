"""Names of weights in checkpoints of version 1, and what they are now."""
import re
from collections.abc import Collection

__all__ = ['use_present_names']

_RENAMED = ((r'^pcm\.', 'refiner.'),
            (r'^(pixel|region)_projector\.', r'embeddings.\1.'),
            (r'^contrast\.banks\.classes\.', 'contrast.banks.cls.'),
            (r'^contrast\.banks\.(\w+)\.', r'losses.contrast.levels.\1.bank.'))


def use_present_names(state_dict: dict, prefix: str,
                      known: Collection[str] = ()) -> None:
    """Rename a CAM head's weights of version 1, in place.

    Args:
        state_dict (dict): Name -> weight.
        prefix (str): What the names of the head's weights begin with.
        known (collection[str]): Names that the model has itself, with the
            prefix; they stay.
    """
    for key in [key for key in state_dict
                if key.startswith(prefix) and key not in known]:
        name = key[len(prefix):]
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        if prefix + name != key:
            state_dict[prefix + name] = state_dict.pop(key)
