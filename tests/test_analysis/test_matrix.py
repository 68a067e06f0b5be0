"""Configs times seeds, through the real pipeline."""
import json
from functools import partial

import pytest
from conftest import run_here
from tiny_configs import cam_config

from hsc_analysis import matrix
from hsc_analysis.matrix_files import read_matrix
from hsc_analysis.matrix_tables import collect, markdown, paired
from hsc_analysis.tables_command import fill
from hsc_mm.pipeline import ScoreRow


def _row(what, miou, threshold=None):
    return ScoreRow(what, 'val', miou, [miou, miou + 2], ['dog', 'cat'],
                    threshold)._asdict()


def _cell(config, seed, score):
    return dict(
        config=config, seed=seed, images_per_second=10.0, peak_mib=500,
        seconds=dict(cam=60, seeds=30),
        results=dict(seeds=dict(best=dict(mIoU_of_size=dict(small=score)))),
        rows=[_row('seeds, best', score, 0.3)])


def test_rows_have_mean_and_sample_deviation():
    found = collect([
        _cell('a/cam.py', 0, 30.0), _cell('a/cam.py', 1, 32.0),
        _cell('hsc.py', 0, 40.0)
    ])
    cam, hsc = found['rows']
    assert [cam['config'], hsc['config']] == ['cam', 'hsc']
    assert cam['columns']['seeds, best'] == dict(
        mean=31.0, std=pytest.approx(2**0.5), values=[30.0, 32.0],
        threshold=pytest.approx(0.3), classes=dict(dog=31.0, cat=33.0),
        split='val')
    assert hsc['columns']['seeds, best']['std'] is None
    text = markdown(found).splitlines()
    assert text[0] == ('| config | seeds | seeds, best | minutes | images/s '
                       '| peak MiB |')
    assert text[2].startswith('| cam | 0 1 | 31.0 ± 1.4 at 0.30 | 1.5 ± 0.0 ')
    assert text[3].startswith('| hsc | 0 | 40.0 at 0.30 | 1.5 |')
    assert '| cam | 31.0 | 33.0 |' in text  # by class
    assert '| hsc | 40.0 |' in text  # by size


def test_a_step_of_a_single_config_has_its_column():
    refined = _cell('irn.py', 0, 35.0)
    refined['rows'].append(_row('refined labels', 41.5))
    text = markdown(collect([_cell('cam.py', 0, 30.0), refined])).splitlines()
    assert text[0] == ('| config | seeds | seeds, best | refined labels '
                       '| minutes | images/s | peak MiB |')
    assert text[2] == '| cam | 0 | 30.0 at 0.30 | - | 1.5 | 10.0 | 500.0 |'
    assert text[3] == '| irn | 0 | 35.0 at 0.30 | 41.5 | 1.5 | 10.0 | 500.0 |'


def test_differences_are_paired_over_equal_seeds():
    # Gaps 1, 2, 3, 6: mean 3, deviation 2.160, t(0.975, 3) = 3.1824.
    gap = paired({0: 31.0, 1: 32.0, 2: 33.0, 3: 36.0, 7: 99.0, 8: None},
                 {3: 30.0, 2: 30.0, 1: 30.0, 0: 30.0, 8: 1.0})
    half = 3.18245 * (14 / 3)**0.5 / 2
    assert gap['mean'] == 3
    assert gap['interval'] == pytest.approx([3 - half, 3 + half], abs=1e-4)
    assert gap['seeds'] == [0, 1, 2, 3]
    found = collect([_cell('cam.py', 0, 30.0), _cell('cam.py', 1, 30.0),
                     _cell('hsc.py', 1, 33.0), _cell('hsc.py', 0, 31.0)],
                    'cam')
    assert '| hsc | +2.0 [-10.7, +14.7] |' in markdown(found)
    assert paired({0: 1.0}, {0: 0.0})['interval'] is None
    assert paired({0: 1.0}, {1: 0.0})['mean'] is None


