"""The table of the whole VOC: its configs, its command and its text."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
import voc_configs
import voc_table
from mmengine.config import Config

from hsc_analysis.matrix_means import collect
from hsc_mm.inference.config_files import read_config
from hsc_mm.pseudo_labels.chain import LabelChain
from hsc_mm.utils import read_json, write_json

ROOT = Path(voc_table.__file__).resolve().parents[1]
PUBLISHED = read_json(voc_table.PUBLISHED)
RELEASE = 'hsc_r38d_eps_voc-release'


def _cell(config, seed, **scores):
    return dict(
        config=config, seed=seed, images_per_second=None, peak_mib=None,
        rows=[dict(what=what.replace('_', ' '), split='train', miou=score,
                   iou=[], classes=[], threshold=None, images=8)
              for what, score in scores.items()])


def _matrix(*cells, paired_to=None):
    for cell in cells:
        for row in cell['rows']:
            row['what'] = row['what'].replace('best', 'seeds, best')
    return collect(cells, paired_to)


def test_published_figures_stand_beside_those_of_their_config():
    found = _matrix(
        _cell('eps_r38d_voc.py', 0, best=69.8, segmentation=70.5),
        _cell('eps_r38d_voc.py', 1, best=70.3),
        _cell('hsc_r38d_eps_voc.py', 0, pseudo_labels=71.0))
    makers = {'eps_r38d_voc': 'CRF, alpha 7.21, 10 steps'}
    text = voc_table.table(found, PUBLISHED, makers)
    head, _, *lines = text.split('\n\n')[0].splitlines()
    assert head == (
        '| config | seeds, train (best threshold) | pseudo labels, train | '
        'made by | val (one scale, no CRF) | published: seeds, train | '
        'published: val | published: test | source |')
    assert lines == [
        '| eps_r38d_voc | 70.0 ± 0.4 | - | CRF, alpha 7.21, 10 steps | '
        '70.5 (n = 1) | 69.2 to 69.5 | 71.0 | 71.8 | Lee et al., CVPR 2021 |',
        '| hsc_r38d_eps_voc | - | 71.0 | - | - | - | - | - |  |']
    assert voc_table.NOTE in text
    assert '--tta --crf' in voc_table.NOTE
    assert 'SEAM is on ResNet-38' in voc_table.NOTE
    below = text.partition('without a counterpart')[2]
    assert [one['method'] for one in PUBLISHED
            if f'| {one["method"]} | {one["supervision"]} |' in below] == [
                'SEAM', 'PPC on EPS', 'HSC on EPS']
    assert '| 70.5 | 72.6 | 73.6 | Du et al., CVPR 2022 |' in below
    leaves = [one['config'] for one in PUBLISHED if one['config']]
    assert leaves
    assert all((ROOT / 'configs' / f'{leaf}.py').is_file()
               for leaf in leaves)


def test_columns_of_papers_are_left_out_where_none_fits():
    found = _matrix(_cell('hsc_r50_voc.py', 0, best=50.0))
    found['missing'] = ['eps_r50_voc, seed 0 (failed)']
    ours, *others = voc_table.table(found, PUBLISHED).split('\n\n')
    assert 'published' not in ours
    assert 'Not in the table: eps_r50_voc, seed 0 (failed).' in others
    assert others[-1].count('\n') == 1 + len(PUBLISHED)
    assert 'ResNet-38' in others[-2]


def test_differences_of_the_matrix_are_shown():
    text = voc_table.table(_matrix(
        *(_cell(f'{name}_r38d_voc.py', seed, best=score + seed)
          for name, score in (('seam', 55.0), ('eps', 69.0))
          for seed in (0, 1)), paired_to='seam_r38d_voc'), PUBLISHED)
    assert 'Difference to seam_r38d_voc over equal random seeds' in text
    assert '| eps_r38d_voc | 0 1 | +14.0 [+14.0, +14.0] | - | - |' in text


def test_the_table_says_what_made_the_pseudo_labels(tmp_path):
    crf = dict(type='CRFRefiner', alpha=4.47, steps=10)
    for seed, refiners, result in (
            (0, [crf], {}), (1, [crf], {}),
            (2, [dict(type='PAR')], dict(threshold=0.2, chosen='best'))):
        cell = tmp_path / 'seam' / f'seed{seed}'
        write_json(cell / 'pseudo_labels/pseudo_labels.json',
                   dict(refiners=refiners))
        write_json(cell / 'cell.json', dict(results=dict(pseudo=result)))
    rows = [dict(config='seam', seeds=[0, 1]), dict(config='eps', seeds=[0])]
    assert voc_table.label_makers(tmp_path, rows) == dict(
        seam='CRF, alpha 4.47, 10 steps')
    rows[0]['seeds'].append(2)
    assert voc_table.label_makers(tmp_path, rows)['seam'].endswith(
        'steps; PAR; threshold: best')


def test_pseudo_labels_of_the_configs_have_a_crf_and_no_threshold(tmp_path):
    alphas = {}
    for name in ('seam_r38d_voc', 'eps_r38d_voc', 'hsc_r38d_seam_voc',
                 RELEASE):
        path = voc_configs.write_leaf(name, tmp_path / 'configs')
        assert path.name == f'{name}.py'
        cfg = read_config(path)
        chain = LabelChain.from_config(cfg, 0.5)
        assert not chain.reads_threshold
        crf, = chain.refiners
        alphas[name] = crf.alpha, crf.crf.numbers.steps
        base = Config.fromfile(ROOT / 'configs' / f'{name}.py').to_dict()
        assert {key: value for key, value in cfg.to_dict().items()
                if key != 'pseudo_label'} == base
        threshold = base['model']['test_cfg']['bg_threshold']
        if name != RELEASE:
            assert (1 - threshold)**crf.alpha == pytest.approx(
                threshold, abs=0.002)
    assert alphas == {
        'seam_r38d_voc': (4.47, 10), 'eps_r38d_voc': (7.21, 10),
        'hsc_r38d_seam_voc': (1.79, 10), RELEASE: (7.0, 8)}
    voc_configs.write_leaf('seam_r38d_voc', tmp_path / 'configs')  # again


#: Stands for python: what would train writes its words, and ends as is asked.
_STUB = """#!/bin/sh
case $1 in
*/tools/run_matrix.py | */tools/doctor.py)
    echo "$@" >> {log}
    [ -z "$WRITES" ] || {{ sleep 0.1; touch "$WRITES"; }}
    [ "${{1##*/}}" = doctor.py ] || exit ${{STATUS:-0}} ;;
