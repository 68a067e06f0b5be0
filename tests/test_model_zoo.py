"""The model zoo: its table, its page, and what it counts."""
import model_zoo
import pytest
import zoo_page
from mmengine.config import Config

from hsc_mm.utils import read_json

TABLE = read_json(model_zoo.TABLE)


def test_the_table_has_every_config_and_no_other():
    assert sorted(TABLE) == model_zoo.leaves()


def test_the_page_is_that_of_the_table():
    assert model_zoo.PAGE.read_text() == zoo_page.write_page(TABLE)


@pytest.mark.parametrize('path', ['configs/demo/cam_demo.py'])
def test_a_config_is_described_as_in_the_table(path):
    known = {k: v for k, v in TABLE[path].items()
             if k not in ('step', 'seeds')}
    assert model_zoo.describe(path) == known


def test_parameters_are_those_of_each_layer():
    cfg = Config.fromfile(model_zoo.ROOT / 'configs/cam_r50_voc.py')
    model = model_zoo.build(cfg, 'meta')
    assert all(p.is_meta for p in model.parameters())
    backbone = 23_508_032  # torchvision's resnet50 without its classifier
    classifier = 2048 * 21
    assert model_zoo.count_parameters(model) - backbone == classifier


def _matrix(config, crop, *values):
    return dict(rows=[
        dict(config=config, seeds=[*range(len(values))], crop=crop, columns={
            'seeds, best': dict(mean=40., std=1.5, values=[*values],
                                images=9)}),
        dict(config='c', columns={}), dict(config='d', columns={
            'seeds, best': {}})])


def test_seeds_come_from_tables_of_run_matrix():
    table = {f'configs/{name}.py': dict(size=[32, 32]) for name in 'abc'}
    zoo_page.take_seeds(table, [_matrix('a', [32, 32], 39., None, 41.)])
    assert table['configs/a.py']['seeds'] == dict(
        mean=40., std=1.5, n=2, images=9)
    assert 'seeds' not in table['configs/b.py']
    assert 'seeds' not in table['configs/c.py']


@pytest.mark.parametrize(('matrices', 'message'), [
    ([_matrix('a', [64, 64], 1.)], r'a: .*crops of \[32, 32\].*\[64, 64\]'),
    ([_matrix('a', None, 1.)], 'found None'),
    ([_matrix('a', [32, 32], 1.)] * 2, 'a: expected one table')])
def test_seeds_of_other_crops_or_of_two_tables_are_refused(matrices, message):
    table = {'configs/a.py': dict(size=[32, 32])}
    with pytest.raises(ValueError, match=message):
        zoo_page.take_seeds(table, matrices)


def test_the_page_says_what_was_measured():
    one = dict(network='n', weights='w', parameters=2_000_000, flops=3e9,
               size=[32, 32])
    step = dict(seconds=.5, peak_mib=99, batch=4, device='D', amp=True,
                load=1)
    page = zoo_page.write_page({
        'configs/x.py': one,
        'configs/y/z.py': dict(one, step=step, seeds=dict(
            mean=1., std=2., n=3, images=9))})
    assert '| `x.py` | n | `w` | 2.0 | 3.0 | 32 x 32 |  |  |  |' in page
    assert ('| 32 x 32 | 0.50 (GPU) | 99 | 1.0 ± 2.0 (n = 3, 9 pictures) |'
            in page)
    assert 'D, half precision, load 1' in page