def test_scores_of_other_splits_or_classes_are_not_compared(tmp_path):
    cells = [_cell(f'{name}.py', 0, 30.0) for name in ('a', 'b', 'c')]
    cells[1]['rows'][0]['split'] = 'test'
    cells[2]['rows'][0].update(classes=['dog', 'cow'])
    found = collect(cells, 'a')
    assert found['apart'] == ['b', 'c']
    assert found['splits']['seeds, best'] == 'val, test'
    text = markdown(found)
    assert 'Not compared, as split or classes differ: b, c.' in text
    assert '| b | - |\n| c | - |' in text
    (tmp_path / 'matrix.json').write_text(json.dumps(found))
    assert read_matrix(tmp_path / 'matrix.json') == found
    cells[1]['config'] = 'a.py'
    with pytest.raises(ValueError, match=r'a\.py: expected the column "seeds, '
                       r'best" to be of one split'):
        collect(cells)


def test_pages_get_the_tables_of_their_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = collect([_cell('cam.py', 0, 30.0)])
    (tmp_path / 'm.json').write_text(json.dumps(found))
    page = 'a\n<!-- matrix: m.json -->\nold\n<!-- /matrix -->\nb\n'
    text, count = fill(page)
    assert count == 1
    assert text == (f'a\n<!-- matrix: m.json -->\n\n{markdown(found)}\n\n'
                    '<!-- /matrix -->\nb\n')
    assert fill(text) == (text, 1)


def test_a_page_keeps_what_is_not_between_its_marks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'm.json').write_text(
        json.dumps(collect([_cell('cam.py', 0, 30.0)])))
    opened, closed = '<!-- matrix: m.json -->', '<!-- /matrix -->'
    for page in (f'{opened} mine {opened} old {closed}', f'a {closed} b',
                 f'{opened} old {closed} mine {closed}', opened):
        with pytest.raises(ValueError, match='by turns'):
            fill(page)
    text = f'a\r\n{opened}\r\nold\r\n{closed}\r\nb\r\n'
    (tmp_path / 'p.md').write_bytes(text.encode())
    (tmp_path / 'link.md').symlink_to('p.md')
    assert run_here('matrix_tables', 'link.md').returncode == 0
    assert (tmp_path / 'link.md').is_symlink()
    written = (tmp_path / 'p.md').read_bytes()
    assert written.startswith(b'a\r\n<!')
    assert written.endswith(b'>\r\nb\r\n')
    assert b'| cam |' in written


_BEST = 'seeds, best'
_DAMAGE = {
    'list': lambda m: [m],
    'no rows': lambda m: {},
    'no columns': lambda m: m['rows'][0].pop('columns') and m,
    'text': lambda m: m['rows'][0]['columns'][_BEST].update(mean='x') or m,
    'nan': lambda m: m['rows'][0]['columns'][_BEST].update(
        std=float('nan')) or m,
    'mean': lambda m: m['rows'][0]['columns'][_BEST].update(mean=31.) or m,
    'values': lambda m: m['rows'][0]['columns'][_BEST]['values'].pop() and m,
    'seeds': lambda m: m['rows'][0].update(seeds=[1, 1]) or m,
    'row': lambda m: m['rows'].append(m['rows'][0]) or m,
    'gap': lambda m: m['rows'][1]['columns'][_BEST]['difference'].update(
        interval=[1.0]) or m,
}


@pytest.mark.parametrize('name', _DAMAGE)
def test_a_damaged_matrix_is_refused(tmp_path, name):
    path = tmp_path / 'm.json'
    found = collect([_cell(f'{config}.py', seed, 30.0 + seed)
                     for config in ('cam', 'hsc') for seed in (0, 1)], 'cam')
    path.write_text(json.dumps(found))
    assert read_matrix(path) == found
    path.write_text(json.dumps(_DAMAGE[name](found)))
    with pytest.raises(ValueError, match=r'm\.json: .*expected'):
        read_matrix(path)


