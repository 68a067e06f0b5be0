import pytest

from hsc_mm.pipeline.manifest import Manifest, refuse_foreign
from hsc_mm.utils import digest


def test_digest_tells_contents_apart():
    assert digest(dict(a=1, b=2)) == digest(dict(b=2, a=1))
    assert digest(dict(a=1)) != digest(dict(a=2))


def test_a_step_is_current_until_something_changes(tmp_path):
    folder = tmp_path / 'out'
    folder.mkdir()
    (folder / 'a.png').write_bytes(b'1234')
    manifest = Manifest(tmp_path / 'step.json', tmp_path)
    inputs = dict(config='c', data='d')
    assert manifest.reason_to_run(inputs) == 'not run yet'
    manifest.save(inputs, [folder], dict(mIoU=1), 2.34)
    again = Manifest(tmp_path / 'step.json', tmp_path)
    assert again.reason_to_run(inputs) is None
    assert again.result == dict(mIoU=1)
    assert again.seconds == 2.3
    assert again.reason_to_run(dict(inputs, data='e')) == 'changed: data'
    assert again.reason_to_run(dict(inputs, more=1)) == 'changed: more'
    (folder / 'a.png').write_bytes(b'12')
    assert 'outputs incomplete' in again.reason_to_run(inputs)
    (folder / 'a.png').write_bytes(b'1234')
    (folder / '.DS_Store').write_bytes(b'a file manager was here')
    assert again.reason_to_run(inputs) is None
    (folder / 'b.png').write_bytes(b'')
    assert 'outputs incomplete' in again.reason_to_run(inputs)
    again.drop()
    fresh = Manifest(tmp_path / 'step.json', tmp_path)
    assert fresh.reason_to_run(inputs) == 'not run yet'


@pytest.mark.parametrize(('name', 'ours'), [
    ('pseudo_labels.json', True), ('cat.png', False)])
def test_a_folder_without_a_manifest(tmp_path, name, ours):
    folder = tmp_path / 'pseudo_labels'
    folder.mkdir()
    (folder / name).write_text('{}')
    record = Manifest(tmp_path / 'pseudo.json', tmp_path)
    if ours:
        refuse_foreign(folder, record)
        return
    with pytest.raises(FileExistsError, match='that it did not write'):
        refuse_foreign(folder, record)


def test_the_folder_may_be_moved(tmp_path):
    old, new = tmp_path / 'old', tmp_path / 'new'
    old.mkdir()
    (old / 'a.png').write_bytes(b'1')
    Manifest(old / 'step.json', old).save({}, [old / 'a.png'], {}, 0)
    old.rename(new)
    assert Manifest(new / 'step.json', new).reason_to_run({}) is None


def test_no_two_runs_leave_the_same_record(tmp_path):
    path = tmp_path / 'step.json'
    records = []
    for _ in range(2):
        manifest = Manifest(path, tmp_path)
        manifest.save(dict(config='c'), [], dict(mIoU=1), 2.34)
        records.append(digest(Manifest(path, tmp_path).content))
    assert records[0] != records[1]
