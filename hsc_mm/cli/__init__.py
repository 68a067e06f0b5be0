"""Commands: ``python -m hsc_mm COMMAND``, or the tools of the same names.

Each module of this package is one command, whose ``main()`` reads
``sys.argv`` and returns the exit status; ``common`` and ``label_flags`` are
what they share. What the library does not need lies beside it, in the folder
of the tools: ``hsc_converters`` and ``hsc_analysis``.
"""
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType

import hsc_mm
from hsc_mm import compat

__all__ = ['COMMANDS', 'add_tools', 'import_command', 'run_command']

#: Command -> what it does, in the order of a user's way through them.
COMMANDS = dict(
    new_dataset='survey your own pictures, write a config for each stage',
    prepare_voc='check a folder in VOC layout, write its image labels',
    cut_voc='make a small subset of PASCAL VOC with a few classes',
    prepare_coco='make image labels, lists and masks for MS-COCO 2014',
    make_saliency='make saliency maps with a model of your own',
    convert_weights='convert weights of ResNet-38d',
    doctor='check a config, its data and the machine before training',
    train='train either stage',
    test='evaluate either stage',
    make_pseudo_labels='turn the CAMs of a checkpoint into pseudo labels',
    import_seeds='import the seeds of another project',
    pipeline='run both stages, from image labels to a report',
    run_matrix='run several configs and seeds through the pipeline',
    matrix_tables='put the tables of a matrix into pages',
    predict='apply a checkpoint to pictures',
    check_labels='list image labels that a trained classifier contradicts',
    export_onnx='export a checkpoint to ONNX',
    contact_sheet='draw the pictures on which a folder of masks scores worst',
    export='write masks for an annotation tool, the most doubtful first',
    **{'import': 'bring corrected masks back, as trusted ones'},
    figures='draw figures for a paper from a finished pipeline',
    pack_voc_submission='pack predicted masks for the PASCAL VOC server')

_EXAMPLES = """
examples:
  python -m hsc_mm new_dataset data/mine --out configs/mine
  python -m hsc_mm doctor configs/hsc_r50_voc.py
  python -m hsc_mm train configs/hsc_r50_voc.py --work-dir work_dirs/cam
  python -m hsc_mm pipeline configs/demo/hsc_demo.py --work-dir work_dirs/demo

"python -m hsc_mm COMMAND --help" lists the arguments of a command."""

#: Command -> its module in the folder of the tools.
_BESIDE = {
    name: f'hsc_converters.commands.{name}_command'
    for name in ('new_dataset', 'prepare_voc', 'cut_voc', 'prepare_coco',
                 'make_saliency', 'convert_weights', 'import_seeds',
                 'pack_voc_submission')
}
_BESIDE.update(
    run_matrix='hsc_analysis.matrix_command',
    matrix_tables='hsc_analysis.tables_command',
    check_labels='hsc_analysis.labels_command',
    contact_sheet='hsc_analysis.sheet_command',
    figures='hsc_analysis.figures_command',
    export_onnx='hsc_converters.commands.export_onnx_command',
    export='hsc_converters.commands.export_masks_command',
    **{'import': 'hsc_converters.commands.import_masks_command'})


def add_tools() -> None:
    """Let the tools be imported: those of a wheel, or of the checkout."""
    package = Path(hsc_mm.__file__).parent
    shipped = package / '.mim' / 'tools'
    tools = str(shipped if shipped.is_dir() else package.parent / 'tools')
    if tools not in sys.path:
        sys.path.append(tools)


def import_command(name: str) -> ModuleType:
    """Import the module of a command, which has a ``main()``.

    Args:
        name (str): One of :data:`COMMANDS`.
    """
    if name not in _BESIDE:
        return import_module(f'{__name__}.{name}')
    add_tools()
    return import_module(_BESIDE[name])


def run_command(name: str) -> int:
    """Run a command with the arguments in ``sys.argv[1:]``.

    Args:
        name (str): One of :data:`COMMANDS`.

    Returns:
        int: The exit status.
    """
    from .signals import stoppable
    try:
        compat.check_families()
        compat.check_torchvision()
        with stoppable():  # the import takes seconds
            from . import common
        return common.run(lambda: import_command(name).main())
    except ImportError as error:  # what reports errors needs them, too
        if os.environ.get('HSC_MM_TRACEBACK', '0') not in ('', '0'):
            raise
        print(f'error: {_explained(error)}', file=sys.stderr)
        return 1


def _explained(error: ImportError) -> str:
    """Return what an import lacks; of OpenCV, also how to get it."""
    places = [Path(frame.f_code.co_filename)
              for frame, _ in traceback.walk_tb(error.__traceback__)][-1:]
    if 'cv2' not in {(error.name or '').split('.')[0],
                     *(one.parent.name for one in places),
                     *(one.stem for one in places)}:
        return str(error)
    return (f'hsc_mm needs OpenCV, which cannot be imported ({error}). It is '
            'built for systems with a display: run "apt install libgl1 '
            'libglib2.0-0" on Debian and Ubuntu, or put '
            'opencv-python-headless of the same version in its place.')


def main() -> int:
    """Run the command that ``sys.argv[1]`` names, or list them all."""
    name = sys.argv[1] if len(sys.argv) > 1 else '--help'
    if name in ('-h', '--help'):
        from .signals import output_is_closed
        try:
            print('usage: python -m hsc_mm COMMAND ...\n\ncommands:', *(
                f'  {command:20s} {text}'
                for command, text in COMMANDS.items()),
                  _EXAMPLES,
                  sep='\n')
        except BrokenPipeError:
            pass
        output_is_closed()
        return 0
    if name == '--version':
        print(hsc_mm.__version__)
        return 0
    if name not in COMMANDS:
        from hsc_mm.utils.numbers import nearest
        print(f'error: expected a command, found "{name}".'
              f'{nearest(name, COMMANDS)} "python -m hsc_mm --help" lists '
              'them.', file=sys.stderr)
        return 2
    sys.argv = [f'python -m hsc_mm {name}', *sys.argv[2:]]
    return run_command(name)
