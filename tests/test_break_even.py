"""How many masks image labels are worth: draws, cells, the curve."""
import shutil
from argparse import Namespace

import pytest
from conftest import make_voc

from hsc_mm.utils import (
    read_index_png,
    read_json,
    voc_palette,
    write_index_png,
)


def test_break_even_is_where_the_curve_crosses():
    from break_even_table import break_even, table
    curve = {10: 30.0, 40: 50.0, 160: 60.0}
    assert break_even(curve, 40.0) == pytest.approx(20)  # halfway in the log
    assert break_even(curve, 60.0) == pytest.approx(160)
    assert break_even(curve, 30.0) == 0.0
    assert break_even(curve, 60.1) is None
    # Of a noisy curve the last crossing counts, not a lucky small number.
    noisy = {10: 40.0, 20: 52.0, 50: 45.0, 100: 47.0}
    assert break_even(noisy, 50.0) is None
    assert break_even({**noisy, 200: 53.0}, 50.0) == pytest.approx(
        100 * 2**0.5)
    assert break_even({10: 52.0, 20: 48.0, 40: 52.0}, 50.0) == (
        pytest.approx(20 * 2**0.5))

    def row(config, mean, std=None):
        return dict(config=config, columns=dict(
            segmentation=dict(mean=mean, std=std)))
    found = table(
        {10: [29.0, 31.0], 40: [50.0], 160: [60.0]},
        [row('hsc', 40.0, 1.25), row('cam', 20.0), row('oracle', 70.0),
         dict(config='seeds', columns={})])
    assert '| 10 masks | 30.0 ± 1.4 | |' in found
    assert '| image labels, hsc | 40.0 ± 1.2 | 20 masks |' in found
    assert '| image labels, cam | 20.0 | fewer than 10 masks |' in found
    assert '| image labels, oracle | 70.0 | more than 160 masks |' in found
    assert 'seeds' not in found


