"""Export a checkpoint of either stage to ONNX, and compare the two."""
import argparse
import shlex

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    cli.add_checkpoint(parser)
    parser.add_argument(
        '--out', required=True, metavar='FILE.onnx', help='file to write')
    parser.add_argument(
        '--size',
        nargs=2,
        type=cli.positive,
        metavar=('H', 'W'),
        help='height and width of the image that is traced (default: those '
        'of Resize in the test pipeline, or 512 512)')
    parser.add_argument(
        '--fixed',
        action='store_true',
        help='take no other size, for runtimes that need that')
    cli.add_options(parser)
    cli.add_trust(parser)
    return cli.parse(parser)


def main() -> int:
    """Export."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from ..onnx_export import export_onnx
    done = export_onnx(
        load_config(args.config, args.cfg_options), args.checkpoint,
        args.out, args.size, args.fixed)
    if not done.dynamic:
        print(f'The size is fixed, because {done.reason}. Pictures are '
              'resized to it, so predictions differ from those of the '
              'checkpoint.')
    cli.finish(
        f'{done.files[0]} and {done.files[1]}: {done.task}, images of '
        f'{"any size" if done.dynamic else "one size"}; outputs differ from '
        f'the model by at most {done.error:.1e} of the largest value',
        'python -m hsc_mm predict IMAGE --checkpoint '
        f'{shlex.quote(str(done.files[0]))}')
    return 0
