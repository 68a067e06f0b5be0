import cv2
import numpy as np
import pytest
import torch
from methods import build_contrast
from mmengine.config import Config
from mmengine.model import BaseTTAModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from tiny_configs import cam_config, hsc_config

from hsc_mm.engine.hooks import CAMVisualizationHook, cam_visualization_hook
from hsc_mm.engine.hooks.cam_visualization_hook import (
    draw_sample,
    draw_similarity,
)
from hsc_mm.inference import use_tta
from hsc_mm.visualization.pictures import qualitative_palette

META = dict(classes=('background', 'cat', 'dog'))
BAR, GAP, SIDE = 18, 4, 200

pytestmark = pytest.mark.usefixtures('one_thread')


def _runner(config, work_dir, tta=False, **hook):
    cfg = Config.fromfile(config)
    cfg = use_tta(cfg) if tta else cfg
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.visualizer.name = str(work_dir)  # one of a name in a process
    cfg.custom_hooks = [dict(type='hsc_mm.CAMVisualizationHook', **hook)]
    return Runner.from_cfg(cfg)


def _pictures(work_dir):
    return {
        path.name: cv2.imread(str(path))
        for path in work_dir.glob('*/vis_data/vis_image/*.png')
    }


def test_a_run_of_hsc_draws_strips_similarity_and_curve(
        shared_voc, tmp_path):
    config = hsc_config(shared_voc, tmp_path / 'config.py', iters=2)
    cfg = Config.fromfile(config)
    cfg.val_evaluator.out_json = str(tmp_path / 'seeds.json')
    cfg.visualizer.vis_backends.append(dict(type='TensorboardVisBackend'))
    cfg.dump(str(config))
    runner = _runner(config, tmp_path / 'run', num_images=3)
    runner.train()
    found = _pictures(tmp_path / 'run')
    assert sorted(found) == [
        'val_img_00_2.png', 'val_img_01_2.png', 'val_img_02_2.png',
        'val_similarity_2.png', 'val_threshold_2.png'
    ]
    for name, picture in found.items():
        assert picture.std() > 10, name
    # image | cat | prediction | ground truth; the third image has a dog too
    width = round(40 * SIDE / 56)
    assert found['val_img_00_2.png'].shape == (BAR + SIDE,
                                               4 * width + 3 * GAP, 3)
    assert found['val_img_02_2.png'].shape[1] == 5 * width + 4 * GAP
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )
    folder = next((tmp_path / 'run').glob('*/vis_data'))
    events = EventAccumulator(str(folder)).Reload()
    assert set(events.Tags()['images']) == {
        name.removesuffix('_2.png') for name in found}


def test_a_test_with_several_views_is_drawn(shared_voc, tmp_path):
    config = cam_config(shared_voc, tmp_path / 'config.py', iters=2)
    runner = _runner(config, tmp_path / 'run', tta=True, num_images=2)
    assert isinstance(runner.model, BaseTTAModel)
    runner.test()
    found = _pictures(tmp_path / 'run')
    assert sorted(found) == ['test_img_00_0.png', 'test_img_01_0.png']
    assert found['test_img_01_0.png'].std() > 10


def test_other_validations_and_other_ranks_draw_nothing(monkeypatch):
    class Runner:
        val_loop = test_loop = None

    hook = CAMVisualizationHook(interval=2)
    drawn = []
    monkeypatch.setattr(hook, '_draw_figures',
                        lambda *args: drawn.append(hook._validations))
    for _ in range(5):
        hook.after_val_epoch(Runner())
    assert drawn == [0, 2, 4]
    monkeypatch.setattr(cam_visualization_hook, 'is_main_process',
                        lambda: False)
    hook = CAMVisualizationHook()
    hook.after_test_iter(Runner(), 0, outputs=[object()])
    hook.after_test_epoch(Runner())
    assert hook._drawn == 0
    with pytest.raises(ValueError, match='interval'):
        CAMVisualizationHook(interval=0)


