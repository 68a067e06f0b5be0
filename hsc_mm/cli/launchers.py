"""Environment variables by which a launcher starts several processes."""
import os

__all__ = ['launch_problem']

_LAUNCHED = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
    mpi=('OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_RANK',
         'OMPI_COMM_WORLD_SIZE'))
_LAUNCHERS = dict(
    pytorch='"torchrun --nproc_per_node N"', slurm='"srun"', mpi='"mpirun"')
_MANY = 1 << 31


def launch_problem(launcher: str) -> str | None:
    """Say what is wrong with the variables of a launcher.

    mmengine and torch read them before anything can explain them.

    Args:
        launcher (str): ``'pytorch'``, ``'slurm'``, ``'mpi'``; ``'none'`` for
            one process.

    Returns:
        str | None: A sentence; None where nothing is wrong.
    """
    missing = [n for n in _LAUNCHED.get(launcher, ()) if n not in os.environ]
    if missing:
        return (f'--launcher {launcher}: expected {", ".join(missing)} in the '
                f'environment, which {_LAUNCHERS[launcher]} sets. Start the '
                'command with it, or omit --launcher for one process.')
    size = os.environ.get('WORLD_SIZE', '')
    ranks = int(size) if size.isdecimal() and int(size) else _MANY
    for name, least, below in (
            ('WORLD_SIZE', 1, _MANY), ('LOCAL_RANK', 0, _MANY),
            ('RANK', 0, ranks), ('MASTER_PORT', 0, 1 << 16)):
        text = os.environ.get(name, str(least))
        if not (text.isdecimal() and least <= int(text) < below):
            return (f'environment variable {name}: expected a whole number '
                    f'from {least} to {below - 1}, found {text!r}. A launcher '
                    'sets it; unset it for one process.')
    return None
