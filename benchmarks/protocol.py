#!/usr/bin/env python
"""Protocol of docs/protocol.md: the table of one data set, by run_matrix.

Writes a config for each method and network into the work dir, then runs them
with every seed. What is done is not done again: a table may take days, and the
same command resumes it.
"""
import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from hsc_mm.cli import common as cli
from hsc_mm.cli import run_command
from hsc_mm.utils import atomic_write_bytes, read_json
from hsc_mm.utils.outputs import claim

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs' / 'voc-animals'
FOLDERS = (CONFIGS, CONFIGS / 'ablation', ROOT / 'projects/ppc/configs')
NETWORKS = ('lite0', 'mbv2')
#: Methods, and their configs by network and data set.
METHODS = dict(
    cam='cam_{0}_{{}}',
    seam='seam_{0}_{{}}',
    hsc='hsc_{0}_{{}}',
    eps='eps_{0}_{{}}',
    hsc_eps='hsc_eps_{0}_{{}}',
    ppc='ppc_seam_{0}_{{}}',
    hsc_release='hsc_{0}_{{}}_release')
#: Those that run where --methods is not given.
USUAL = ('cam', 'seam', 'hsc', 'eps', 'hsc_eps')
CROPS = (160, 320)
_TWO_VIEWS = ('seam', 'hsc', 'ppc')


class DataSet(NamedTuple):
    """A folder in VOC layout.

    Attributes:
        train (str): List that is trained on.
        seeds (str): List whose masks score seeds.
        test (str): List whose masks score the segmentor.
        saliency (bool): Whether it has saliency maps, which EPS needs.
        voc (bool): Whether masks have VOC's indices, else those of the
            classes of ``image_labels.json``.
    """
    train: str = 'train'
    seeds: str = 'train'
    test: str = 'val'
    saliency: bool = False
    voc: bool = False


SETS = {
    'voc-animals': DataSet(train='train_aug', saliency=True, voc=True),
    'neu-seg': DataSet(),
    'magnetic-tile': DataSet(),
    # Its training pictures have tags that people gave, and no masks: seeds of
    # other pictures are scored, and told their classes.
    'clothing-ccp': DataSet(seeds='val'),
}

_LEAF = """# Written by benchmarks/protocol.py.
_base_ = {base!r}
data = dict(
    data_root={root!r},
    metainfo=dict(classes={classes!r}),
    vocabulary={vocabulary!r})
train_dataloader = dict(dataset=dict(
    data, ann_file='ImageSets/Segmentation/{train}.txt'))
val_dataloader = dict(dataset=dict(
    data, ann_file='ImageSets/Segmentation/{scored}.txt'))
test_dataloader = val_dataloader
"""
_CAM = """model = dict(
    decode_head=dict(num_classes={number}),
    test_cfg=dict(labels_on_unseen_split={unseen}))
pseudo_label = dict(refiners=[dict(type='hsc_mm.PAR')])
"""
#: Crops of 320 pixels: at stride 16 as many positions as the grid of HSC.
_LARGE = """train_pipeline = _base_.train_dataloader.dataset.pipeline
train_pipeline[3].update(long_side=(256, 512))
train_pipeline[6].update(size=(320, 320))
train_dataloader['dataset'].update(pipeline=train_pipeline)
test_pipeline = _base_.test_dataloader.dataset.pipeline
test_pipeline[1].update(scale=(384, 384))
val_dataloader['dataset'].update(pipeline=test_pipeline)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1].transforms[0] = [
    dict(type='Resize', scale=(side, side), keep_ratio=True)
    for side in (384, 576)
]
"""
_LARGE_VIEW = 'model.update(second_view=(256, 256))\n'
_SEGMENTOR = """model = dict(
    decode_head=dict(num_classes={number}),
    auxiliary_head=dict(num_classes={number}))
"""


def base_config(stem: str) -> Path:
    """Return the config of six classes of VOC; see :func:`write_leaf`."""
    paths = [folder / f'{stem.format("voc-animals")}.py' for folder in FOLDERS]
    return next(path for path in paths if path.is_file())


