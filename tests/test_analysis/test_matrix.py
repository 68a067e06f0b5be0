"""Configs times seeds, through the real pipeline."""
import json
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest
import selection_list
from conftest import run_here
from tiny_configs import cam_config, seg_config

from hsc_analysis import matrix, matrix_cells, matrix_hashes, matrix_kept
from hsc_analysis.matrix_files import read_matrix
from hsc_analysis.matrix_means import collect, paired, score_column
from hsc_analysis.matrix_tables import markdown
from hsc_analysis.tables_command import fill
from hsc_mm.inference import load_config
from hsc_mm.pipeline import ScoreRow, stage_inputs
from hsc_mm.version import RECIPE, __version__


def _row(what, miou, threshold=None):
    return ScoreRow(what, 'val', miou, [miou - 1, miou + 1], ['dog', 'cat'],
                    threshold, images=8)._asdict()


def _cell(config, seed, score):
    return dict(
        config=config, seed=seed, images_per_second=10.0, peak_mib=500,
        seconds=dict(cam=60, seeds=30),
        results=dict(seeds=dict(best=dict(mIoU_of_size=dict(small=score)))),
        settings=dict(cam='', seg=None, data={}),
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
        threshold=pytest.approx(0.3), classes=dict(dog=30.0, cat=32.0),
        images=8, split='val', low=None, runs=[
            dict(miou=30.0, threshold=0.3, images=8,
                 classes=dict(dog=29.0, cat=31.0)),
            dict(miou=32.0, threshold=0.3, images=8,
                 classes=dict(dog=31.0, cat=33.0))])
    assert hsc['columns']['seeds, best']['std'] is None
    text = markdown(found).splitlines()
    assert text[0] == ('| config | random seeds | seeds, best | minutes '
                       '| images/s | peak MiB |')
    assert text[2].startswith('| cam | 0 1 | 31.0 ± 1.4 at 0.30 | 1.5 ± 0.0 ')
    assert text[3].startswith('| hsc | 0 | 40.0 at 0.30 | 1.5 |')
    assert '| cam | 30.0 | 32.0 |' in text  # by class
    assert '| hsc | 40.0 |' in text  # by size


def test_minutes_are_those_of_the_steps_that_all_cells_of_a_row_have():
    cells = [_cell('cam.py', seed, 30.0) for seed in (0, 1)]
    cells[1]['seconds']['seg'] = 600
    row, = collect(cells)['rows']
    assert row['columns']['minutes']['values'] == [1.5, 1.5]
    row, = collect(cells[1:])['rows']
    assert row['columns']['minutes']['values'] == [11.5]


def test_a_step_of_a_single_config_has_its_column():
    refined = _cell('irn.py', 0, 35.0)
    refined['rows'].append(_row('refined labels', 41.5))
    text = markdown(collect([_cell('cam.py', 0, 30.0), refined])).splitlines()
    assert text[0] == ('| config | random seeds | seeds, best '
                       '| refined labels | minutes | images/s | peak MiB |')
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
    assert '| hsc | 1 0 | +2.0 [-10.7, +14.7] |' in markdown(found)
    assert paired({0: 1.0}, {0: 0.0})['interval'] is None
    assert paired({0: 1.0}, {1: 0.0})['mean'] is None


def test_means_and_differences_over_fewer_seeds_say_so():
    cells = [_cell(f'{name}.py', seed, 40.0 + seed)
             for name in ('cam', 'hsc') for seed in (0, 1)]
    for cell, score in ((cells[0], 40.0), (cells[2], 42.0)):
        cell['rows'].append(_row('segmentation', score))
    cells.append(_cell('cam.py', 2, 42.0))
    cells[-1]['results'] = {}
    text = markdown(collect(cells, 'cam')).splitlines()
    assert text[3].startswith(
        '| hsc | 0 1 | 40.5 ± 0.7 at 0.30 | 42.0 (n = 1) |')
    assert '| hsc | 0 1 | +0.0 [+0.0, +0.0] | +2.0 (random seeds 0) |' in text
    assert '| cam (n = 2) | 40.5 |' in text  # by size


