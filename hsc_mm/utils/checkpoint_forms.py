"""Forms of files that hold weights and are no checkpoint of torch, or none."""
import tarfile
import zipfile
from pathlib import Path

from .binary import kind_of

__all__ = ['why_unreadable']

_UNPACK = 'an archive. Unpack it, and name the file of the weights in it.'
_STATE = 'Load it where it was made, and write its state_dict() by torch.save.'
_HEADS = {
    b'\x89HDF\r\n': 'an HDF5 file, as of Keras, which is not read.',
    b'\x93NUMPY': 'an array of NumPy, without the names of weights.',
    b'\x12\x01\0\0\0\0\0\0': "a file of MXNet's. \"python -m hsc_mm "
                             'convert_weights" converts those of ResNet-38.',
}
_KINDS = {'archive': _UNPACK,
          'picture': 'a picture. Name the file of the weights.'}
_SAFETENSORS = (
    'a file of safetensors. Convert it: import safetensors.torch, torch; '
    'torch.save(safetensors.torch.load_file("{}"), "{}.pth").')


def why_unreadable(path: str | Path, reason: str) -> str:
    """Say what a file is that torch cannot read as a checkpoint.

    Args:
        path (str | Path): The file.
        reason (str): What torch says.

    Returns:
        str: A clause, and what to do.
    """
    path = Path(path)
    with open(path, 'rb') as file:
        head = file.read(512)
    zipped = head[:2] == b'PK'
    if zipfile.is_zipfile(path):
        form = _in_zip(path)
    else:
        form = None if zipped else _of(path, head)
    if form:
        return f'it is {form}'
    if zipped:
        return f'it is truncated or damaged ({reason}). Fetch it again.'
    if head and not any(b < 9 or 13 < b < 32 for b in head):
        return 'it is a text file. Name the file of the weights.'
    return f'it is damaged or not a checkpoint ({reason}). Fetch it again.'


def _of(path: Path, head: bytes) -> str | None:
    """Say what a file is by its first bytes, where they are known."""
    if head[8:9] == b'{' and int.from_bytes(
            head[:8], 'little') < path.stat().st_size:
        return _SAFETENSORS.format(path, path.stem)
    if head[257:262] == b'ustar':
        return _in_tar(path)
    if path.suffix.lower() == '.onnx' and head[:1] == b'\x08':
        return f'a network of ONNX. {_STATE}'
    return _KINDS.get(kind_of(head)) or next(
        (what for start, what in _HEADS.items() if head.startswith(start)),
        None)


def _in_tar(path: Path) -> str:
    """Say what a tar archive is."""
    try:
        with tarfile.open(path) as archive:
            names = {*archive.getnames()}
    except (OSError, tarfile.TarError):
        names = set()
    return f'a checkpoint of torch before 0.1.10. {_STATE}' if {
        'pickle', 'storages'} <= names else _UNPACK


def _in_zip(path: Path) -> str | None:
    """Say what a ZIP archive is, unless it has the form of torch's."""
    with zipfile.ZipFile(path) as archive:
        names = [name.partition('/')[2] or name for name in archive.namelist()]
    if 'constants.pkl' in names:
        return f'a TorchScript archive. {_STATE}'
    if 'data.pkl' in names:
        return None
    if names and all(name.endswith('.npy') for name in names):
        return 'arrays of NumPy. Write them as tensors by torch.save.'
    return _UNPACK
