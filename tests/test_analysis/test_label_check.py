"""Labels that a classifier contradicts."""
import csv
import sys

import cv2
import numpy as np
import torch
from tiny_configs import cam_config, untrained

from hsc_analysis import labels_command
from hsc_analysis.label_check import find_suspects
from hsc_mm.cli import common as cli
from hsc_mm.inference import load_config
from hsc_mm.utils.paths import MARKER


def _scores(wrong=(3, 14), seed=0):
    """Two classes of ten images each; some labels are turned round."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([[1, 0], [0, 1]], 10, axis=0)
    scores = np.clip(0.1 + 0.8 * truth + rng.normal(0, 0.05, (20, 2)), 0, 1)
    labels = truth.copy()
    labels[list(wrong)] = 1 - labels[list(wrong)]
    return scores, labels


def test_labels_turned_round_come_first():
    scores, labels = _scores()
    found = find_suspects(scores, labels)
    assert {(one.index, one.name) for one in found[:4]} == {
        (3, 0), (3, 1), (14, 0), (14, 1)}
    assert [one.doubt for one in found] == sorted(
        (one.doubt for one in found), reverse=True)
    for one in found:
        assert one.labelled == bool(labels[one.index, one.name])
        assert one.probability == scores[one.index, one.name]


def test_suspects_are_the_off_diagonal_of_the_confident_joint():
    rng = np.random.default_rng(1)
    scores, labels = rng.random((40, 3)), rng.random((40, 3)) < 0.4
    expected = set()
    for k in range(3):
        p = scores[:, k]
        t1 = np.mean([p[i] for i in range(40) if labels[i, k]])
        t0 = np.mean([1 - p[i] for i in range(40) if not labels[i, k]])
        for i in range(40):
            counted = [(q, c) for q, c, t in ((1 - p[i], 0, t0), (p[i], 1, t1))
                       if q >= t]
            if counted and max(counted)[1] != labels[i, k]:
                expected.add((i, k))
    found = find_suspects(scores, labels)
    assert {(one.index, one.name) for one in found} == expected
    assert expected


def test_a_class_in_all_images_or_none_has_no_suspects():
    assert find_suspects(np.random.rand(9, 2),
                         np.tile([1, 0], (9, 1))) == []


def test_the_command_lists_and_draws(shared_voc, tmp_path, monkeypatch,
                                     capsys):
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    state = untrained(load_config(config)).state_dict()
    # Random features tell the squares apart; this says the contrary.
    state['decode_head.classifier.weight'] *= -1
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    out = tmp_path / 'out'
    monkeypatch.setattr('sys.argv', [
        'check_labels', str(config), str(tmp_path / 'a.pth'), '--out',
        str(out), '--workers', '0', '--device', 'cpu'])
    assert cli.run(labels_command.main) == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader((out / 'labels.csv').open()))
    assert said.out.splitlines()[-1].startswith(
        f'results: {out / "labels.csv"}: {len(rows)} labels of 8 images '
        'contradicted')
    assert 'trained on 8 of these images' in said.err
    for row in rows:
        assert row['suggestion'] == ('remove' if row['labelled'] == '1'
                                     else 'add')
        assert row['class'] in ('cat', 'dog')
        assert row['trained_on'] == '1'
    assert rows
    assert cv2.imread(str(out / 'labels.jpg')) is not None
    first, second = tmp_path / 'first.txt', tmp_path / 'second.txt'
    first.write_text('img_00\nimg_01\nimg_02\nimg_04\n')
    second.write_text('img_03\nimg_05\nimg_06\nimg_02\n')
    monkeypatch.setattr('sys.argv', [
        *sys.argv, '--list', str(second), '--cfg-options',
        f'train_dataloader.dataset.ann_file={first}'])
    assert cli.run(labels_command.main) == 0
    assert 'trained on 1 of these images' in capsys.readouterr().err
    # One image: each class is in all images or in none.
    first.write_text('img_00\n')
    monkeypatch.setattr('sys.argv', [
        *sys.argv[:sys.argv.index('--list')], '--list', str(first)])
    (out / 'mine.jpg').write_bytes(b'mine')
    for ours in (True, False):
        (out / 'labels.jpg').write_bytes(b'old')
        if not ours:  # the marker does not name it
            (out / MARKER).write_text('"*"\n"labels.csv"\n')
        assert cli.run(labels_command.main) == 0
        assert '0 labels of 1 images' in capsys.readouterr().out
        assert (out / 'labels.jpg').exists() is not ours
    assert (out / 'mine.jpg').exists()