def test_means_of_classes_sizes_and_thresholds_say_their_runs():
    cells = [_cell('hsc.py', seed, 40.0 + seed) for seed in (0, 1, 2)]
    cells[0]['rows'][0].update(classes=[], iou=[])
    cells[1]['rows'][0].update(iou=[None, 41.0])
    cells[2]['rows'][0]['threshold'] = None
    for cell in cells[1:]:
        cell['results']['seeds']['best']['mIoU_of_size'].update(
            large=None if cell['seed'] == 1 else 50.0)
    # Cells of a row have the same classes; the JSON of a page may join others.
    column = score_column([one and dict(
        miou=one['miou'], threshold=one['threshold'], images=8,
        classes=dict(zip(one['classes'], one['iou'], strict=True)))
        for one in (cell['rows'][0] for cell in cells)])
    found = dict(paired_to=None, rows=[dict(
        config='hsc', seeds=[0, 1, 2], columns={'seeds, best': column},
        sizes=dict(small=41.0, large=50.0),
        size_runs=[cell['results']['seeds']['best']['mIoU_of_size']
                   for cell in cells])])
    text = markdown(found).splitlines()
    assert '| hsc | 0 1 2 | 41.0 ± 1.0 at 0.30 (n = 2) |' in text
    assert '| hsc (n = 2) | 41.0 (n = 1) | 42.0 |' in text  # by class
    assert '| hsc | 41.0 | 50.0 (n = 1) |' in text  # by size
    del column['runs']  # as earlier versions wrote it
    column['values'][0] = None
    assert '| hsc (n = 2) | 41.0 | 42.0 |' in markdown(found)


def test_classes_are_those_of_a_column_that_all_rows_have():
    cells = [_cell(f'{name}.py', 0, 30.0) for name in ('a', 'b')]
    cells[1]['rows'].append(_row('segmentation', 42.0))
    text = markdown(collect(cells))
    assert 'IoU by class, seeds, best:' in text
    assert '| a | 29.0 | 31.0 |\n| b | 29.0 | 31.0 |' in text
    cells[0]['rows'] = [_row('pseudo labels', 35.0)]
    cells[1]['rows'] = [_row('segmentation', 42.0)]
    text = markdown(collect(cells))
    assert 'IoU by class:\n\n| config | score | dog | cat |' in text
    assert '| a | pseudo labels | 34.0 | 36.0 |' in text
    assert '| b | segmentation | 41.0 | 43.0 |' in text


def test_scores_by_other_masks_are_not_compared():
    cells = [_cell(f'{name}.py', 0, 30.0) for name in ('a', 'b', 'c', 'd')]
    for cell, low in zip(cells, (6.2, 6.3, 6.2, 6.3), strict=True):
        cell['rows'].append(_row('background everywhere', low))
        cell['rows'].append(_row('segmentation', 40.0)
                            | dict(split='test'))
    cells[3]['rows'][1]['split'] = 'train'
    found = collect(cells, 'a')
    assert found['apart'] == ['b', 'd']
    _, b, c, d = (row['columns'] for row in found['rows'])
    assert 'difference' not in b['seeds, best']
    for column in (b['segmentation'], c['seeds, best'], d['seeds, best']):
        assert column['difference']['mean'] == 0
    # The seeds have a row of their split; that of another stands beside.
    for cell, low in zip(cells, (5.0, 5.0, 5.0, 5.5), strict=True):
        cell['background'] = [_row('background everywhere', low)
                              | dict(split='test')]
    _, b, c, d = (row['columns'] for row in collect(cells, 'a')['rows'])
    assert 'difference' not in d['segmentation']
    for column in (b['segmentation'], c['segmentation'], d['seeds, best']):
        assert column['difference']['mean'] == 0


def test_tables_name_splits_labels_and_supervision():
    cells = [_cell(f'{name}.py', 0, 30.0) for name in ('a', 'b', 'c')]
    cells[0]['rows'].append(dict(_row('segmentation', 9.0), split='test'))
    for cell, used in zip(cells, (True, True, False)):
        cell['results']['seeds']['facts'] = dict(
            used_image_labels=used, supervision='image labels')
    own = _cell('d.py', 0, 30.0)
    own['results']['seeds']['facts'] = dict(split='val')  # of one's own step
    text = markdown(collect([*cells, own]))
    assert ('\n\nScored on val: seeds, best. Scored on test: segmentation.\n\n'
            'Seeds of a, b: image labels chose the classes; supervision: '
            'image labels.\n\nSeeds of c: the classifier chose the classes; '
            'supervision: image labels.\n\n') in text


