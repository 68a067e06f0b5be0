"""Peak of memory of this process."""
import torch

__all__ = ['resident', 'resident_peak', 'synchronize']


def _status(field: str) -> int:
    """Return a field of /proc/self/status in bytes.

    getrusage would not do: its peak outlives exec, so that a child reports
    that of the process that started it.
    """
    with open('/proc/self/status') as file:
        for line in file:
            if line.startswith(field + ':'):
                return int(line.split()[1]) * 1024
    raise OSError(f'/proc/self/status: expected the field {field}, found no '
                  'such line; memory is measured on Linux only.')


def resident() -> int:
    """Return the bytes that the process holds now."""
    return _status('VmRSS')


def resident_peak() -> int:
    """Return the most bytes that the process has held."""
    return _status('VmHWM')


def synchronize(device: str) -> None:
    """Wait for the device."""
    if device == 'cuda':
        torch.cuda.synchronize()
