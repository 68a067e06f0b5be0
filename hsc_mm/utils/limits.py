"""Limits of what is read: sizes of pictures, kinds of files, workers."""
import os
import stat

__all__ = [
    'MEGAPIXELS', 'check_pixels', 'check_regular', 'check_workers',
    'most_pixels', 'most_workers', 'too_large'
]

#: Environment variable with the most megapixels of a picture.
MEGAPIXELS = 'HSC_MM_MAX_MEGAPIXELS'
_MEGAPIXELS = 120
_KINDS = ((stat.S_ISDIR, 'a folder'), (stat.S_ISFIFO, 'a pipe'),
          (stat.S_ISSOCK, 'a socket'), (stat.S_ISCHR, 'a device'),
          (stat.S_ISBLK, 'a device'))


def most_pixels() -> int:
    """Return the most pixels of a picture, by :data:`MEGAPIXELS`.

    Raises:
        ValueError: The variable holds no number above 0.
    """
    text = os.environ.get(MEGAPIXELS) or str(_MEGAPIXELS)
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not value > 0:
        raise ValueError(f'{MEGAPIXELS}: expected a number of megapixels, '
                         f'found {text!r}.')
    return int(min(value, 1e6) * 1e6)


def too_large(path: str | os.PathLike, size: str) -> ValueError:
    """Return the error of a picture that is too large."""
    return ValueError(
        f'{path}: {size}: more than the limit of {most_pixels() / 1e6:g} '
        'megapixels, above which memory runs out. Make it smaller, or cut it '
        'into pictures (predict and make_pseudo_labels compute larger ones '
        f'in windows); where memory suffices, {MEGAPIXELS} raises the '
        'limit.')


def check_pixels(path: str | os.PathLike, height: int, width: int) -> None:
    """Refuse a picture, mask or map that is too large or has no pixel.

    Raises:
        ValueError: With the option that raises the limit.
    """
    if height < 1 or width < 1:
        raise ValueError(f'{path}: expected a picture with pixels, found '
                         f'{width} x {height}.')
    if height * width > most_pixels():
        raise too_large(path, f'{width} x {height} pixels')


def check_regular(path: str | os.PathLike) -> None:
    """Refuse what is no file: reading a pipe or a device may never end.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: It is something else.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)),
                    'something else')
        raise ValueError(f'{path}: expected a file, found {kind}. Remove it '
                         'from the folder or the list.')


def most_workers() -> int:
    """Return how many processes make sense on this machine, at most."""
    return max(32, 4 * (os.cpu_count() or 1))


def check_workers(name: str, count: int) -> int:
    """Return a number of processes, or refuse one that stops the machine.

    Raises:
        ValueError: It is negative, no whole number, or above
            :func:`most_workers`.
    """
    if not isinstance(count, int) or not 0 <= count <= most_workers():
        raise ValueError(
            f'{name}: expected 0..{most_workers()} processes on the '
            f'{os.cpu_count()} cores of this machine, found {count!r}.')
    return count