def test_scores_of_other_splits_or_classes_are_not_compared(tmp_path):
    cells = [_cell(f'{name}.py', 0, 30.0) for name in ('a', 'b', 'c', 'd')]
    cells[3]['rows'][0]['images'] = 7
    cells[1]['rows'][0]['split'] = 'test'
    cells[2]['rows'][0].update(classes=['dog', 'cow'])
    found = collect(cells, 'a')
    assert found['apart'] == ['b', 'c', 'd']
    assert found['splits']['seeds, best'] == 'val, test'
    text = markdown(found)
    assert ('Not compared, as split, classes, pictures or masks differ: '
            'b, c, d.') in text
    assert '| b |  | - |\n| c |  | - |\n| d |  | - |' in text
    (tmp_path / 'matrix.json').write_text(json.dumps(found))
    assert read_matrix(tmp_path / 'matrix.json') == found
    del found['rows'][3]
    for row in found['rows']:  # as earlier versions wrote it
        for key in ('runs', 'images'):
            del row['columns']['seeds, best'][key]
    (tmp_path / 'matrix.json').write_text(json.dumps(found))
    assert read_matrix(tmp_path / 'matrix.json') == found
    cells[1]['config'] = 'a.py'
    with pytest.raises(ValueError, match='a: expected the column "seeds, '
                       'best" to be of one split'):
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
    'class': lambda m: m['rows'][0]['columns'][_BEST]['classes'].update(
        dog=99.) or m,
    'class of a run': lambda m: m['rows'][0]['columns'][_BEST]['runs'][0][
        'classes'].update(dog=99.) or m,
    'threshold': lambda m: m['rows'][0]['columns'][_BEST].update(
        threshold=.01) or m,
    'size': lambda m: m['rows'][0]['sizes'].update(small=99.) or m,
    'pictures': lambda m: m['rows'][0]['columns'][_BEST].update(
        images=9) or m,
    'class without runs': lambda m: m['rows'][0]['columns'].update({
        _BEST: dict(mean=30., std=None, values=[30., None], threshold=.3,
                    classes=dict(dog=99., cat=31.))}) or m,
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


def test_a_call_keeps_the_finished_cells_of_the_work_dir(
        tmp_path, monkeypatch):
    configs = {name: tmp_path / f'{name}.py' for name in ('b', 'a')}
    for path in configs.values():
        path.write_text('model = dict(type="EncoderDecoder", x=0, y=0.0)')
    work = tmp_path / 'work'
    broken, data = set(), [dict(cam='of before')]

    def cell(cell, seg_config, options, _):
        if cell.seed in broken:
            raise ValueError('broken')
        found = _cell(cell.config, cell.seed, 30.0 + cell.seed)
        found['settings'] = dict(matrix_hashes.settings(
            cell.config, seg_config, options), data=data[-1])
        cell.folder.mkdir(parents=True, exist_ok=True)
        (cell.folder / 'cell.json').write_text(json.dumps(found))
        return found

    monkeypatch.setattr(matrix, 'run_cell', cell)

    def call(names, seeds, **more):
        found, _ = matrix.run_matrix(
            [str(configs[name]) for name in names], seeds, work, say=len,
            **more)
        text = (work / 'matrix.md').read_text()
        assert json.loads((work / 'matrix.json').read_text()) == found
        rows = {row['config']: row['seeds'] for row in found['rows']}
        return list(rows), list(rows.values()), found, text

    call('ba', [0, 1], paired_to='b')
    names, seeds, found, text = call('a', [2])
    assert (names, seeds) == (['b', 'a'], [[0, 1], [0, 1, 2]])
    assert found['paired_to'] == 'b'
    assert found['missing'] == []
    assert found['made_by'] == dict(
        hsc_mm=__version__, recipe=RECIPE, options={})
    # Cells of other settings, and those that failed, are named.
    broken.add(3)
    configs['b'].write_text('model = dict(type="EncoderDecoder", x=1)')
    (work / 'b/seed7').mkdir()
    names, seeds, found, text = call('ba', [1, 3])
    assert (names, seeds) == (['b', 'a'], [[1], [0, 1, 2]])
    assert ('Not in the table: b, seed 0 (other settings); b, seed 7 (not '
            'finished); b, seed 3 (failed); a, seed 3 (failed).') in text
    # A copy of a cell is none of its own.
    shutil.copytree(work / 'a/seed2', work / 'a/seed2.bak')
    shutil.copytree(work / 'a', work / 'a_old')
    *_, found, text = call('a', [0])
    assert [row['seeds'] for row in found['rows']] == [[1], [0, 1, 2]]
    assert ('a, seed 2.bak (a copy of another cell); a_old, seed 0 (a copy '
            'of another cell)') in text
    shutil.rmtree(work / 'a/seed2.bak')
    shutil.rmtree(work / 'a_old')
    # Each step has its data: those of the second stage count too.
    data.append(dict(cam='of before', eval='of masks'))
    call('a', [1])
    data.append(dict(cam='of before', eval='of other masks'))
    *_, found, text = call('a', [2])
    assert 'a, seed 1 (other data or versions)' in text
    assert found['rows'][1]['seeds'] == [0, 2]
    data.append(dict(cam='of now'))
    *_, found, text = call('a', [2])
    assert 'a, seed 0 (other data or versions)' in text
    assert [row['seeds'] for row in found['rows']] == [[1], [2]]
    *_, found, text = call('a', [0], options=dict(
        cam=['model.x=1', 'model.y=0.10']))
    assert [row['seeds'] for row in found['rows']] == [[0]]
    *_, found, text = call('a', [1], options=dict(
        cam=['model.y=0.1', 'model.x=1']))
    assert [row['seeds'] for row in found['rows']] == [[0, 1]]
    assert 'No difference to b: none of its cells is in the table.' in text


