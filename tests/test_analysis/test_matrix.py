"""Configs times seeds, through the real pipeline."""
import json
import subprocess
import sys

import pytest
from tiny_configs import ROOT, cam_config

from hsc_analysis.matrix import collect, markdown
from hsc_mm.pipeline import ScoreRow


def _row(what, miou, threshold=None):
    return ScoreRow(what, 'val', miou, [miou], ['dog'], threshold)._asdict()


def _cell(config, seed, score):
    return dict(
        config=config, seed=seed, images_per_second=10.0, peak_mib=500,
        rows=[_row('seeds, best', score, 0.3)])


def test_rows_have_mean_and_sample_deviation():
    rows = collect([
        _cell('a/cam.py', 0, 30.0), _cell('a/cam.py', 1, 32.0),
        _cell('hsc.py', 0, 40.0)
    ])
    assert [row['config'] for row in rows] == ['cam', 'hsc']
    assert rows[0]['seeds, best'] == dict(
        mean=31.0, std=pytest.approx(2**0.5), values=[30.0, 32.0])
    assert rows[1]['seeds, best']['std'] is None
    text = markdown(rows).splitlines()
    assert text[0] == ('| config | seeds | seeds, best | threshold | images/s '
                       '| peak MiB |')
    assert text[2].startswith('| cam | 0 1 | 31.0 ± 1.4 | 0.30 ± 0.00 |')
    assert text[3].startswith('| hsc | 0 | 40.0 | 0.30 |')


def test_a_step_of_a_single_config_has_its_column():
    refined = _cell('irn.py', 0, 35.0)
    refined['rows'].append(_row('refined labels', 41.5))
    text = markdown(collect([_cell('cam.py', 0, 30.0), refined])).splitlines()
    assert text[0] == ('| config | seeds | seeds, best | threshold | refined '
                       'labels | images/s | peak MiB |')
    assert text[2] == '| cam | 0 | 30.0 | 0.30 | - | 10.0 | 500.0 |'
    assert text[3] == '| irn | 0 | 35.0 | 0.30 | 41.5 | 10.0 | 500.0 |'


def _run(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / 'tools' / 'run_matrix.py', *arguments],
        capture_output=True, text=True, cwd=ROOT)


def test_a_matrix_runs_goes_on_and_names_what_failed(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', iters=2)
    broken = cam_config(tmp_path / 'nowhere', tmp_path / 'broken.py')
    work = tmp_path / 'work'
    found = _run(config, broken, '--seeds', '0', '3', '--work-dir', work)
    assert found.returncode == 1
    assert found.stderr.count('error: broken, seed') == 2
    assert 'nowhere' in found.stderr
    row, = json.loads((work / 'matrix.json').read_text())
    assert row['seeds'] == [0, 3]
    hashes = set()
    for seed, score in zip((0, 3), row['seeds, best']['values'],
                           strict=True):
        cell = work / 'cam' / f'seed{seed}'
        record = json.loads((cell / 'cell.json').read_text())
        assert record['results']['seeds']['best']['mIoU'] == score
        hashes.add(record['results']['cam']['hash'])
        assert record['images_per_second'] > 0
        assert record['peak_mib'] > 100
        assert not (cell / 'pseudo_labels').exists()
    assert len(hashes) == 2
    before = (work / 'cam' / 'seed0' / 'cell.json').read_bytes()
    again = _run(config, '--seeds', '0', '--work-dir', work)
    assert again.returncode == 0
    assert (work / 'cam' / 'seed0' / 'cell.json').read_bytes() == before
    said = (work / 'cam' / 'seed0' / 'output.txt').read_text()
    assert said.count('is current') == 2


def test_wrong_arguments_are_refused(tmp_path):
    found = _run('missing.py', '--work-dir', tmp_path)
    assert found.returncode == 2
    assert 'config missing.py: there is no such file' in found.stderr