def _sample(tmp_path, **meta):
    """A grey image, a dog in the left half, ground truth in the top half."""
    image = np.full((SIDE, SIDE, 3), 100, np.uint8)
    image[..., 0] = 130  # blue, in OpenCV's order
    path = tmp_path / 'grey.png'
    cv2.imwrite(str(path), image)
    logits = torch.zeros(3, SIDE, SIDE)
    logits[0] = 0.3
    logits[2, :, :SIDE // 2] = 1
    truth = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
    truth[:, :SIDE // 2] = 1
    sample = SegDataSample(metainfo=dict(img_path=str(path), **meta))
    sample.set_data(dict(
        seg_logits=PixelData(data=logits),
        pred_sem_seg=PixelData(data=logits.argmax(0, keepdim=True)),
        gt_sem_seg=PixelData(data=truth)))
    return sample


def _tiles(strip):
    """Cut a strip of square pictures into them."""
    step = SIDE + GAP
    assert (strip.shape[1] + GAP) % step == 0
    return [strip[BAR:, left:left + SIDE]
            for left in range(0, strip.shape[1], step)]


def test_colours_are_where_the_maps_are(tmp_path):
    strip = draw_sample(_sample(tmp_path, bg_threshold=0.3), META)
    image, dog, seed, truth = _tiles(strip)
    assert (image == (100, 100, 130)).all()  # RGB
    left, right = dog[100, 20].astype(int), dog[100, 180].astype(int)
    assert left[0] > left[2] + 20  # red
    assert right[2] > right[0] + 20  # blue
    palette = qualitative_palette(3)  # colours of VOC by place: not its
    unlike = (seed != image).any(axis=2)
    assert unlike[:, :100].all() and not unlike[:, 100:].any()
    colour = 0.6 * palette[2] + 0.4 * image[0, 0]
    assert abs(seed[0, 0] - colour).max() <= 1
    unlike = (truth != image).any(axis=2)
    assert unlike[:100].all() and not unlike[100:].any()


def test_a_labelled_class_without_activation_is_drawn(tmp_path):
    sample = _sample(tmp_path, bg_threshold=0.3, use_image_labels=True)
    sample.set_data(dict(gt_label=torch.tensor([1, 1])))
    assert len(_tiles(draw_sample(sample, META))) == 5
    del sample.gt_sem_seg
    assert len(_tiles(draw_sample(sample, META))) == 4


def test_scores_that_are_no_cams_are_not_painted(tmp_path):
    assert len(_tiles(draw_sample(_sample(tmp_path), META))) == 3


def test_similarity_of_a_known_bank(monkeypatch):
    contrast = build_contrast(3, 2, 2)
    classes = list(META['classes'])
    assert draw_similarity(contrast, classes) is None  # nothing seen
    assert draw_similarity(torch.nn.Linear(1, 1), classes) is None
    first, second = contrast.levels['cls'].bank
    first.rows.copy_(torch.tensor([[2., 0.], [0., 3.], [-1., 0.]]))
    first.seen.fill_(True)
    second.rows.copy_(torch.tensor([[1., 1.], [0., 0.], [1., 0.]]))
    second.seen.copy_(torch.tensor([True, False, True]))
    kept = {}
    figure = cam_visualization_hook.similarity_figure
    monkeypatch.setattr(
        cam_visualization_hook, 'similarity_figure',
        lambda matrices, *rest: kept.update(matrices) or figure(
            matrices, *rest))
    picture = draw_similarity(contrast, classes)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    np.testing.assert_allclose(
        kept['view 1'], [[1, 0, -1], [0, 1, 0], [-1, 0, 1]], atol=1e-6)
    half, gap = 0.5**0.5, np.nan
    np.testing.assert_allclose(
        kept['view 2'], [[1, gap, half], [gap, gap, gap], [half, gap, 1]],
        atol=1e-6)
    blue = (picture[..., 2].astype(int) - picture[..., 0]) > 60
    red = (picture[..., 0].astype(int) - picture[..., 2]) > 60
    assert blue.any() and red.any()
    contrast = build_contrast(3, 2, 2, levels=dict(cls=None))
    assert draw_similarity(contrast, classes) is None