def test_draws_of_a_seed_are_nested_and_have_masks(tmp_path):
    from break_even import draw
    lists = tmp_path / 'ImageSets/Segmentation'
    masks = tmp_path / 'SegmentationClass'
    lists.mkdir(parents=True)
    masks.mkdir()
    ids = [f'p{i}' for i in range(30)]
    (lists / 'train.txt').write_text('\n'.join(ids))
    for i in ids[:20]:
        (masks / f'{i}.png').touch()
    whole = draw(tmp_path, 'train', None, 0)
    assert sorted(whole) == sorted(ids[:20])
    assert draw(tmp_path, 'train', 5, 0) == whole[:5]
    assert draw(tmp_path, 'train', 5, 1) != whole[:5]
    with pytest.raises(ValueError, match='--masks 21: found 20 pictures'):
        draw(tmp_path, 'train', 21, 0)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A cell of break_even that writes 40 as its score, and its folder."""
    import break_even
    leaf, cell = tmp_path / 'leaf.py', tmp_path / 'cell'
    leaf.write_text('model = dict(type="EncoderDecoder")\nmax_iters = 1600')
    calls = []

    def run(command, env, check):
        calls.append(command)
        assert (cell / 'ids.txt').is_file()
        (cell / 'a/vis_data').mkdir(parents=True, exist_ok=True)
        (cell / 'iter_10.pth').touch()
        if len(calls) == 1:
            return Namespace(returncode=1)
        (cell / 'a/vis_data/scalars.json').write_text(
            '{"mIoU": 40.0}\n{"loss": 0.')  # cut off by a kill
        return Namespace(returncode=0)

    monkeypatch.setattr(break_even.subprocess, 'run', run)

    def call(ids='ab', root=tmp_path, seed=0, options=()):
        return break_even.run_cell(
            leaf, root, list(ids), cell, seed, list(options))

    return Namespace(call=call, leaf=leaf, cell=cell, calls=calls)


def _files(folder):
    return {path: path.read_bytes() for path in folder.rglob('*')
            if path.is_file()}


def test_break_even_takes_nothing_of_another_cell(trained, tmp_path):
    import break_even
    with pytest.raises(ValueError, match=r'status 1.*same command continues'):
        trained.call()
    others = ((dict(ids='ac'), 'draw'), (dict(ids='abc'), 'masks'),
              (dict(options=['x=1']), 'options'), (dict(seed=1), 'seed'),
              (dict(root=tmp_path / 'other'), 'root'))

    def refuses():
        before = _files(trained.cell)
        for words, what in others:
            with pytest.raises(ValueError, match=f'of another {what}'):
                trained.call(**words)
        text = trained.leaf.read_text()
        trained.leaf.write_text(text.replace('1600', '10'))
        with pytest.raises(ValueError, match='of another config'):
            trained.call()
        trained.leaf.write_text(text)
        assert _files(trained.cell) == before

    refuses()  # one that was interrupted
    assert trained.call() == 40.0
    assert ['--resume' in one for one in trained.calls] == [False, True]
    refuses()  # a finished one
    assert trained.call() == 40.0
    mask = tmp_path / 'SegmentationClass' / 'a.png'
    mask.parent.mkdir()
    mask.write_bytes(b'corrected')
    with pytest.raises(ValueError, match='of another data'):
        trained.call()
    mask.unlink()
    listed = tmp_path / 'ImageSets' / 'Segmentation' / 'val.txt'
    listed.parent.mkdir(parents=True)
    picture = tmp_path / 'JPEGImages' / 'c.jpg'
    picture.parent.mkdir()
    listed.write_text('c')  # what is scored counts, too
    picture.write_bytes(b'c')
    with pytest.raises(ValueError, match='of another data'):
        trained.call()
    assert picture in break_even._files(tmp_path, [], 'val')
    assert picture not in break_even._files(tmp_path, [], 'test')
    listed.unlink()
    assert trained.call() == 40.0
    assert len(trained.calls) == 2
    (trained.cell / 'score.json').write_text('{"masks": 2, "miou": 40.0}')
    with pytest.raises(ValueError, match='one of an earlier version'):
        trained.call()
    (trained.cell / 'score.json').unlink()
    before = _files(trained.cell)
    with pytest.raises(ValueError, match='files of no cell'):
        trained.call()
    assert _files(trained.cell) == before


def test_all_may_be_a_number_beside_it(tmp_path, monkeypatch):
    import break_even
    (tmp_path / 'ImageSets' / 'Segmentation').mkdir(parents=True)
    (tmp_path / 'ImageSets/Segmentation/train.txt').write_text('a b c')
    (tmp_path / 'SegmentationClass').mkdir()
    for name in 'abc':
        (tmp_path / f'SegmentationClass/{name}.png').touch()
    calls = []
    monkeypatch.setattr(break_even, 'check_root', lambda *args: None)
    monkeypatch.setattr(break_even, 'write_leaf', lambda *args: 'leaf.py')
    monkeypatch.setattr(break_even, 'run_cell', lambda *args: calls.append(
        (len(args[2]), args[4])) or 40.0 + args[4])
    monkeypatch.setattr('sys.argv', [
        'break_even', 'neu-seg', str(tmp_path), '--work-dir',
        str(tmp_path / 'w'), '--masks', '2', '3', 'all', '--seeds', '0', '1'])
    break_even.main()
    assert calls == [(2, 0), (3, 0), (2, 1), (3, 1)]
    assert read_json(tmp_path / 'w' / 'break_even.json') == {
        '2': [40.0, 41.0], '3': [40.0, 41.0]}


def test_break_even_compares_with_the_same_data_and_segmentor(tmp_path):
    import break_even_table
    import protocol

    from hsc_mm.utils import write_json
    root = tmp_path / 'data'
    root.mkdir()
    (root / 'image_labels.json').write_text(
        '{"classes": ["cat", "dog"], "images": {}}')

    def work_dir(name, network='lite0', **more):
        folder = tmp_path / f'{name}-{network}'
        protocol.write_leaf(f'deeplabv3plus_{network}_{{}}-pseudo', name,
                            root, folder / 'configs')
        write_json(folder / 'matrix.json', dict(
            rows=[], paired_to=None, **more))
        return folder

    own = work_dir('neu-seg', made_by=dict(options=dict(seg=['x=1'])))
    leaf = next((own / 'configs').iterdir())
    assert break_even_table.read_rows(own, leaf, ['x=1']) == []
    with pytest.raises(ValueError, match='--seg-options'):
        break_even_table.read_rows(own, leaf, [])
    for other in (work_dir('voc-animals'), work_dir('neu-seg', 'mbv2')):
        assert break_even_table.read_rows(
            other, next((other / 'configs').iterdir()), []) == []
        with pytest.raises(ValueError, match='same data set and network'):
            break_even_table.read_rows(other, leaf, ['x=1'])


def test_break_even_compares_scores_of_one_test_list(tmp_path):
    import break_even_table
    import protocol

    from hsc_mm.inference import load_config
    from hsc_mm.pipeline import stage_inputs
    from hsc_mm.utils import write_json
    root = make_voc(tmp_path / 'data')
    for path in (root / 'SegmentationClass').iterdir():
        mask = read_index_png(path)
        for old, new in ((8, 1), (12, 2)):
            mask[mask == old] = new
        write_index_png(path, mask, voc_palette())
    leaf = protocol.write_leaf('deeplabv3plus_lite0_{}-pseudo', 'neu-seg',
                               root, tmp_path / 'table' / 'configs')
    write_json(tmp_path / 'table' / 'matrix.json', dict(
        rows=[], paired_to=None))
    cell = tmp_path / 'table' / 'cam' / 'seed0' / 'manifests' / 'eval.json'
    cell.parent.mkdir(parents=True)
    write_json(cell, dict(inputs=stage_inputs(load_config(leaf), 'test')))
    held_out = tmp_path / 'held out'
    shutil.copytree(tmp_path / 'table', held_out)
    write_json(held_out / cell.relative_to(tmp_path / 'table'), dict(
        inputs=dict(read_json(cell)['inputs'], held_out='x')))
    with pytest.raises(ValueError, match='without --select'):
        break_even_table.read_rows(held_out, leaf, [])
    copy = tmp_path / 'moved'
    shutil.copytree(root, copy)
    for name in ('here', 'there'):
        here = protocol.write_leaf('deeplabv3plus_lite0_{}-pseudo', 'neu-seg',
                                   copy, tmp_path / name / 'configs')
        if name == 'here':
            assert break_even_table.read_rows(tmp_path / 'table', here,
                                              []) == []
        listed = copy / 'ImageSets' / 'Segmentation' / 'val.txt'
        listed.write_text(''.join(
            f'{one}\n' for one in listed.read_text().split()[1:]))
    with pytest.raises(ValueError, match='expected the test list, pictures'):
        break_even_table.read_rows(tmp_path / 'table', here, [])
