"""Run both stages: CAM, seeds, pseudo labels, segmentation, report.

Steps that are complete and whose inputs did not change are skipped.
"""
import argparse
import shlex
from pathlib import Path

from . import common as cli

__all__ = ['main', 'parse_args']


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
        type=cli.threshold_or_rule,
        help='background threshold of the pseudo labels: a number; "fixed", '
        'that of the config; "auto" or the name of a label-free rule; '
        '"sufficiency", which asks the classifier about parts of pictures; '
        '"selected" on the masks of --select; "best" on the masks of the '
        'test split (default: "selected" with --select, else "best"; without '
        'masks threshold of pseudo_label in the config, else "fixed")')
    cli.add_selection(parser, 'seeds and of pseudo labels')
    parser.add_argument(
        '--baseline',
        nargs='+',
        default=[],
        metavar='CONFIG',
        help='configs of other CAM stages, whose seeds are listed beside '
             'those of cam_config in tables and report')
    parser.add_argument(
        '--force',
        nargs='+',
        default=[],
        metavar='STEP',
        help='run these steps even if they are current: cam, seeds, pseudo, '
             'seg, eval, report, or what pipeline.steps of the config names')
    parser.add_argument(
        '--from',
        dest='start',
        metavar='STEP',
        help='run this step and all later steps even if they are current')
    cli.add_trust(parser)
    for stage in ('cam', 'seg'):
        parser.add_argument(
            f'--{stage}-options',
            nargs='+',
            action=cli.DictAction,
            help=f'values that override {stage}_config'
            + ' and the baselines' * (stage == 'cam'))
    return cli.parse(parser)


def main() -> None:
    """Run the pipeline and print its table."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from hsc_mm.inference.config_options import option_words
    from hsc_mm.pipeline import run_pipeline
    found = run_pipeline(
        load_config(args.cam_config, args.cam_options, flag='--cam-options'),
        load_config(args.seg_config, args.seg_options, flag='--seg-options')
        if args.seg_config else None,
        work_dir=args.work_dir,
        threshold=args.threshold,
        select=args.select or args.select_list,
        baselines=[
            load_config(path, args.cam_options, flag='--cam-options')
            for path in args.baseline
        ],
        force=args.force,
        start=args.start,
        options=dict(cam=args.cam_options, seg=args.seg_options))
    print(found.table())
    cli.warn(found.warnings)
    if found.report:
        print(f'report: {found.report} (open it in a browser)')
        weights = (found.results.get('seg') or {}).get('checkpoint')
        if weights:
            print('next: python -m hsc_mm predict PICTURES ' + shlex.join([
                '--config', args.seg_config, '--checkpoint',
                str(Path(args.work_dir, 'seg', weights)),
                *option_words('--cfg-options', args.seg_options)]))
    else:
        cli.finish(args.work_dir)
