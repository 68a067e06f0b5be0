"""The benchmark of masks for the contrast, on tiny data and by hand."""
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_configs import (
    fill_prototypes,
    prototype_config,
    save_weights,
    untrained,
)

FOLDER = Path(__file__).resolve().parents[1] / 'benchmarks'


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import contrast_masks
    return contrast_masks


def test_positions_show_what_most_of_their_pixels_show(benchmark):
    rng = np.random.default_rng(0)
    mask = torch.from_numpy(rng.choice([0, 1, 2, 255], (12, 8)))
    found = benchmark.shrink(mask, (3, 2), 3)
    for y, x in np.ndindex(3, 2):
        part = mask[4 * y:4 * y + 4, 4 * x:4 * x + 4]
        counts = {k: int((part == k).sum()) for k in (0, 1, 2, 255)}
        assert counts[int(found[y, x])] == max(counts.values())
    tie = torch.tensor([[1, 255]])
    assert benchmark.shrink(tie, (1, 1), 3).item() == 255


def test_scores_by_hand(benchmark):

    class Masks:

        def masks(self, cams, label, colours):
            return [torch.tensor([[[0, 1, 1, -1, 2, 0]]])]

    shown = torch.tensor([[[0, 1, 0, 1, 255, 1]]])
    found = benchmark.score(Masks(), [[None, None, None, shown]])
    # Of five known positions four are kept and two called a class, one of
    # them rightly; the IoU of the background is 1 / 3, that of the class too.
    assert found == pytest.approx([80, 40, 50, 100 / 3])


def _trained(shared_voc, folder):
    config = prototype_config(shared_voc, folder / 'hsc.py')
    model = untrained(Config.fromfile(config))
    fill_prototypes(model)
    save_weights(model, folder / 'hsc.pth')
    return config


def test_batches_are_drawn_by_a_seed_and_not_in_list_order(
        benchmark, shared_voc, tmp_path):
    config = _trained(shared_voc, tmp_path)

    def cams(seed):
        _, batches = benchmark.read_batches(Namespace(
            config=config, checkpoint=tmp_path / 'hsc.pth', batch=3,
            seed=seed))
        assert [len(one[0]) for one in batches][:-1] == (
            [3] * (len(batches) - 1))
        return [cam.flatten().tolist() for one in batches for cam in one[0]]

    found = [cams(0), cams(0), cams(1)]
    assert found[0] == found[1] != found[2]
    assert sorted(found[0]) == sorted(found[2])


def test_the_command_prints_a_row_for_each_background(
        benchmark, shared_voc, tmp_path, monkeypatch, capsys):
    config = _trained(shared_voc, tmp_path)
    monkeypatch.setattr(sys, 'argv', [
        'contrast_masks.py', str(config), str(tmp_path / 'hsc.pth'),
        '--batch', '3'])
    benchmark.main()
    rows = [line.split(' | ') for line in capsys.readouterr().out.splitlines()
            if line.startswith('| score') or line.startswith('| quantile')]
    assert len(rows) == len(benchmark.ROWS) == len({row[0] for row in rows})
    for _, kept, *_, miou in rows:
        assert 0 < float(kept) <= 100 and 0 < float(miou.rstrip(' |')) < 100
