#!/usr/bin/env python
"""Turn the CAMs of a trained CAM stage into pseudo labels (palette PNGs)."""
import argparse
import sys

from hsc_mm.apis import cli, load_config, seeds, use_tta
from hsc_mm.evaluation.pseudo_labels import PseudoLabelFolder
from hsc_mm.utils import digest


def _threshold(text: str) -> str | float:
    return text if text == 'best' else cli.threshold(text)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    cli.add_config(parser, launcher=False)
    cli.add_checkpoint(parser)
    parser.add_argument('--out', required=True, help='folder for the PNGs')
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='train',
        help='whose dataloader names the images (default: train)')
    parser.add_argument(
        '--threshold',
        type=_threshold,
        help='background threshold: a number, or "best" to evaluate the test '
        'split first and take the best one, which looks at its masks '
        '(default: model.test_cfg.bg_threshold)')
    parser.add_argument(
        '--no-tta',
        action='store_true',
        help='one scale without flip, instead of tta_pipeline')
    parser.add_argument(
        '--workers', type=int, default=2, help='reading processes')
    parser.add_argument('--device', help='default: cuda if there is one')
    return cli.parse(parser)


def main() -> None:
    """Make the pseudo labels."""
    import torch
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options, args.work_dir)
    if args.threshold == 'best':
        args.threshold = seeds.best_threshold(
            cfg if args.no_tta else use_tta(cfg), args.checkpoint)
    test_cfg = cfg.model.test_cfg
    if args.threshold is not None:
        test_cfg.bg_threshold = args.threshold
    if not args.no_tta:
        cfg = use_tta(cfg)
    dataset = seeds.seed_dataset(cfg, args.split)
    folder = PseudoLabelFolder(
        args.out,
        dict(
            checkpoint=seeds.file_hash(args.checkpoint),
            threshold=test_cfg.bg_threshold,
            split=args.split,
            inference=digest([
                cfg.model.to_dict(), cfg.test_dataloader.dataset.pipeline
            ]),
            classes=list(dataset.metainfo['classes'])),
        label_map=dataset.metainfo['label_map'])
    total = len(dataset)
    missing = [
        i for i in range(total)
        if not folder.has(dataset.get_data_info(i)['img_id'])
    ]
    print(f'{args.out}: {total - len(missing)} of {total} pseudo labels are '
          f'there, background threshold {test_cfg.bg_threshold}')
    if missing:
        dataset.get_subset_(missing)
        device = args.device or (
            'cuda' if torch.cuda.is_available() else 'cpu')
        model = seeds.build_model(cfg, args.checkpoint, device)
        loader = seeds.seed_loader(dataset, args.workers)
        samples = seeds.iterate_seeds(model, loader)
        for sample in cli.progress(samples, len(missing), 'pseudo labels'):
            seed = sample.pred_sem_seg.data.squeeze(0).cpu().numpy()
            folder.write(sample.metainfo['img_id'], seed)
    folder.finish(total)
    print(f'{args.out}: all {total} pseudo labels are there')


if __name__ == '__main__':
    sys.exit(cli.run(main))
