"""Run both stages: CAM, seeds, pseudo labels, segmentation, report.

Steps that are complete and whose inputs did not change are skipped.
"""
import argparse

from mmengine.config import DictAction

from hsc_mm.inference import load_config
from hsc_mm.pipeline import STEPS, Pipeline, console_table
from hsc_mm.utils import write_json
from . import common as cli


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cam_config', help='config of the CAM stage')
    parser.add_argument(
        'seg_config',
        nargs='?',
        help='config of the segmentation stage; without one the pipeline '
        'ends with the scores of the seeds')
    parser.add_argument('--work-dir', required=True, help='output folder')
    parser.add_argument(
        '--threshold',
        type=cli.threshold,
        help='background threshold of the pseudo labels (default: the best '
        'one on the masks of the test split; without masks, the config\'s)')
    parser.add_argument(
        '--force',
        nargs='+',
        choices=STEPS,
        default=[],
        metavar='STEP',
        help=f'run these in any case: {", ".join(STEPS)}')
    parser.add_argument(
        '--from',
        dest='start',
        choices=STEPS,
        metavar='STEP',
        help='run this step and all after it in any case')
    for stage in ('cam', 'seg'):
        parser.add_argument(
            f'--{stage}-options',
            nargs='+',
            action=DictAction,
            help=f'values that override the config of the {stage} stage')
    return cli.parse(parser)


def main() -> None:
    """Run the pipeline and print its table."""
    args = parse_args()
    pipeline = Pipeline(
        load_config(args.cam_config, args.cam_options),
        load_config(args.seg_config, args.seg_options)
        if args.seg_config else None,
        args.work_dir,
        threshold=args.threshold)
    force = set(args.force)
    unknown = force.union(filter(None, [args.start])) - set(pipeline.steps)
    if unknown:
        raise ValueError(f'--force/--from {sorted(unknown)[0]}: without a '
                         'seg_config the steps are cam and seeds.')
    if args.start:
        force.update(STEPS[STEPS.index(args.start):])
    pipeline.run(force)
    results = {name: m.result for name, m in pipeline.manifests.items()}
    seconds = {name: m.seconds for name, m in pipeline.manifests.items()}
    write_json(pipeline.root / 'summary.json',
               dict(
                   results=results,
                   seconds=seconds,
                   batch_size=pipeline.cam_cfg.train_dataloader.batch_size))
    print(console_table(results, seconds))
    if 'report' in pipeline.steps:
        print(f'report: {pipeline.folder("report") / "index.html"}')
