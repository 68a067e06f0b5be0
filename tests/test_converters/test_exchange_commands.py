"""What export, import and the import of seeds name as the next command."""
import shlex
import shutil
import sys

import pytest
from seed_maps import from_zero, save

from hsc_mm.cli import common, import_command
from hsc_mm.utils import read_index_png, voc_palette
from hsc_mm.utils.images import write_index_png


@pytest.fixture
def call(monkeypatch, capsys):
    """Call a command; return its status, what follows, and its errors."""

    def run(name, *words):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, words)])
        status = common.run(import_command(name).main)
        said = capsys.readouterr()
        lines = [line for line in said.out.splitlines()
                 if line.startswith('next: ')]
        return status, lines[0] if lines else '', said.err

    return run


def words_of(line, **names):
    """Return the words after ``import`` of a line, names filled in."""
    words = shlex.split(line[line.index('python -m hsc_mm import'):])
    return [names.get(word, word) for word in words[4:]]


def test_pictures_and_options_go_on_to_the_import(project, call, tmp_path):
    _, root, masks = project
    pictures = tmp_path / 'my pictures'
    pictures.mkdir()
    for number in range(2):
        shutil.copy(root / 'JPEGImages' / f'img_{number:02d}.jpg',
                    pictures / f'x{number}.jpg')
        write_index_png(tmp_path / 'masks' / f'x{number}.png',
                        masks[f'img_{number:02d}'], voc_palette())
    option = ['--cfg-options', 'train_dataloader.batch_size=2']
    status, line, _ = call(
        'export', tmp_path / 'masks', '--config', root / 'config.py',
        '--images', pictures, '--out', tmp_path / 'out', *option)
    assert status == 0
    words = words_of(line, EXPORT=tmp_path / 'out' / 'instances.json',
                     TRUSTED=tmp_path / 'trusted')
    assert words[words.index('--cfg-options'):][:2] == option
    status, line, _ = call('import', *words)
    assert status == 0
    assert 'TRUSTED_DIR=' in line
    for number in range(2):
        assert (read_index_png(tmp_path / 'trusted' / f'x{number}.png')
                == masks[f'img_{number:02d}']).all()


def test_a_split_goes_on_to_the_import(project, call, tmp_path):
    _, root, _ = project
    (root / 'config.py').write_text((root / 'config.py').read_text().replace(
        'train_dataloader', 'val_dataloader'))
    _, line, _ = call('export', root / 'pseudo', '--config',
                      root / 'config.py', '--split', 'val', '--out',
                      tmp_path / 'out')
    assert '--split val' in line
    assert call('import', *words_of(
        line, EXPORT=tmp_path / 'out' / 'instances.json',
        TRUSTED=tmp_path / 'trusted'))[0] == 0


def test_an_import_of_nothing_has_no_next_step(project, call, tmp_path):
    _, root, masks = project
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    shutil.copy(root / 'JPEGImages' / 'img_00.jpg', pictures / 'x.jpg')
    write_index_png(tmp_path / 'masks' / 'x.png', masks['img_00'],
                    voc_palette())
    call('export', tmp_path / 'masks', '--config', root / 'config.py',
         '--images', pictures, '--out', tmp_path / 'out')
    status, line, said = call(
        'import', tmp_path / 'out' / 'instances.json', '--config',
        root / 'config.py', '--out', tmp_path / 'trusted')
    assert (status, line) == (1, '')
    assert '--images' in said


@pytest.mark.parametrize(('kind', 'words'), [
    ('soft', "set suffix='.npz' of hsc_mm.LoadPseudoLabel in SEG_CONFIG"),
    ('hard', 'PSEUDO_DIR=')])
def test_the_next_step_of_seeds_reads_what_was_written(
        call, maps, config, tmp_path, kind, words):
    save(tmp_path / 'from', from_zero(maps))
    status, line, _ = call('import_seeds', tmp_path / 'from', '--config',
                           config, '--out', tmp_path / 'out', '--kind', kind)
    assert status == 0
    assert line.startswith(f'next: {words}')
