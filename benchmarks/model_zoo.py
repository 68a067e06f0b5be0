#!/usr/bin/env python
"""Model zoo: size, cost and measured speed of the network of every config.

    python benchmarks/model_zoo.py                     # sizes, and the page
    python benchmarks/model_zoo.py --steps CONFIG ...  # time and memory too
    python benchmarks/model_zoo.py --steps configs/*_voc.py --device cuda
    python benchmarks/model_zoo.py --seeds work_dirs/matrix/matrix.json

It writes `benchmarks/results/model_zoo.json` and `docs/model-zoo.md`. A step
is a whole training step of the config's own batch and crop, without loading.
`--seeds` takes the scores of seeds from the table of `run_matrix`.
"""
import argparse
import copy
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from measure import resident_peak, synchronize
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.flop_counter import FlopCounterMode
from zoo_page import take_seeds, write_page

from hsc_mm.cli import add_tools
from hsc_mm.cli import common as cli
from hsc_mm.functional.prototypes import MomentumPrototypes
from hsc_mm.registry import MODELS
from hsc_mm.utils import read_json, wrappers, write_json

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'benchmarks' / 'results'
TABLE = RESULTS / 'model_zoo.json'
_MEASURED = ('step', 'seeds')
PAGE = ROOT / 'docs' / 'model-zoo.md'


def leaves() -> list[str]:
    """Return every config that can be trained, relative to the root."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts)


def crop_size(cfg: Config) -> tuple[int, int]:
    """Return height and width of the crops that a config trains on."""
    size = wrappers.crop_size(cfg.train_dataloader.dataset.pipeline)
    if size is None:
        raise ValueError(f'{cfg.filename}: expected a crop, found none.')
    return size


def build(cfg: Config, device: str) -> torch.nn.Module:
    """Build the network of a config, without its pretrained weights."""
    init_default_scope(cfg.default_scope)
    model = copy.deepcopy(cfg.model)
    model.backbone.init_cfg = None
    if 'pretrained' in model.backbone:
        model.backbone.pretrained = False
    try:
        with torch.device(device):
            return MODELS.build(model)
    except RuntimeError:  # rates of drop path are read from a tensor
        return MODELS.build(model).to(device)


def count_parameters(model: torch.nn.Module) -> int:
    """Return the number of parameters, frozen ones included."""
    return sum(p.numel() for p in model.parameters())


def describe(path: str) -> dict:
    """Return what is known of a network without running it.

    Args:
        path (str): Config, relative to the root.

    Returns:
        dict: ``network``, ``weights``, ``parameters``, ``size`` of the crop
        and ``flops`` of a forward pass of one image of it.
    """
    cfg = Config.fromfile(ROOT / path)
    model, size = build(cfg, 'meta').eval(), crop_size(cfg)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, 3, *size, device='meta'), None, mode='tensor')
    return dict(
        network=_network(cfg.model),
        weights=_weights(cfg),
        parameters=count_parameters(model),
        size=list(size),
        flops=counter.get_total_flops())


def _network(model: dict) -> str:
    """Name backbone and head."""
    backbone = model.backbone
    name = backbone.get('model_name') or backbone.type.split('.')[-1]
    kind = backbone.get('arch') or backbone.get('depth') or ''
    head = model.decode_head.type.split('.')[-1]
    kind = kind if isinstance(kind, str | int) else ''
    return f'{name}{f" {kind}" * bool(kind)}, {head}'


def _weights(cfg: Config) -> str:
    """Say where the backbone starts from."""
    backbone = cfg.model.backbone
    name = (backbone.get('init_cfg') or {}).get('checkpoint')
    if name is None and backbone.get('pretrained'):
        name = f'timm: {backbone.model_name}'
    name = name or cfg.get('load_from') or 'random'
    return name.split('/')[-1] if name.startswith('http') else name


def _data(cfg: Config, model: torch.nn.Module) -> dict:
    """Draw a batch of the size that a config trains on."""
    torch.manual_seed(0)
    size, classes = crop_size(cfg), model.num_classes
    samples = []
    for _ in range(cfg.train_dataloader.batch_size):
        sample = SegDataSample(metainfo=dict(img_shape=size, num_labels=1))
        sample.gt_label = torch.zeros(classes - 1)
        sample.gt_label[torch.randint(classes - 1, (1, ))] = 1
        mask = torch.randint(classes, (1, *size))
        sample.gt_sem_seg = PixelData(data=mask)
        sample.gt_saliency = PixelData(data=torch.rand(1, *size))
        samples.append(sample)
    images = torch.randint(255, (len(samples), 3, *size), dtype=torch.uint8)
    return dict(inputs=list(images), data_samples=samples)


def measure(path: str, device: str, amp: bool, repeat: int) -> dict:
    """Time training steps of a config in this process, and their memory."""
    cfg = Config.fromfile(ROOT / path)
    model = build(cfg, 'cpu').to(device).train()
    wrapper = cfg.optim_wrapper
    if amp:
        wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    optimizer = build_optim_wrapper(model, wrapper)
    data, times = _data(cfg, model), []
    banks = [m for m in model.modules() if isinstance(m, MomentumPrototypes)]
    for _ in range(repeat + 1):
        began = time.perf_counter()
        model.train_step(copy.deepcopy(data), optimizer)
        for bank in banks:
            bank.commit()
        synchronize(device)
        times.append(time.perf_counter() - began)
    peak, name = resident_peak(), platform.processor() or 'CPU'
    if device == 'cuda':
        peak = torch.cuda.max_memory_allocated()
        name = torch.cuda.get_device_name()
    else:
        name = f'{name}, {torch.get_num_threads()} thread(s)'
    seconds = round(statistics.median(times[1:]), 3)
    return dict(
        seconds=seconds, peak_mib=round(peak / 2**20), amp=amp, device=name,
        batch=len(data['inputs']), load=round(os.getloadavg()[0]))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--steps', nargs='+', default=[], metavar='CONFIG',
                        type=cli.file_path,
                        help='configs whose training steps are measured')
    parser.add_argument('--seeds', nargs='+', default=[], metavar='JSON',
                        type=cli.file_path,
                        help='tables of run_matrix with scores of seeds')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--amp', action='store_true', help='half precision')
    parser.add_argument('--repeat', type=int, default=3, help='steps')
    parser.add_argument('--one', help=argparse.SUPPRESS)
    parser.add_argument('--out', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:  # a process of its own: memory once taken is not given back
        found = measure(args.one, args.device, args.amp, args.repeat)
        return write_json(Path(args.out), found)
    add_tools()
    from hsc_analysis.matrix_files import read_matrix
    matrices = [read_matrix(name) for name in args.seeds]
    RESULTS.mkdir(exist_ok=True)
    before = read_json(TABLE) if TABLE.is_file() else {}
    table = {}
    for path in leaves():
        table[path] = describe(path)
        known = before.get(path, {})
        table[path].update((k, known[k]) for k in _MEASURED if k in known)
        print(path, table[path]['parameters'], flush=True)
    for path in args.steps:
        path = path.resolve().relative_to(ROOT).as_posix()
        out = RESULTS / '.step.json'
        subprocess.run([sys.executable, __file__, *sys.argv[1:], '--one',
                        path, '--out', str(out)], check=True)
        table[path]['step'] = read_json(out)
        out.unlink()
        print(path, table[path]['step'], flush=True)
    take_seeds(table, matrices)
    write_json(TABLE, table)
    PAGE.write_text(write_page(table), 'utf-8')
    print(f'results: {TABLE}, {PAGE}')


if __name__ == '__main__':
    sys.exit(cli.run(main))
