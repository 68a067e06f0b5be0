"""Options of the command line that override values of a config."""
import argparse
import re
from typing import Any

from mmengine.config import DictAction as HostAction

__all__ = ['DictAction', 'PartAction']

# A dictionary, or a list of them, and not a template such as "{}.pth".
_DICTIONARY = re.compile(r"""[\[(\s'"]*(dict\(|\{\s*['"])""")


class DictAction(HostAction):
    """mmengine's ``key=value``; what has another form is an error.

    A value that is no list keeps the blanks inside it, as paths have them.

    Attributes:
        remedy (str): What to do about a dictionary as the value of a key.
    """

    remedy = ('Set its keys one by one, as {key}.KEY=VALUE or, in a list, '
              '{key}.0.KEY=VALUE, or write it into the config file.')

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        """Read a value: a list by mmengine, or a number, word or text."""
        text = val.strip('\'"').strip()
        if ',' in text or text[:1] + text[-1:] in ('()', '[]'):
            return HostAction._parse_iterable(val)
        return HostAction._parse_int_float_bool(text)

    def __call__(self, parser: argparse.ArgumentParser, *args, **kwargs
                 ) -> None:
        """Take the values of one option."""
        for one in args[1]:
            key, _, value = one.partition('=')
            if _DICTIONARY.match(value):
                raise argparse.ArgumentError(
                    self, f'{key}: expected a number, a text or a list of '
                    f'them, found a dictionary, {value}. '
                    + self.remedy.format(key=key))
        try:
            super().__call__(parser, *args, **kwargs)
        except RecursionError as error:
            raise argparse.ArgumentError(
                self, f'expected key=value, found {args[1]}, with a list that '
                'cannot be read. Write lists as key="[a,b]" and lists in them '
                'as key="[(a,b),(c,d)]".') from error
        except (ValueError, SyntaxError, AssertionError) as error:
            raise argparse.ArgumentError(
                self, f'expected key=value, found {args[1]} ({error})'
            ) from error


class PartAction(DictAction):
    """Arguments of a part that no config builds."""

    remedy = 'Name a class or function that makes it from such values.'