def write_leaf(stem: str, name: str, root: Path, folder: Path,
               crop: int = 160) -> Path:
    """Write the config of a method on a data set.

    Args:
        stem (str): A config of six classes of VOC, ``{}`` where its name has
            the data set: ``'hsc_lite0_{}'``.
        name (str): Key of :data:`SETS`.
        root (Path): Folder of the data.
        folder (Path): Where it is written.
        crop (int): Side of the crops of the CAM stage, one of :data:`CROPS`.

    Returns:
        Path: The config.

    Raises:
        ValueError: The folder has one of other settings.
        OSError: It cannot be written.
    """
    data, second = SETS[name], stem.endswith('-pseudo')
    classes = ('background', *read_json(root / 'image_labels.json')['classes'])
    leaf = _LEAF + (_SEGMENTOR if second else _CAM)
    if crop == CROPS[1] and not second:
        leaf += _LARGE + _LARGE_VIEW * stem.startswith(_TWO_VIEWS)
    path = claim(folder, f'{stem.format(name)}.py', option='--work-dir')
    text = leaf.format(
        base=str(base_config(stem)),
        root=str(root.resolve()), classes=classes, train=data.train,
        vocabulary=None if data.voc else classes,
        scored=data.test if second else data.seeds, number=len(classes),
        unseen=data.seeds == data.test)
    if path.is_file() and settings(
            path.read_text('utf-8')) != settings(text):
        raise ValueError(
            f'{path}: expected the settings of this command, found others, '
            'such as another --crop. Cells of both would stand in one table. '
            'Choose another --work-dir, or remove the file.')
    atomic_write_bytes(path, text.encode())
    return path


def settings(text: str) -> list[str]:
    """Return the lines of a leaf without the places of base and data."""
    return [line for line in text.splitlines()
            if not line.lstrip().startswith(('_base_', 'data_root='))]


def check_root(parser: argparse.ArgumentParser, root: Path) -> None:
    """End with a sentence where a folder holds no data set."""
    if not (root / 'image_labels.json').is_file():
        parser.error(f'root {root}: expected a folder in VOC layout with '
                     'image_labels.json (docs/data.md)')


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Other options go to tools/run_matrix.py.')
    parser.add_argument('name', choices=sorted(SETS), help='the data set')
    parser.add_argument(
        'root', type=cli.file_path, help='its folder, in VOC layout')
    parser.add_argument(
        '--work-dir', type=cli.file_path, required=True, help='output folder')
    parser.add_argument('--network', choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument('--methods', nargs='+', choices=METHODS)
    parser.add_argument(
        '--crop', type=int, choices=CROPS, default=CROPS[0],
        help='side of the crops of the CAM stage (default: 160, for a CPU)')
    parser.add_argument(
        '--segmentor', action='store_true', help='train the second stage too')
    args, rest = parser.parse_known_args()
    check_root(parser, args.root)
    args.methods = args.methods or [
        m for m in USUAL if SETS[args.name].saliency or 'eps' not in m]
    if not SETS[args.name].saliency and any('eps' in m for m in args.methods):
        parser.error(f'--methods: eps needs saliency maps, which {args.name} '
                     'has not')
    return args, rest


def main() -> int:
    """Write the configs and run them."""
    args, rest = parse_args()
    folder = args.work_dir / 'configs'
    stems = [METHODS[method].format(args.network) for method in args.methods]
    try:
        words = [
            str(write_leaf(stem, args.name, args.root, folder, args.crop))
            for stem in stems
        ]
        if args.segmentor:
            words += ['--seg-config', str(write_leaf(
                f'deeplabv3plus_{args.network}_{{}}-pseudo', args.name,
                args.root, folder))]
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
    sys.argv = ['run_matrix', *words, '--work-dir', str(args.work_dir), *rest]
    return run_command('run_matrix')


if __name__ == '__main__':
    sys.exit(main())