def test_second_stages_of_several_settings_are_not_averaged(
        tmp_path, monkeypatch):
    config = tmp_path / 'a.py'
    config.write_text('model = dict(type="EncoderDecoder")')
    names = ['none', 'one', 'two', 'one']

    def cell(cell, seg_config, options, _):
        found = _cell(cell.config, cell.seed, 30.0 + cell.seed)
        found['settings'].update(cam='x', seg=(
            None if names[cell.seed] == 'none' else names[cell.seed]))
        found['first_stage'] = [row['what'] for row in found['rows']]
        found['first_steps'] = [*found['seconds']]
        if found['settings']['seg']:
            found['rows'].append(_row('segmentation', 10.0 * cell.seed))
            found['seconds']['seg'] = 100.0 * cell.seed
            found.update(threshold='0.3', seg_options=[
                f'x={names[cell.seed]}'])
        return found

    monkeypatch.setattr(matrix, 'run_cell', cell)
    found, _ = matrix.run_matrix([str(config)], [0, 1, 2, 3],
                                 tmp_path / 'work', say=len)
    row, = found['rows']
    assert row['seeds'] == [0, 1, 2, 3]
    assert row['columns']['segmentation']['values'] == [None, 10., None, 30.]
    assert row['columns']['seeds, best']['values'] == [30., 31., 32., 33.]
    assert found['missing'] == ['second stage of a, seed 2 (other settings)']
    assert found['made_by']['options'] == dict(
        seg=['x=one'], pipeline=['--threshold', '0.3'])
    # The record has the options of the one that is in the table.
    assert row['columns']['minutes']['values'] == [1.5] * 4
    found, _ = matrix.run_matrix([str(config)], [2, 1], tmp_path / 'other',
                                 say=len)
    assert found['made_by']['options']['seg'] == ['x=two']


def test_cells_of_data_that_changed_meanwhile_are_left_out(
        tmp_path, monkeypatch):
    config = tmp_path / 'a.py'
    config.write_text('model = dict(type="EncoderDecoder")')

    def cell(cell, *_):
        found = _cell(cell.config, cell.seed, 30.0 + cell.seed)
        found['settings'] = dict(
            matrix_hashes.settings(cell.config, None, {}),
            data=dict(cam='old' if cell.seed < 2 else 'new'))
        cell.folder.mkdir(parents=True)
        (cell.folder / 'cell.json').write_text(json.dumps(found))
        return found

    monkeypatch.setattr(matrix, 'run_cell', cell)
    found, failures = matrix.run_matrix([str(config)], [0, 1, 2, 3],
                                        tmp_path / 'work', say=len)
    row, = found['rows']
    assert (row['seeds'], failures) == ([2, 3], [])
    assert found['missing'] == ['a, seed 0 (other data or versions)',
                                'a, seed 1 (other data or versions)']


