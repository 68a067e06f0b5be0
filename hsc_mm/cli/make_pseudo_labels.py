"""Turn the CAMs of a trained CAM stage into pseudo labels.

Hard labels are palette PNGs, from a threshold or a CRF; soft ones are npz.
"""
import argparse
import sys
from dataclasses import replace

from mmengine.config import Config

from hsc_mm.crf import DenseCRF, build_crf
from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.inference import load_config, seeds, use_tta
from hsc_mm.inference.fast_model import make_fast
from hsc_mm.pseudo_labels.cams import MultiScaleCAM, iterate_cams
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.pseudo_labels.run import LabelRun, write_labels
from hsc_mm.pseudo_labels.settings import LabelSettings
from hsc_mm.pseudo_labels.stream import label_stream
from hsc_mm.pseudo_labels.views import view_loader
from hsc_mm.utils import digest
from . import common as cli


def _threshold(text: str) -> str | float:
    return text if text == 'best' else cli.threshold(text)


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition('/')
    if not (number.isdigit() and count.isdigit()
            and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(
            f'expected i/n with 1 <= i <= n, found {text}')
    return int(number), int(count)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'expected a whole number from 1, found {text}')
    return int(text)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    """Add what becomes of the CAMs."""
    rule = parser.add_mutually_exclusive_group()
    rule.add_argument(
        '--threshold',
        type=_threshold,
        help='background threshold: a number, or "best" to evaluate the test '
        'split first and take the best one, which looks at its masks '
        '(default: model.test_cfg.bg_threshold)')
    rule.add_argument(
        '--band',
        nargs=2,
        type=cli.threshold,
        metavar=('LOW', 'HIGH'),
        help='background below LOW, foreground above HIGH, 255 between')
    rule.add_argument(
        '--crf',
        nargs='?',
        const='pseudo_label',
        metavar='PRESET',
        help='dense CRF instead of a threshold (default: pseudo_label)')
    rule.add_argument(
        '--two-alpha',
        nargs=2,
        type=float,
        metavar=('LOW', 'HIGH'),
        help='CRF with two alphas, 255 where they disagree: 4 24')
    parser.add_argument(
        '--alpha',
        type=float,
        help='background of the CRF: (1 - highest CAM) ** alpha (default: 7)')
    parser.add_argument('--crf-backend', help='default: auto')
    parser.add_argument(
        '--soft',
        nargs='?',
        const='also',
        choices=['also', 'only'],
        help='write soft CAMs (npz) also, or only')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    cli.add_config(parser, launcher=False)
    cli.add_checkpoint(parser)
    parser.add_argument('--out', required=True, help='folder for the files')
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='train',
        help='whose dataloader names the images (default: train)')
    _add_labels(parser)
    parser.add_argument(
        '--no-tta',
        action='store_true',
        help='one scale without flip, instead of tta_pipeline')
    parser.add_argument(
        '--batch-size',
        type=_positive,
        default=4,
        help='images of equal size that are computed together (default: 4)')
    parser.add_argument(
        '--amp', action='store_true', help='compute in half precision')
    parser.add_argument(
        '--shard',
        type=_shard,
        default=(1, 1),
        metavar='I/N',
        help='do part I of N; the others write into the same folder')
    parser.add_argument(
        '--resume',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='keep files that are there and whole (default)')
    parser.add_argument(
        '--workers', type=int, default=2, help='reading processes')
    parser.add_argument('--device', help='default: cuda if there is one')
    return cli.parse(parser)


def main() -> int:
    """Make the pseudo labels."""
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    if args.threshold == 'best':
        args.threshold = seeds.best_threshold(
            cfg if args.no_tta else use_tta(cfg), args.checkpoint)
    if args.threshold is not None:
        cfg.model.test_cfg.bg_threshold = args.threshold
    settings = LabelSettings.merge(
        cfg,
        **{
            name: getattr(args, name)
            for name in ('band', 'crf', 'crf_backend', 'alpha', 'two_alpha',
                         'soft')
        })
    crf = None
    if settings.alphas:
        crf = build_crf(dict(device=args.device, **settings.crf_config))
        # 'auto' may mean something else on another machine.
        settings = replace(settings, crf_backend=crf.backend)
    if not args.no_tta:
        cfg = use_tta(cfg)
    dataset = seeds.seed_dataset(cfg, args.split, check=False)
    folder = PseudoLabelFolder(
        args.out,
        dict(
            checkpoint=seeds.file_hash(args.checkpoint),
            **settings.identity(),
            amp=args.amp or None,
            split=args.split,
            inference=_inference(cfg),
            classes=list(dataset.metainfo['classes'])),
        label_map=dataset.metainfo['label_map'],
        kinds=settings.kinds)
    run = LabelRun.plan(dataset, folder, args.batch_size, args.shard,
                        args.workers, args.resume)
    print(f'{args.out}: {len(run.there)} of {run.total} pseudo labels are '
          f'there, {settings}')
    if run.missing:
        _make(args, cfg, settings, crf, dataset, folder, run)
    alone = args.shard == (1, 1)
    complete = folder.finish(run.img_ids, alone)
    print('\n'.join(run.summary(dataset.metainfo['classes'])))
    if run.failures:
        print(f'error: {args.out}: {len(run.failures)} of {run.total} images '
              'failed, they are listed above', file=sys.stderr)
        return 1
    print(f'{args.out}: all {len(run.img_ids)} pseudo labels are there'
          if complete else f'{args.out}: other parts are not there yet, '
          f'{len(folder.missing(run.img_ids))} files')
    return 0


def _inference(cfg: Config) -> str:
    """Hash what CAMs are computed by: model and test pipeline."""
    model = cfg.model.to_dict()
    model.get('module', model)['test_cfg'].pop('pseudo_label', None)
    return digest([model, cfg.test_dataloader.dataset.pipeline])


def _make(args: argparse.Namespace, cfg: Config, settings: LabelSettings,
          crf: DenseCRF | None, dataset: BaseImageLabelDataset,
          folder: PseudoLabelFolder, run: LabelRun) -> None:
    """Compute and write what is missing."""
    import torch
    folder.begin()
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    model = make_fast(
        seeds.build_model(cfg, args.checkpoint, device), args.amp)
    loader, pipeline = view_loader(
        dataset,
        cfg,
        run.batches,
        args.workers,
        with_images=bool(settings.alphas),
        pin_memory=device.startswith('cuda'))
    cams = iterate_cams(
        MultiScaleCAM(model, pipeline.flips, args.amp), loader, run.there)
    on_gpu = crf and crf.backend == 'exact' and crf.device.startswith('cuda')
    labels = label_stream(cams, settings, crf, 0 if on_gpu else args.workers)
    write_labels(
        cli.progress(labels, run.missing, 'pseudo labels'), folder, run)
