"""The tools: as a user types them, and in this process."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import run_here
from PIL import Image
from tiny_configs import ROOT, cam_config, seg_config

from hsc_mm.inference import load_config
from hsc_mm.inference.seeds import build_model
from hsc_mm.utils import read_index_png, read_json

TOOLS = ROOT / 'tools'


def run(tool, *arguments, **env) -> subprocess.CompletedProcess:
    """Run a tool; its output is text."""
    script = tool if Path(str(tool)).is_absolute() else TOOLS / tool
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), **env))


def losses(text: str) -> list[str]:
    """Return the losses of a log, as printed."""
    import re
    return re.findall(r'Iter\(train\).* loss: (\S+)', text)


@pytest.fixture(scope='module')
def trained(tmp_path_factory, shared_voc):
    """A trained CAM stage: folder, config, checkpoint, output."""
    folder = tmp_path_factory.mktemp('cli')
    config = cam_config(shared_voc, folder / 'cam.py', iters=2)
    done = run('train.py', config, '--work-dir', folder / 'run')
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, config, folder / 'run' / 'iter_2.pth', done


@pytest.mark.slow
def test_mmsegs_own_train_script_gives_the_same_losses(trained):
    import mmseg
    folder, config, _, ours = trained
    theirs = run(
        Path(mmseg.__file__).parent / '.mim' / 'tools' / 'train.py', config,
        '--work-dir', folder / 'theirs')
    assert theirs.returncode == 0, theirs.stderr[-2000:]
    found = losses(ours.stdout + ours.stderr)
    assert len(found) == 2
    assert losses(theirs.stdout + theirs.stderr) == found


def test_a_second_run_is_refused_in_one_line(trained):
    folder, config, checkpoint, _ = trained
    before = checkpoint.read_bytes()
    done = run_here('train', config, '--work-dir', folder / 'run')
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('error: work_dir')
    assert '--resume' in last
    assert checkpoint.read_bytes() == before


@pytest.mark.slow
def test_seeds_are_scored_and_written(trained):
    folder, config, checkpoint, _ = trained
    done = run('test.py', config, checkpoint, '--tta', '--out',
               folder / 'seeds', '--work-dir', folder / 'test',
               '--cfg-options',
               f'test_evaluator.out_json={folder / "seeds.json"}')
    assert done.returncode == 0, done.stderr[-2000:]
    text = done.stdout + done.stderr
    assert 'Seeds on train, 8 images, 4 view(s) of each; image labels' in text
    assert 'the best one, chosen on ground truth' in text
    assert len(list((folder / 'seeds').glob('*.png'))) == 8
    assert read_json(folder / 'seeds.json')['classes'][1:] == ['cat', 'dog']


def test_pseudo_labels_hold_the_indices_of_the_data_set(trained, shared_voc):
    folder, config, checkpoint, _ = trained
    out = folder / 'pseudo'
    call = ('make_pseudo_labels', config, checkpoint, '--out', out,
            '--threshold', '0.2', '--work-dir', folder / 'unused')
    done = run_here(*call)
    assert done.returncode == 0, done.stderr[-2000:]
    labels = read_json(shared_voc / 'image_labels.json')['images']
    seen = set()
    for name, present in labels.items():
        found = set(np.unique(read_index_png(out / f'{name}.png')))
        assert found <= {0} | {dict(cat=8, dog=12)[n] for n in present}
        seen |= found
    assert seen >= {8, 12}
    manifest = read_json(out / 'pseudo_labels.json')
    assert manifest['complete']
    assert manifest['count'] == 8
    # The other way to the same masks: mmengine's runner.
    done = run_here('test', config, checkpoint, '--tta', '--out',
               folder / 'same', '--work-dir', folder / 'unused',
               '--cfg-options', 'model.test_cfg.bg_threshold=0.2')
    assert done.returncode == 0, done.stderr[-2000:]
    for path in (folder / 'same').glob('*.png'):
        one, other = (Image.open(p) for p in (path, out / path.name))
        assert one.tobytes() == other.tobytes()
        assert one.getpalette() == other.getpalette()
    assert len(list((folder / 'same').glob('*.png'))) == 8
    # Damaged and missing files are made again, whole ones are not touched.
    whole = {p.name: p.read_bytes() for p in out.glob('*.png')}
    times = {p.name: p.stat().st_mtime_ns for p in out.glob('*.png')}
    (out / 'img_01.png').unlink()
    (out / 'img_02.png').write_bytes(whole['img_02.png'][:50])
    done = run_here(*call)
    assert '6 of 8 pseudo labels exist' in done.stdout
    assert {p.name: p.read_bytes() for p in out.glob('*.png')} == whole
    again = {p.name: p.stat().st_mtime_ns for p in out.glob('*.png')}
    assert [n for n in times if times[n] != again[n]] == [
        'img_01.png', 'img_02.png'
    ]
    # Other labels do not get mixed in.
    done = run_here(*call[:-3], '0.3')
    assert done.returncode == 1
    assert 'holds pseudo labels with threshold 0.2, expected 0.3' in (
        done.stderr)


def test_pseudo_labels_leave_other_folders_alone(trained):
    folder, config, checkpoint, _ = trained
    other = folder / 'precious'
    other.mkdir()
    (other / 'notes.txt').write_text('mine')
    done = run_here('make_pseudo_labels', config, checkpoint, '--out', other)
    assert done.returncode == 1
    assert 'expected a new or empty folder' in done.stderr
    assert [p.name for p in other.iterdir()] == ['notes.txt']


@pytest.mark.slow
def test_the_best_threshold_is_looked_up_first(trained):
    folder, config, checkpoint, _ = trained
    done = run('make_pseudo_labels.py', config, checkpoint, '--out',
               folder / 'best', '--threshold', 'best', '--no-tta',
               '--work-dir', folder / 'best_run')
    assert done.returncode == 0, done.stderr[-2000:]
    text = done.stdout + done.stderr
    best = text.split('seed/threshold_best: ')[1].split()[0]
    manifest = read_json(folder / 'best' / 'pseudo_labels.json')
    assert manifest['threshold'] == pytest.approx(float(best))


def test_a_checkpoint_of_another_model_is_an_error(trained, shared_voc):
    folder, _, checkpoint, _ = trained
    other = seg_config(shared_voc, folder / 'seg.py')
    shutil.copytree(shared_voc / 'SegmentationClass', folder / 'masks')
    done = run_here('test', other, checkpoint, '--work-dir', folder / 'wrong')
    assert done.returncode == 1
    assert 'does not fit the model' in done.stderr.splitlines()[-1]
    with pytest.raises(ValueError, match='does not fit') as info:
        build_model(load_config(other), str(checkpoint), 'cpu')
    assert len(str(info.value)) < 1000  # of hundreds of names, the first
    assert re.search(
        r'seg\.py: unexpected key.*: [\w.]+; missing keys .*: [\w.]+, [\w.]+, '
        r'[\w.]+ and \d+ more\. Name the config', str(info.value))
    config = trained[1]
    text = config.read_text().replace('depth=18', 'depth=34')
    deeper = folder / 'deeper.py'
    deeper.write_text(text)
    done = run_here('make_pseudo_labels', deeper, checkpoint, '--out',
               folder / 'none')
    assert done.returncode == 1
    assert 'does not fit the model' in done.stderr.splitlines()[-1]


@pytest.mark.parametrize('arguments', [
    ('train', 'configs/none.py'),
    ('test', 'configs/cam_r50_voc.py', 'none.pth'),
    ('make_pseudo_labels', 'configs/none.py', 'none.pth', '--out', 'x'),
    ('pipeline', 'configs/none.py', 'none.py', '--work-dir', 'x'),
    ('prepare_voc', 'nowhere'),
])
def test_wrong_paths_are_said_at_once(arguments):
    done = run_here(*arguments)
    assert done.returncode == 2
    assert 'there is no such' in done.stderr.splitlines()[-1]


def test_an_unwritable_work_dir_and_broken_data_are_one_line(
        trained, voc_root, tmp_path):
    config = trained[1]
    blocked = tmp_path / 'file'
    blocked.write_text('')
    done = run_here('train', config, '--work-dir', blocked / 'run')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith('error: ')
    assert str(blocked) in done.stderr.splitlines()[-1]
    image = voc_root / 'JPEGImages' / 'img_01.jpg'
    image.write_bytes(image.read_bytes()[:200])
    broken = cam_config(voc_root, tmp_path / 'broken.py')
    done = run_here('train', broken, '--work-dir', tmp_path / 'run')
    assert done.returncode == 1
    assert 'img_01.jpg: expected a complete image' in done.stderr
    assert 'Traceback' not in done.stderr


def test_prepare_voc(voc_root):
    done = run_here('prepare_voc', voc_root, '--out', voc_root / 'new.json')
    assert done.returncode == 0, done.stderr
    found = json.loads((voc_root / 'new.json').read_text())
    expected = json.loads((voc_root / 'image_labels.json').read_text())
    assert found['images'] == expected['images']
    assert len(found['classes']) == 20
    assert '10582' in done.stdout
    done = run_here('prepare_voc', voc_root, '--source', 'masks', '--out',
               voc_root / 'masks.json')
    assert 'next: ' not in done.stdout  # the configs read another file
    found = json.loads((voc_root / 'masks.json').read_text())
    assert found['images'] == expected['images']


@pytest.mark.parametrize(('classes', 'found'), [
    (('Background', 'cat'), 'Background'), (('cat', 'dog', 'cat'), 'cat'),
    (('cat', 'Cat', 'dog'), 'Cat, cat'), (('normal', 'cat'), 'normal')])
def test_prepare_voc_takes_foreground_classes_once(shared_voc, tmp_path,
                                                   classes, found):
    out = tmp_path / 'new.json'
    done = run_here('prepare_voc', shared_voc, '--out', out, '--source',
                    'masks', '--classes', *classes)
    assert done.returncode == 2
    assert '--classes: expected foreground classes alone, each once (case ' \
        f'and blanks make no difference), found {found}.' in done.stderr
    assert not out.exists()


def test_prepare_voc_lists_what_is_wrong_and_writes_nothing(voc_root):
    (voc_root / 'Annotations' / 'img_02.xml').write_text('<annotation>')
    (voc_root / 'JPEGImages' / 'img_03.jpg').unlink()
    out = voc_root / 'new.json'
    done = run_here('prepare_voc', voc_root, '--out', out)
    assert done.returncode == 1
    assert 'img_02.xml' in done.stderr
    assert '--source masks takes the labels' in done.stderr
    assert 'img_03.jpg: missing' in done.stderr
    assert not out.exists()