def test_outputs_of_earlier_steps_are_no_other_data(tmp_path):
    def folder(name, **inputs):
        path = tmp_path / name / 'manifests'
        path.mkdir(parents=True)
        (path / 'walk.json').write_text(json.dumps(dict(inputs=dict(
            dict(data='d', versions='v', config='c', checkpoint='1',
                 pseudo_labels='2', checkpoint_affinity='3'), **inputs))))
        return matrix_hashes.data_of(tmp_path / name)

    first = folder('a')
    assert folder('b', config='x', checkpoint='x', pseudo_labels='x',
                  checkpoint_affinity='x') == first
    assert folder('c', data='x') != first
    assert folder('d', edges='x') != first


def test_cells_of_other_configs_are_compared_with_the_data_of_now(
        voc_root, tmp_path, monkeypatch):
    config = cam_config(voc_root, tmp_path / 'cam.py')
    other = tmp_path / 'other.py'
    other.write_text('model = dict(type="EncoderDecoder")')
    cfg = load_config(config)
    folder = tmp_path / 'work' / 'cam' / 'seed0'
    (folder / 'manifests').mkdir(parents=True)
    for step, split in (('cam', 'train'), ('seeds', 'test')):
        (folder / 'manifests' / f'{step}.json').write_text(json.dumps(dict(
            inputs=stage_inputs(cfg, split))))
    cell = _cell(str(config), 0, 30.0)
    cell['settings'] = dict(matrix_hashes.settings(str(config), None, {}),
                            data=matrix_hashes.data_of(folder))
    (folder / 'cell.json').write_text(json.dumps(cell))

    def call():
        return matrix_kept.kept_cells(tmp_path / 'work', {}, [str(other)], {})

    assert call() == ([cell], [])
    labels = voc_root / 'image_labels.json'
    found = json.loads(labels.read_text())
    found['images']['img_00'] = found['images']['img_01']
    labels.write_text(json.dumps(found))
    assert call() == ([], ['cam, seed 0 (other data or versions)'])
    shutil.rmtree(voc_root)
    assert call() == ([], ['cam, seed 0 (other data or versions)'])


def test_a_changed_list_of_the_selection_is_another_setting(tmp_path):
    config, few = tmp_path / 'a.py', [tmp_path / f'{n}.txt' for n in 'ab']
    config.write_text('model = dict(type="EncoderDecoder")')
    found = []
    for path, text in ((few[0], 'x\ny'), (few[1], 'y\nx\n'), (few[0], 'x\nz')):
        path.write_text(text)
        found += [matrix_hashes.settings(
            str(config), None, dict(pipeline=words)) for words in (
                ['--select-list', str(path)], [f'--select-list={path}'])]
    first, same, other = found[::2]
    assert first == same != other
    assert found[1::2] == found[::2]


@pytest.mark.slow
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
        assert record['crop'] == row['crop'] == [32, 32]
        assert not (cell / 'pseudo_labels').exists()
    assert len(hashes) == 2
    ids = selection_list.chosen('voc-animals', shared_voc, 1)
    assert chosen == {'\n'.join([*ids, ''])}
    # An earlier call had a second stage, which the next one does not name.
    path = work / 'cam' / 'seed0' / 'cell.json'
    record = json.loads(path.read_text())
    record['rows'].append(_row('segmentation', 42.0))
    record['results']['seg'], record['seconds']['seg'] = {}, 60.0
    record['settings']['seg'] = 'of the segmentor'
    record['seg_options'] = ['x=1']
    path.write_text(json.dumps(record))
    before = path.read_bytes()
    assert '(failed: ' in (work / 'matrix.md').read_text()
    spelt = tmp_path / 'x' / '..' / 'cam.py'  # the same config
    (tmp_path / 'x').mkdir()
    again = _run(spelt, '--seeds', '0', '--work-dir', work, '--select', '1')
    assert again.returncode == 0, again.stderr
    assert (work / 'cam' / 'seed0' / 'cell.json').read_bytes() == before
    said = (work / 'cam' / 'seed0' / 'output.txt').read_text()
    assert said.count('is current') == 2
    again = json.loads((work / 'matrix.json').read_text())
    assert again['made_by']['options']['seg'] == ['x=1']
    again, = again['rows']
    second = again['columns'].pop('segmentation')
    assert second['values'] == [42.0, None]
    assert again['columns']['seeds, best'] == row['columns']['seeds, best']
    assert again['seeds'] == [0, 3]
    read_matrix(work / 'matrix.json')
    # Another rule of the pseudo labels leaves CAMs and seeds as they are, and
    # is not that of the second stage.
    config.write_text(config.read_text() + 'pseudo_label = dict()')
    _run(config, '--seeds', '0', '--work-dir', work, '--select', '1')
    again, = json.loads((work / 'matrix.json').read_text())['rows']
    assert (again['seeds'], 'segmentation' in again['columns']) == ([0], False)


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
    for seed in ('-1', 'x', '4294967296'):
        found = _run(__file__, '--work-dir', tmp_path, '--seeds', '0', seed)
        assert found.returncode == 2
        assert f'number from 0 to 4294967295, found {seed}' in found.stderr
    for option in ('randomness.seed=7', 'randomness=dict(seed=7)'):
        found = _run(__file__, '--work-dir', tmp_path, '--cam-options', option)
        assert found.returncode == 2
        assert f'option {option}: expected the random seeds' in found.stderr


