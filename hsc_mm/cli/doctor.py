"""Check configs, their data and the machine; say how to fix problems.

The exit status is 1 if there is an error; warnings do not fail.
"""
import argparse
import shlex
import sys
from pathlib import Path

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    from . import common as cli
    parser = argparse.ArgumentParser(description=__doc__)
    cli.add_config(parser, launcher=False)
    parser.add_argument(
        'seg_config',
        nargs='?',
        help='config of the segmentation stage, if the first is that of the '
        'CAM stage')
    parser.add_argument(
        '--dry-run',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='train on the real data for about a minute, to measure memory '
             'and time and to check the loss (default)')
    parser.add_argument(
        '--seg-options',
        nargs='+',
        action=cli.DictAction,
        help='values that override the config of the segmentation stage')
    parser.add_argument('--json', help='JSON file for the findings')
    return cli.parse(parser)


def main() -> int:
    """Examine."""
    args = parse_args()
    from hsc_mm.doctor import as_json, as_text, examine
    from hsc_mm.inference import load_config
    from hsc_mm.inference.config_options import option_words
    from hsc_mm.utils import write_json
    from hsc_mm.utils.checkpoints import trusted
    from hsc_mm.utils.data_folders import refuse_data_of
    from hsc_mm.utils.outputs import claim_file
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    seg = args.seg_config and load_config(
        args.seg_config, args.seg_options, args.work_dir, '--seg-options')
    # Before the work: a file of the user's is refused at once.
    configs = [args.config, args.seg_config]
    for one in filter(None, (args.json and cfg, args.json and seg)):
        refuse_data_of(one, Path(args.json).parent, '--json', one_file=True)
    out = args.json and claim_file(args.json, configs, '--json')
    findings = examine(
        cfg,
        args.dry_run,
        lambda title: print(f'looking at: {title}', file=sys.stderr),
        seg)
    if args.json:
        write_json(out, as_json(findings))
    title = ' and '.join(filter(None, configs))
    print(as_text(title, findings, colour=sys.stdout.isatty()))
    if any(finding.level == 'error' for finding in findings):
        return 1
    work_dir = args.work_dir or cfg.work_dir
    if args.seg_config and not args.work_dir:  # of both: hsc_mine -> mine
        work_dir = Path(work_dir).with_name(
            Path(work_dir).name.partition('_')[2] or 'pipeline')
    both = bool(args.seg_config)
    print('next: ' + shlex.join([
        'python', '-m', 'hsc_mm', 'pipeline' if both else 'train',
        *filter(None, configs), '--work-dir', str(work_dir),
        *['--trust-checkpoint'] * trusted(),
        *option_words('--cam-options' if both else '--cfg-options',
                      args.cfg_options),
        *option_words('--seg-options', args.seg_options)]))
    return 0