def test_names_of_classes_are_no_markup():
    cell = _cell('cam.py', 0, 30.0)
    cell['rows'][0]['classes'] = ['<script>', 'a|b']
    table = markdown(collect([cell]))
    assert '&lt;script&gt; | a\\|b |' in table


_run = partial(run_here, 'run_matrix')


def test_a_matrix_runs_goes_on_and_names_what_failed(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'cam.py', iters=2)
    broken = cam_config(tmp_path / 'nowhere', tmp_path / 'broken.py')
    work = tmp_path / 'my work, a'
    found = _run(config, broken, '--seeds', '0', '3', '--work-dir', work,
                 '--select', '1')
    assert found.returncode == 1
    assert found.stderr.count('error: broken, seed') == 2
    assert 'nowhere' in found.stderr
    row, = json.loads((work / 'matrix.json').read_text())['rows']
    assert row['seeds'] == [0, 3]
    names = ('fixed', 'label-free', 'selected', 'best')
    assert {f'seeds, {name}' for name in names} < set(row['columns'])
    hashes, chosen = set(), set()
    for seed, score in zip((0, 3), row['columns']['seeds, best']['values'],
                           strict=True):
        cell = work / 'cam' / f'seed{seed}'
        record = json.loads((cell / 'cell.json').read_text())
        seeds = record['results']['seeds']
        assert seeds['best']['mIoU'] == score
        listed = (cell / 'seeds' / 'selection.txt').read_text()
        chosen.add(listed)
        assert seeds['selected']['images'] == len(listed.split()) == (
            8 - seeds['facts']['images'])
        hashes.add(record['results']['cam']['hash'])
        assert record['images_per_second'] > 0
        assert record['peak_mib'] > 100
        assert not (cell / 'pseudo_labels').exists()
    assert len(hashes) == 2
    assert len(chosen) == 1
    before = (work / 'cam' / 'seed0' / 'cell.json').read_bytes()
    spelt = tmp_path / 'x' / '..' / 'cam.py'  # the same config
    (tmp_path / 'x').mkdir()
    again = _run(spelt, '--seeds', '0', '--work-dir', work, '--select', '1')
    assert again.returncode == 0, again.stderr
    assert (work / 'cam' / 'seed0' / 'cell.json').read_bytes() == before
    said = (work / 'cam' / 'seed0' / 'output.txt').read_text()
    assert said.count('is current') == 2


def test_a_config_that_changes_meanwhile_ends_its_cells(
        tmp_path, monkeypatch):
    config = tmp_path / 'cam.py'
    text = 'model = dict(type="EncoderDecoder")\nlr = '
    config.write_text(f'{text}1')

    def cell(cell, *_):
        assert cell.seed == 0
        config.write_text(f'{text}2')
        return _cell(cell.config, cell.seed, 30.0)

    monkeypatch.setattr(matrix, 'run_cell', cell)
    found, failures = matrix.run_matrix(
        [str(config)], [0, 1, 2], tmp_path / 'work', say=len)
    assert found['rows'][0]['seeds'] == [0]
    assert [line.split(': expected')[0] for line in failures] == [
        'cam, seed 1', 'cam, seed 2']
    assert all('found it changed' in line for line in failures)


def test_wrong_arguments_are_refused(tmp_path):
    found = _run('missing.py', '--work-dir', tmp_path)
    assert found.returncode == 2
    assert 'config missing.py: there is no such file' in found.stderr
    found = _run(__file__, '--work-dir', tmp_path, '--seeds', '1', '0', '1')
    assert found.returncode == 2
    assert '--seeds: expected different numbers, found 1' in found.stderr
    for option in ('randomness.seed=7', 'randomness=dict(seed=7)'):
        found = _run(__file__, '--work-dir', tmp_path, '--cam-options', option)
        assert found.returncode == 2
        assert f'option {option}: expected the random seeds' in found.stderr
