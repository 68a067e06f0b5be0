"""Scores of imported seeds, beside those of mmseg."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.evaluation import IoUMetric
from seed_maps import from_zero, save

from hsc_converters.seeds import evaluate_seeds
from hsc_mm.inference import load_config
from hsc_mm.utils import read_index_png, read_json


def scores(maps, voc, threshold) -> list[float]:
    """Compute the IoU in percent by mmseg's own counting."""
    areas = 0
    for img_id, one in maps.items():
        truth = read_index_png(voc / 'SegmentationClass' / f'{img_id}.png')
        whole = np.zeros((3, *truth.shape), np.float32)
        whole[0] = threshold
        for index, value in one.items():
            whole[1 if index == 8 else 2] = value.astype(np.float16)
        truth = np.select([truth == 8, truth == 12], [1, 2], truth.astype(int))
        areas = areas + torch.stack(
            IoUMetric.intersect_and_union(
                torch.from_numpy(whole.argmax(axis=0)),
                torch.from_numpy(truth), 3, 255)).double()
    return (100 * areas[0] / areas[1]).tolist()


def test_a_score_of_other_files_than_the_seeds_has_a_hint(config, tmp_path):
    for name in ('img_00.npz', 'img_03.png'):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r'7 are missing, such as \S+/img_03'
                       r'\.npz \(is \S+/img_03\.png meant\? .*A score'):
        evaluate_seeds(load_config(config), tmp_path, 'val', 'soft', 0.3, '')


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_masks_of_other_pictures_of_the_same_ids_score_nothing(
        bring, maps, config, voc_root, tmp_path, kind, capsys):
    save(tmp_path / 'from', from_zero(maps))
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset.data_root = str(voc_root)
    image = voc_root / 'JPEGImages' / 'img_06.jpg'
    cv2.imwrite(str(image), 255 - cv2.imread(str(image)))
    cfg.dump(str(tmp_path / 'other.py'))
    assert bring(tmp_path / 'from', '--evaluate', 'test', '--kind', kind,
                 config=tmp_path / 'other.py') == 1
    assert f'made from another image than {image}' in (
        text := capsys.readouterr().err)
    assert '--accept-origin' in text
    assert bring(tmp_path / 'from', '--evaluate', 'test', '--kind', kind,
                 '--accept-origin', config=tmp_path / 'other.py') == 0
    assert 'mIoU' in capsys.readouterr().out


@pytest.mark.parametrize('kind', ['soft', 'hard'])
def test_the_score_is_that_of_mmseg(bring, maps, shared_voc, tmp_path, kind,
                                    capsys):
    half = {
        i: {k: m.astype(np.float16) for k, m in one.items()}
        for i, one in maps.items()
    }
    save(tmp_path / 'from', from_zero(half))
    assert bring(
        tmp_path / 'from', '--evaluate', '--kind', kind, '--threshold', 0.35,
        '--json', tmp_path / 's.json', '--supervision', 'tags') == 0
    wanted = scores(maps, shared_voc, np.float32(0.35))
    found = read_json(tmp_path / 's.json')
    text = capsys.readouterr().out
    assert 'supervision: tags' in text
    assert 'the files chose the classes' in text.replace('\n', ' ')
    if kind == 'hard':
        assert found['iou'] == pytest.approx(wanted, abs=0.01)
        return
    assert found['own']['threshold'] == 0.35
    assert found['own']['iou'] == pytest.approx(wanted, abs=0.01)
    assert 40 < found['own']['mIoU'] < 99
    best = [np.mean(scores(maps, shared_voc, np.float32(t / 100)))
            for t in range(1, 100)]
    assert found['curve']['mIoU'] == pytest.approx(best, abs=0.01)
    assert found['best']['mIoU'] == pytest.approx(max(best), abs=0.01)