*) exec {python} "$@" ;;
esac
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that runs voc.sh without its trainings."""
    log, stub = tmp_path / 'log.txt', tmp_path / 'bin/python'
    stub.parent.mkdir()
    stub.write_text(_STUB.format(log=log, python=sys.executable))
    stub.chmod(0o755)
    work = tmp_path / 'my work'

    def call(*words, **env):
        log.unlink(missing_ok=True)
        done = subprocess.run(
            [ROOT / 'benchmarks/voc.sh', work.name, *words], text=True,
            cwd=work.parent, capture_output=True, check=False, env=dict(
                os.environ, PATH=f'{stub.parent}:{os.environ["PATH"]}',
                PYTHONPATH=str(ROOT), **env))
        lines = log.read_text().replace(f'{ROOT}/', '').replace(
            work.name, 'WORK').splitlines()
        return done, lines
    return call, work


@pytest.mark.slow
def test_the_command_checks_saliency_first_and_pairs_several_seeds(script):
    call, work = script
    done, (doctor, matrix) = call('--jobs', '2', SEEDS='0 1')
    assert done.returncode == 0, done.stderr
    assert doctor == ('tools/doctor.py WORK/configs/hsc_r38d_eps_voc.py '
                      'configs/deeplabv2_r101_voc-pseudo.py --work-dir WORK')
    names = ('seam_r38d_voc', 'hsc_r38d_seam_voc', 'eps_r38d_voc',
             'hsc_r38d_eps_voc', RELEASE)
    assert matrix == ' '.join([
        'tools/run_matrix.py', *(f'WORK/configs/{one}.py' for one in names),
        '--seg-config configs/deeplabv2_r101_voc-pseudo.py --work-dir WORK '
        '--seeds 0 1 --paired-to seam_r38d_voc --jobs 2'])
    assert all('CRFRefiner' in (work / f'configs/{one}.py').read_text()
               for one in names)
    _, (matrix, ) = call('--threshold', '0.3', CRF='0', NETWORK='r50',
                         DOCTOR='0')
    assert matrix.startswith('tools/run_matrix.py configs/seam_r50_voc.py ')
    assert matrix.endswith('--seeds 0 --threshold 0.3')


@pytest.mark.slow
def test_the_table_is_printed_where_a_cell_failed(script):
    call, work = script
    write_json(work / 'matrix.json', dict(_matrix(
        _cell('seam_r38d_voc.py', 0, best=55.0)),
        missing=['eps_r38d_voc, seed 0 (failed)']))
    table = str(work / 'matrix.json')
    for status, writes, printed in (
            (0, table, True), (1, table, True), (1, '', False),
            (2, table, False), (130, table, False)):
        done, _ = call(CRF='0', DOCTOR='0', STATUS=str(status), WRITES=writes)
        assert done.returncode == status
        assert ('| seam_r38d_voc | 55.0 |' in done.stdout) == printed
        assert ('eps_r38d_voc, seed 0 (failed)' in done.stdout) == printed
