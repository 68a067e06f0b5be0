"""Lists of the selection splits: whole, and those that run_matrix chooses."""
import sys
from pathlib import Path

import protocol
import pytest
import selection_list

from hsc_mm.evaluation.selection import read_selection

FOLDER = Path(protocol.__file__).parent / 'selection'


def test_every_data_set_of_the_protocol_has_its_list():
    assert {path.name for path in FOLDER.glob('*.txt')} == {
        f'{name}-10.txt' for name in protocol.SETS}
    page = (FOLDER.parents[1] / 'docs/protocol.md').read_text()
    assert 'benchmarks/selection/' in page


@pytest.mark.parametrize(('name', 'count'), [
    ('voc-animals', 50), ('neu-seg', 26), ('magnetic-tile', 50),
    ('clothing-ccp', 41)])
def test_a_list_has_a_name_on_each_line_and_none_twice(name, count):
    path = FOLDER / f'{name}-10.txt'
    ids = read_selection(path)  # refuses what stands there twice
    assert len(ids) == count
    assert path.read_text() == '\n'.join([*ids, ''])
    assert all(one.replace('_', '').isalnum() for one in ids)


def test_the_script_prints_what_it_chooses(shared_voc, capsys, monkeypatch):
    words = ['selection_list.py', 'voc-animals', str(shared_voc), '--select']
    found = []
    for count in ('1', '2'):
        monkeypatch.setattr(sys, 'argv', [*words, count])
        selection_list.main()
        found.append(capsys.readouterr().out.splitlines())
    listed = (shared_voc / 'ImageSets/Segmentation/train.txt').read_text()
    assert 1 <= len(found[0]) < len(found[1]) < len(listed.split())
    for ids in found:
        assert ids == [one for one in listed.split() if one in ids]


def test_a_folder_without_data_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        sys, 'argv', ['selection_list.py', 'neu-seg', str(tmp_path)])
    with pytest.raises(SystemExit):
        selection_list.main()
    assert 'expected a folder in VOC layout' in capsys.readouterr().err
