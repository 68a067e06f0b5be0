"""Apply a checkpoint of either stage to your own pictures."""
import argparse
import sys
from collections import defaultdict

from . import common as cli
from .label_flags import add_tiles, tiles

__all__ = ['main']


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'inputs', nargs='+', metavar='IMAGE|FOLDER',
        help='pictures, or folders with their sub-folders')
    parser.add_argument('--config', help='config file')
    parser.add_argument(
        '--checkpoint',
        required=True,
        help='its checkpoint, or an ONNX file, which needs no config')
    parser.add_argument(
        '--labels',
        nargs='+',
        help='classes that the images hold, or "none" (default: the '
        'classifier decides)')
    parser.add_argument(
        '--out',
        default='work_dirs/predictions',
        help='folder to write to (default: work_dirs/predictions)')
    parser.add_argument(
        '--threshold',
        type=cli.threshold,
        help='background threshold (default: model.test_cfg.bg_threshold)')
    parser.add_argument(
        '--tta', action='store_true', help='several scales and flip')
    add_tiles(parser)
    parser.add_argument('--device', help='default: cuda if available')
    cli.add_options(parser)
    cli.add_trust(parser)
    args = cli.parse(parser)
    onnx = args.checkpoint.endswith('.onnx')
    if onnx and (args.config or args.cfg_options):
        parser.error(f'--checkpoint {args.checkpoint}: expected no config and '
                     'no --cfg-options beside an ONNX file, which has its '
                     'settings in a JSON file')
    if not (onnx or args.config):
        parser.error('expected --config FILE, the config of the checkpoint')
    return args


def main() -> int:
    """Predict."""
    args = parse_args()
    from hsc_mm.inference import load_config
    from hsc_mm.inference.inferencer import HSCInferencer
    from hsc_mm.inference.inputs import list_inputs
    from hsc_mm.utils.data_folders import refuse_data_of
    from hsc_mm.utils.locks import hold
    left_out = defaultdict(list)
    # What is not there is said first.
    total = len(list_inputs(args.inputs, left_out))
    cli.note(left_out)
    model = [args.checkpoint]
    if args.config:
        cfg = load_config(args.config, args.cfg_options)
        refuse_data_of(cfg, args.out, '--out')
        model.insert(0, cfg)
    inferencer = HSCInferencer(
        *model,
        device=args.device,
        tta=args.tta,
        threshold=args.threshold,
        tiles=tiles(args))
    labels = [] if args.labels == ['none'] else args.labels
    results = inferencer.predict(args.inputs, labels, args.out)
    hold(args.out)
    lines, failures = [], []
    for result in cli.progress(results, total, 'images'):
        if result['error']:
            failures.append(result['error'])
        else:
            found = ', '.join(result['classes']) or 'no class'
            lines.append(f'{cli.plain(result["name"])}: {found}')
    for line in lines:
        print(line)
    for line in failures:
        print(f'  {cli.plain(line)}', file=sys.stderr)
    cli.warn(inferencer.warnings)
    cli.finish(f'{args.out}: {total - len(failures)} of {total} images; '
               f'{len(failures)} failed')
    return 1 if failures else 0
