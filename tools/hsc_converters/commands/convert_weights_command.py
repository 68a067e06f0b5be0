"""Convert weights of ResNet-38d into a checkpoint of this project."""
import argparse
import shlex

from hsc_mm.cli import common as cli

__all__ = ['main']

_USE = """Convert weights of ResNet-38d into a checkpoint of this project.

SRC is the ImageNet network as MXNet saved it (.params), or a checkpoint of
HSC, EPS or SEAM.
"""


_DOCTOR = 'python -m hsc_mm doctor configs/hsc_r38d_eps_voc.py'
#: Source of a checkpoint -> the config that it fits.
_CONFIGS = dict(eps='eps_r38d_voc', seam='seam_r38d_voc',
                hsc='hsc_r38d_eps_voc-release')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=_USE)
    parser.add_argument('src', type=cli.file_path, help='file to convert')
    parser.add_argument('dst', type=cli.file_path, help='checkpoint to write')
    parser.add_argument(
        '--source',
        choices=['auto', 'mxnet', 'eps', 'seam', 'hsc'],
        default='auto',
        help='what the file is (default: told from its tensors)')
    parser.add_argument(
        '--background',
        choices=['first', 'last', 'none'],
        help='which channel of its classifier is the background (default: '
        'hsc last, eps last, seam first)')
    parser.add_argument(
        '--num-classes',
        type=int,
        default=21,
        help='classes with the background (default: 21)')
    args = cli.parse(parser)
    if not args.src.is_file():
        parser.error(f'src {args.src}: there is no such file')
    return args


def main() -> int:
    """Convert, and say what was taken for what."""
    args = parse_args()
    from ..weights import convert
    done = convert(args.src, args.dst, args.source, args.background,
                   args.num_classes)
    meta = done['meta']
    text = f'{len(done["state_dict"])} tensors of source {meta["source"]}'
    if 'background' in meta:
        text += (f'; background of its classifier: {meta["background"]}, '
                 'now channel 0')
    name = shlex.quote(str(args.dst))
    source = meta['source']
    then = [f'RESNET38D_WEIGHTS={name} {_DOCTOR}'] if source == 'mxnet' else [
        f'python -m hsc_mm test configs/{_CONFIGS[source]}.py {name}'
    ] * (args.num_classes == 21)
    cli.finish(f'{args.dst}: {text}', *then)
    return 0
