"""Draw figures for a paper, each as PDF and PNG, from a finished pipeline.

Picture grid, threshold curves and prototype similarity are those of the work
dir; with --matrix there are bars of an ablation as well.
"""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hsc_mm.cli import common as cli

if TYPE_CHECKING:
    from hsc_mm.pipeline import Pipeline

__all__ = ['main']

_OF_PIPELINE = ('grid', 'thresholds', 'prototypes')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cam_config', nargs='?', help='config of the CAM '
                        'stage, as it was given to the pipeline')
    parser.add_argument('seg_config', nargs='?',
                        help='config of the segmentation stage')
    parser.add_argument('--work-dir', help='output folder of the pipeline')
    parser.add_argument(
        '--baseline', nargs='+', default=[], metavar='CONFIG',
        help='configs of the baselines of the pipeline')
    parser.add_argument(
        '--matrix', metavar='JSON', help='matrix.json of run_matrix')
    parser.add_argument(
        '--column', default='seeds, best',
        help='column of the matrix that is drawn (default: "seeds, best")')
    parser.add_argument(
        '--pictures', type=cli.positive, default=6,
        help='rows of the grid (default: 6), spread evenly over the training '
        'images, worst first')
    parser.add_argument(
        '--worst', action='store_true',
        help='rows of the grid: the training images whose pseudo labels have '
        'the lowest mIoU, of each class in turn; classes and mIoU beside each '
        'row (needs masks)')
    parser.add_argument('--out', required=True, help='folder for the figures')
    args = cli.parse(parser)
    if bool(args.cam_config) != bool(args.work_dir):
        parser.error('cam_config and --work-dir: expected both or none')
    if not args.cam_config and not args.matrix:
        parser.error('expected cam_config and --work-dir, or --matrix')
    return args


def _of_pipeline(args: argparse.Namespace) -> dict:
    """Draw the figures of a finished pipeline."""
    from hsc_mm.engine.hooks.cam_visualization_hook import prototype_matrices
    from hsc_mm.inference import load_config, seeds
    from hsc_mm.pipeline import build_pipeline
    from hsc_mm.pipeline.steps.report import draw_training
    from hsc_mm.utils.data_folders import refuse_data_of
    from hsc_mm.visualization.figures import draw_matrices
    from .figures import grid_figure, threshold_figure
    cam, seg, *others = (load_config(path) if path else None for path in (
        args.cam_config, args.seg_config, *args.baseline))
    for cfg in filter(None, (cam, seg, *others)):
        refuse_data_of(cfg, args.out, '--out')
    pipeline = build_pipeline(cam, seg, args.work_dir, baselines=others)
    ctx = pipeline.context
    _check_finished(pipeline, args.work_dir)
    found = dict(grid=grid_figure(
        draw_training(ctx, args.pictures, args.worst), scores=args.worst))
    scored = {
        name.removesuffix('-seeds') if name != 'seeds' else 'CAM stage':
        ctx.result(name) for name, step in ctx.steps.items()
        if 'seeds' in step.makes and ctx.result(name)
    }
    if scored:
        found['thresholds'] = threshold_figure(scored)
    classes = list(ctx.dataset('cam', 'train').metainfo['classes'])
    matrices = prototype_matrices(seeds.build_model(
        cam, str(ctx.checkpoint('cam')), 'cpu', classes))
    if matrices:
        found['prototypes'] = draw_matrices(matrices, classes)
    return found


def _check_finished(pipeline: 'Pipeline', work_dir: str) -> None:
    """Refuse a pipeline that is not finished, or of other configs or data."""
    for name, manifest in pipeline.context.manifests.items():
        if not manifest.content:
            raise ValueError(
                f'--work-dir {work_dir}: expected a finished pipeline of '
                f'these configs, found no result of the step {name}. '
                'Run the pipeline with the same arguments first.')
        reason = pipeline.reason_to_run(name) or ''
        if {'config', 'inference', 'data'} & {*reason.removeprefix(
                'changed: ').split(', ')}:
            raise ValueError(
                f'--work-dir {work_dir}: expected the configs and data of the '
                f'pipeline, found others (step {name}, {reason}). Options of '
                'the pipeline are part of its configs: name '
                f'{work_dir}/manifests/cam_config.py instead.')


def main() -> None:
    """Draw and write."""
    args = parse_args()
    from hsc_mm.utils.locks import hold
    from hsc_mm.utils.outputs import claim_folder, drop
    from .figures import ablation_figure, save_figure
    from .matrix_files import read_matrix
    bars = dict(ablation=ablation_figure(
        read_matrix(args.matrix), args.column)) if args.matrix else {}
    figures = {**(_of_pipeline(args) if args.cam_config else {}), **bars}
    hold(claim_folder(args.out))
    for name, figure in figures.items():
        save_figure(figure, Path(args.out), name)
    if args.cam_config:  # those of another pipeline
        for name in {*_OF_PIPELINE} - {*figures}:
            for kind in ('pdf', 'png'):
                drop(args.out, f'{name}.{kind}')
    cli.finish(f'{args.out}: {", ".join(figures)}, each as PDF and PNG')
