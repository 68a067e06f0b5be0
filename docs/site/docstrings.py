"""Docstrings of the package, whose markup becomes Markdown."""
import re
import textwrap

import griffe

__all__ = ['Markdown', 'to_markdown']


def _fence(match: re.Match) -> str:
    body = textwrap.dedent(match['body']).strip('\n')
    fence = textwrap.indent(f'```text\n{body}\n```', match['indent'])
    return f'{fence}\n\n'


def to_markdown(text: str) -> str:
    """Turn roles, formulas and literal blocks into Markdown.

    Args:
        text (str): A docstring, or a part of one.

    Returns:
        str: The same without markup of reStructuredText.
    """
    block = r'\n*(?P<body>(?:(?P=indent)[ ]{2,}\S.*\n*|\n)+)'
    text = re.sub(r'(?m)^(?P<indent> *)\.\. (?:math|code)::.*\n' + block,
                  _fence, text + '\n')
    text = re.sub(r':\w+:(?=`)', '', text)
    return re.sub(r'::(?=\n\n +)', ':', text).rstrip('\n')


class Markdown(griffe.Extension):
    """Extension of griffe that applies :func:`to_markdown`."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Change the docstring of a module, class or function."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)