@pytest.mark.parametrize(('more', 'said'), [
    (['--threshold', '0.3'], 'threshold 0.3: no step makes pseudo labels'),
    (['--select-list', 'none.txt'], 'none.txt: No such file'),
    (['--seg-config', '{seg}', '--threshold', 'selected'],
     'expected --select, found none')])
def test_what_no_cell_can_use_is_refused_before_the_first(
        shared_voc, tmp_path, monkeypatch, more, said):
    monkeypatch.setattr(matrix, 'run_cell', lambda *_: 1 / 0)
    configs = [cam_config(shared_voc, tmp_path / f'{name}.py')
               for name in ('a', 'b')]
    seg = seg_config(shared_voc, tmp_path / 'seg.py')
    found = _run(*configs, '--work-dir', tmp_path / 'w',
                 *(word.format(seg=seg) for word in more))
    assert found.returncode in (1, 2)
    assert found.stderr.count(said) == 1
    assert not [*tmp_path.glob('w/*/seed0')]


@pytest.mark.parametrize(('line', 'alone'), [
    ('', set()), ('train_dataloader["dataset"] = None', {'broken'})])
def test_a_config_that_cannot_run_does_not_end_the_others(
        shared_voc, tmp_path, monkeypatch, line, alone):
    good = cam_config(shared_voc, tmp_path / 'good.py')
    broken = cam_config(tmp_path / 'nowhere', tmp_path / 'broken.py')
    with (tmp_path / 'broken.py').open('a') as file:
        file.write(f'{line}\n')
    ran = []

    def cell(cell, *_):
        ran.append(cell.name)
        raise ValueError('failed')

    monkeypatch.setattr(matrix, 'run_cell', cell)
    for configs, names in (((broken, good), {'broken', 'good'}),
                           ((broken, ), alone)):
        ran.clear()
        found = _run(*configs, '--work-dir', tmp_path / 'w', '--seeds', 0)
        assert found.returncode == 1
        assert {*ran} == names


@pytest.mark.parametrize(('script', 'said'), [
    ('echo "error: no masks. Make some." >&2; exit 1',
     'failed: no masks. Make some'),
    ('echo "error: $PWD/a.py and $HOME/b: gone, /c too." >&2; exit 1',
     'failed: a.py and ~/b: gone, /c too'),
    ('exit 3', 'failed: without a message'),
    ('kill -9 $$', 'failed: was killed, most often'),
    ('echo "error: terminated."; exit 143', 'not finished'),
    ('kill $$', 'not finished')])
def test_a_failed_cell_is_not_one_that_is_not_finished(
        tmp_path, monkeypatch, script, said):
    config, python = tmp_path / 'a.py', tmp_path / 'python'
    config.write_text('model = dict(type="EncoderDecoder")')
    python.touch(0o755)
    monkeypatch.setattr(matrix_cells, 'sys', SimpleNamespace(
        executable=str(python)))
    cell = matrix_cells.Cell(str(config), 0, tmp_path / 'w' / 'a' / 'seed0')
    record = cell.folder / 'failed.json'
    # Started again, it has not failed yet.
    for line, words in ((script, said), (
            f'[ -e "{record}" ] || exit 143', 'not finished')):
        python.write_text(f'#!/bin/sh\n{line}\n')
        with pytest.raises(ValueError, match=r'a, seed 0: (?!error: )'):
            matrix_cells.run_cell(cell, None, {}, matrix_cells.Pipelines())
        missing, = matrix_kept.kept_cells(tmp_path / 'w', {}, [], {})[1]
        assert missing.startswith(f'a, seed 0 ({words}')
        # The call itself says the same as later ones.
        page = matrix.run_matrix([str(config)], [0], tmp_path / 'w')[0]
        assert page['missing'] == [missing.replace('not finished', 'failed')]


