"""Metrics of others in a pipeline, which reads scores and masks of its own."""
import copy

import pytest
from mmengine.evaluator import BaseMetric
from tiny_configs import cam_config, seg_config

from hsc_mm.evaluation import SeedMetric
from hsc_mm.evaluation.held_out import scores_seeds, use_selection
from hsc_mm.inference import load_config
from hsc_mm.pipeline import build_pipeline
from hsc_mm.pipeline.steps import scores
from hsc_mm.registry import METRICS
from hsc_mm.utils.outputs import claim
from hsc_mm.utils.paths import MARKER


class Agreement(BaseMetric):
    """A metric that neither writes masks nor a file of scores."""

    def process(self, data_batch, data_samples):
        """Count samples."""
        self.results += data_samples

    def compute_metrics(self, results):
        """Return their number."""
        return dict(number=len(results))


class Louder(SeedMetric):
    """A metric that is more than that of seeds."""


@pytest.fixture(scope='module', autouse=True)
def _registered():
    for kind in (Agreement, Louder):
        METRICS.register_module(module=kind)
    yield
    for kind in (Agreement, Louder):
        del METRICS.module_dict[kind.__name__]


@pytest.fixture(scope='module')
def configs(tmp_path_factory, shared_voc):
    folder = tmp_path_factory.mktemp('metrics')
    return (load_config(cam_config(shared_voc, folder / 'cam.py')),
            load_config(seg_config(shared_voc, folder / 'seg.py')))


@pytest.mark.parametrize('metric', [
    dict(type='hsc_mm.Agreement'), None,
    dict(type='hsc_mm.SeedMetric', format_only=True)])
def test_seeds_that_nobody_scores_are_refused_before_a_training(
        configs, tmp_path, metric):
    cam = copy.deepcopy(configs[0])
    cam.test_evaluator = metric
    with pytest.raises(ValueError, match=(
            r'test_evaluator of .*cam\.py: expected hsc_mm\.SeedMetric, .*, '
            'found .*leave seg_map_path out of its data_prefix')):
        build_pipeline(cam, configs[1], tmp_path)


def test_a_metric_that_extends_that_of_seeds_selects_a_threshold(
        configs, tmp_path):
    cam = copy.deepcopy(configs[0])
    cam.test_evaluator.type = 'hsc_mm.Louder'
    build_pipeline(cam, configs[1], tmp_path)
    assert scores_seeds(cam)
    use_selection(cam, 1, tmp_path / 'few.txt')
    assert cam.test_evaluator.selection == str(tmp_path / 'few.txt')
    assert cam.test_dataloader.dataset.get('indices') is None


@pytest.mark.parametrize('metric', [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='hsc_mm.Agreement')])
@pytest.mark.parametrize('masks', [True, False])
def test_masks_of_a_segmentor_have_the_indices_of_the_data(
        configs, tmp_path, monkeypatch, metric, masks):
    seg = copy.deepcopy(configs[1])
    seg.test_evaluator = dict(metric)
    if not masks:
        seg.test_dataloader.dataset.data_prefix.pop('seg_map_path')
    pipeline = build_pipeline(configs[0], seg, tmp_path)
    ctx = pipeline.context
    ctx.manifests['seg'].save({}, [], dict(checkpoint='a.pth', hash='0'), 0)
    ran = []

    def test(name, arguments, log):
        cfg = load_config(arguments[0])
        ran.append((cfg.test_evaluator, '--out' in arguments))

    monkeypatch.setattr(scores, 'run_tool', test)
    monkeypatch.setattr(scores, 'class_shares', lambda *args: {})
    monkeypatch.setattr(scores, 'score_folder', lambda *args: {})
    folder = tmp_path / 'eval' / 'masks'
    claim(folder, 'a.png').touch()
    (folder / 'notes.txt').touch()
    pipeline.steps['eval'].run(ctx.before('eval'), False)
    # Nothing is removed but masks of an earlier run.
    assert {path.name for path in folder.iterdir()} == {MARKER, 'notes.txt'}
    (evaluator, out), = ran
    if not masks:  # nothing is scored
        assert evaluator == dict(type='hsc_mm.MaskMetric')
        assert out
        return
    assert not out
    assert evaluator == [metric, dict(
        type='hsc_mm.MaskMetric', format_only=True,
        output_dir=str(tmp_path / 'eval' / 'masks'))]
