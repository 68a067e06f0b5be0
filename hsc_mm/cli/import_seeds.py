"""Read the seeds of another project and write them in our own format."""
import argparse
import copy
import sys

from hsc_mm.datasets.checks import missing_files
from hsc_mm.inference import load_config, seeds
from hsc_mm.pseudo_labels.foreign import FORMATS
from hsc_mm.registry import DATASETS
from . import common as cli

_LISTED = 20


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='folder with one file for each image')
    parser.add_argument('--config', required=True, help='config file')
    parser.add_argument('--out', required=True, help='folder for the seeds')
    parser.add_argument(
        '--format',
        choices=['auto', *FORMATS],
        default='auto',
        help='format of the files (default: auto)')
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='train',
        help='whose dataloader names the images (default: train)')
    parser.add_argument(
        '--kind',
        choices=['soft', 'hard'],
        help='maps or masks (default: soft, of PNGs hard)')
    parser.add_argument(
        '--class-offset',
        type=int,
        help='what is added to an index of a file to make it an index of the '
        "data set's masks (default: 1 for npy and irn, 0 for png and npz)")
    parser.add_argument('--map', help='name of the maps in an IRN file')
    parser.add_argument(
        '--normalize',
        action='store_true',
        help='divide each map by its maximum')
    parser.add_argument(
        '--threshold',
        type=cli.threshold,
        help='background threshold of hard seeds, and the fixed one of the '
        'evaluation (default: model.test_cfg.bg_threshold, or 0.3)')
    parser.add_argument(
        '--evaluate',
        nargs='?',
        const='test',
        choices=['train', 'val', 'test'],
        help='score the seeds on the masks of this split (default: test)')
    parser.add_argument(
        '--supervision',
        default='not stated',
        help='what the method was trained from, for the table')
    parser.add_argument('--json', help='file for the result of the evaluation')
    parser.add_argument(
        '--cfg-options', nargs='+', action=cli.DictAction,
        help='values that override the config, as key=value')
    return cli.parse(parser)


def _evaluate(cfg, args: argparse.Namespace, kind: str) -> None:
    """Print the score of what is in the folder."""
    from hsc_mm.evaluation.folder import score_folder
    from hsc_mm.evaluation.report import seed_tables
    from hsc_mm.pseudo_labels.foreign import hard_table, score_soft_folder
    from hsc_mm.utils import write_json
    options = copy.deepcopy(cfg[f'{args.evaluate}_dataloader'].dataset)
    options.update(pipeline=[], test_mode=True, serialize_data=False)
    dataset = DATASETS.build(options)
    if 'seg_map_path' not in dataset.data_prefix:
        raise ValueError(
            f'--evaluate {args.evaluate}: expected seg_map_path in the '
            f'data_prefix of {args.evaluate}_dataloader, found none. Name a '
            'split with masks.')
    suffix = '.npz' if kind == 'soft' else '.png'
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    missing = missing_files(
        f'{args.out}/{info["img_id"]}{suffix}' for info in infos)
    if missing:
        raise ValueError(
            f'--evaluate {args.evaluate}: expected the seeds of its '
            f'{len(infos)} images in {args.out}, {len(missing)} are missing, '
            f'such as {missing[0]}. A score without them would not compare.')
    if kind == 'soft':
        found = score_soft_folder(args.out, dataset, args.threshold,
                                  args.supervision)
        text = seed_tables(found).replace('the classifier chose the classes',
                                          'the files chose the classes')
    else:
        found = score_folder(args.out, dataset)
        text = hard_table(found, args.supervision)
        found['supervision'] = args.supervision
    print(text)
    if args.json:
        write_json(args.json, found)


def main() -> int:
    """Import the seeds."""
    from hsc_mm.pseudo_labels.foreign import SeedImporter, source_format
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    if args.threshold is None:
        test_cfg = cfg.model.get('test_cfg') or {}
        args.threshold = float(test_cfg.get('bg_threshold', 0.3))
    dataset = seeds.seed_dataset(
        cfg, args.split, check=False, guard=False)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    form = args.format
    if form == 'auto':
        form = source_format(args.source, [info['img_id'] for info in infos])
    kind = args.kind or ('hard' if form == 'png' else 'soft')
    importer = SeedImporter(
        args.source,
        form,
        args.out,
        kind,
        dataset.all_classes,
        offset=args.class_offset,
        map_name=args.map,
        normalize=args.normalize,
        threshold=args.threshold)
    missing, broken = [], []
    for info in cli.progress(infos, len(infos), f'{form} -> {kind}'):
        try:
            importer.convert(info)
        except FileNotFoundError as error:
            missing.append(str(error))
        except (OSError, ValueError) as error:
            broken.append(str(error))
    failed = len(missing) + len(broken)
    importer.finish(len(infos) - failed, failed)
    for lines in (missing, broken):
        for line in lines[:_LISTED]:
            print(f'  {line}', file=sys.stderr)
        if len(lines) > _LISTED:
            print(f'  ... and {len(lines) - _LISTED} more', file=sys.stderr)
    print(f'{args.out}: {len(infos) - failed} of {len(infos)} seeds written '
          f'({form} -> {kind}), {len(missing)} missing, {len(broken)} broken')
    if args.evaluate:
        _evaluate(cfg, args, kind)
    return 1 if failed else 0
