"""Names of binary files that are given where a text belongs."""
from pathlib import Path

__all__ = ['kind_of', 'refuse_binary']

_SHEETS = ('.xlsx', '.xlsm', '.xlsb', '.xls', '.ods', '.numbers')
# Of the first bytes; spreadsheets of today are ZIP archives.
_KINDS = {
    b'PK\x03\x04': 'archive', b'\x1f\x8b': 'archive', b'BZh': 'archive',
    b'\xfd7zXZ\0': 'archive', b'7z\xbc\xaf': 'archive', b'Rar!': 'archive',
    b'\xd0\xcf\x11\xe0': 'sheet', b'\x89PNG': 'picture',
    b'\xff\xd8\xff': 'picture', b'%PDF': 'PDF', b'PAR1': 'Parquet file'
}
_INSIDE = (b'xl/workbook', b'opendocument.spreadsheet')
_DO = {
    'sheet': 'a spreadsheet, which is not read. Export it as CSV in UTF-8.',
    'archive': 'an archive. Unpack it, and name the file in it.'
}


def kind_of(data: bytes) -> str | None:
    """Return what a file is by its first bytes, None where it is not known.

    It is an ``'archive'``, ``'sheet'``, ``'picture'``, ``'PDF'`` or
    ``'Parquet file'``.
    """
    return next((kind for start, kind in _KINDS.items()
                 if data.startswith(start)), None)


def refuse_binary(path: str | Path, data: bytes) -> None:
    """Say what a file that is no text is, by its first bytes.

    Texts may begin with some of these, such as ``PAR1``.

    Args:
        path (str | Path): The file.
        data (bytes): All of it.

    Raises:
        ValueError: It is a spreadsheet, an archive, a picture, a PDF or a
            Parquet file.
    """
    kind = kind_of(data)
    if kind == 'archive' and (Path(path).suffix.lower() in _SHEETS
                              or any(name in data for name in _INSIDE)):
        kind = 'sheet'
    if kind:
        raise ValueError(f'{path}: expected a text in UTF-8, found ' + _DO.get(
            kind, f'a {kind}. Name the file that was meant.'))