@pytest.fixture
def idle_cell(tmp_path, monkeypatch):
    """A cell whose pipeline does nothing; a test writes what it left."""
    config, python = tmp_path / 'a.py', tmp_path / 'python'
    config.write_text('model = dict(type="EncoderDecoder")')
    python.write_text('#!/bin/sh\nexit 0\n')
    python.chmod(0o755)
    monkeypatch.setattr(matrix_cells, 'sys', SimpleNamespace(
        executable=str(python)))
    cell = matrix_cells.Cell(str(config), 0, tmp_path / 'w' / 'a' / 'seed0')
    cell.folder.mkdir(parents=True)
    return cell


def test_the_memory_is_that_of_the_training_of_now(idle_cell):
    cell = idle_cell
    peaks = []
    for cam, seeds in (('0', 1.), ('0', 2.), ('1', 2.)):
        (cell.folder / 'summary.json').write_text(json.dumps(dict(
            results=dict(cam=dict(hash=cam)), seconds=dict(seeds=seeds),
            rows=[], batch_size=4)))
        found = matrix_cells.run_cell(
            cell, None, {}, matrix_cells.Pipelines())
        peaks.append(found['peak_mib'])
        (cell.folder / 'cell.json').write_text(json.dumps(dict(
            found, peak_mib=10**6)))
    assert peaks[1] == 10**6
    assert max(peaks[0], peaks[2]) < 10**4


def test_a_report_that_is_written_again_loses_no_second_stage(idle_cell):
    cell = idle_cell
    (cell.folder / 'manifests').mkdir()
    for step, data in (('cam', dict(data='x')), ('seg', dict(data='y')),
                       ('report', {})):
        (cell.folder / 'manifests' / f'{step}.json').write_text(json.dumps(
            dict(inputs=data)))
    found = []
    for seg, took in ((cell.config, 1.), (None, 2.)):
        steps = ['cam', *['seg'] * bool(seg), 'report']
        (cell.folder / 'summary.json').write_text(json.dumps(dict(
            results={step: {} for step in steps}, batch_size=4,
            seconds={step: took if step == 'report' else 9.
                     for step in steps},
            rows=[_row('seeds, best', 30.),
                  *[_row('segmentation', 40.)] * bool(seg)])))
        found.append(matrix_cells.run_cell(
            cell, seg, {}, matrix_cells.Pipelines()))
    assert found[1]['rows'] == found[0]['rows']
    assert found[1]['settings'] == found[0]['settings']


def test_no_pipeline_begins_after_they_were_stopped(tmp_path):
    pipelines = matrix_cells.Pipelines()
    with open(tmp_path / 'x', 'w') as file, ThreadPoolExecutor(1) as pool:
        began = pool.submit(pipelines.run, ['sleep', '60'], file)
        while not pipelines._running:
            time.sleep(.01)
        pipelines.stop()
        assert began.result()[0] == -signal.SIGTERM
        with pytest.raises(ValueError, match='stopped before it began'):
            pipelines.run(['touch', tmp_path / 'y'], file)
    assert not (tmp_path / 'y').exists()


def test_the_threshold_of_pseudo_labels_is_of_the_second_stage(tmp_path):
    config = tmp_path / 'a.py'
    config.write_text('model = dict(type="EncoderDecoder")')

    def found(seg, *words):
        return matrix_hashes.settings(
            str(config), str(config) if seg else None,
            dict(pipeline=[*words]))

    alone, auto = found(False), found(True, '--threshold', 'auto')
    assert auto['cam'] == alone['cam'] == found(True)['cam']
    assert auto['seg'] != found(True)['seg']
    few = tmp_path / 'few.txt'
    few.write_text('a')
    for words in (['--select', '5'], ['--select=5'], ['--select-list', few]):
        # Cells whose threshold was selected before the refiners are others.
        selected = found(True, *map(str, words))
        assert selected == found(True, *map(str, words), '--threshold',
                                 'selected')
        assert len({selected['seg'], auto['seg'], found(True)['seg'], found(
            True, *map(str, words), '--threshold', '0.4')['seg']}) == 4
    assert auto == found(True, '--threshold=auto')
