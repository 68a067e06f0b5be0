"""Arguments of the functions that users call, of a wrong type or value."""
import re

import pytest
from tiny_configs import cam_config

import hsc_mm
from hsc_mm.inference.inputs import list_inputs
from hsc_mm.pseudo_labels import RunOptions


@pytest.mark.parametrize(('arguments', 'said'), [
    (dict(work_dir=''), "work_dir: expected a path, found ''"),
    (dict(work_dir=None), 'work_dir: expected a path, found None'),
    (dict(cam_cfg=['cam.py']), "cam_cfg: expected a config or its file, "
     "found ['cam.py']"),
    (dict(cam_cfg=None), 'cam_cfg: expected a config or its file, found Non'),
    (dict(baselines='cam.py'), 'baselines: expected a list, such as '
     '["cam.py"], found \'cam.py\''),
    (dict(baselines=[3]), 'baselines: expected a config or its file, found 3'),
    (dict(force='cam'), 'force: expected a list, such as ["cam"]'),
    (dict(select=0), 'select: expected an integer > 0, found 0'),
    (dict(select=1.5), 'select: expected an integer > 0, found 1.5'),
    (dict(options=dict(cma={})), 'found "cma". Is "cam" meant?'),
])
def test_a_pipeline_from_python(shared_voc, tmp_path, monkeypatch, arguments,
                                said):
    monkeypatch.chdir(tmp_path)
    config = cam_config(shared_voc, tmp_path / 'cam.py')
    known = dict(cam_cfg=str(config), work_dir=tmp_path / 'w')
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        hsc_mm.run_pipeline(**known | arguments)
    assert [path.name for path in tmp_path.iterdir()] == ['cam.py']


@pytest.mark.parametrize(('arguments', 'said'), [
    (dict(out=''), "out: expected a path, found ''"),
    (dict(out=None), 'out: expected a path, found None'),
    (dict(checkpoint=''), "checkpoint: expected a path, found ''"),
    (dict(options=dict(workers=0)), 'options: expected hsc_mm.pseudo_labels.'
     "RunOptions(...), found {'workers': 0}"),
    (dict(options={}), 'options: expected hsc_mm.pseudo_labels.RunOptions'),
])
def test_pseudo_labels_from_python(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    known = dict(cfg='cam.py', checkpoint='x.pth', out='out')
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        hsc_mm.make_pseudo_labels(**known | arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('arguments', 'said'), [
    (dict(batch_size=0), 'batch_size: expected an integer > 0, found 0'),
    (dict(workers=-1), 'workers: expected an integer >= 0, found -1'),
    (dict(shard=(3, 2)), 'shard: expected an integer > 0 and <= 2, found 3'),
    (dict(shard=(1, 0)), 'number of shards: expected an integer > 0'),
    (dict(shard=2), 'shard: expected a pair, such as (1, 4), found 2'),
    (dict(shard=(1, 2, 3)), 'shard: expected a pair'),
    (dict(progress=None), 'progress: expected a function, found None'),
])
def test_how_pseudo_labels_are_computed(arguments, said):
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        RunOptions(**arguments)
    assert RunOptions(shard=[1, 2]).shard == (1, 2)


def test_an_empty_input_is_not_the_current_folder():
    for one in ('', [' ']):
        with pytest.raises(ValueError, match='inputs: expected a path'):
            list_inputs(one)
