"""From image labels to a trained and evaluated segmentor, step by step."""
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from mmengine.config import Config

from hsc_mm.evaluation.folder import covers, score_folder
from hsc_mm.evaluation.leak_guard import check_image_labels, training_images
from hsc_mm.inference.seeds import file_hash
from hsc_mm.utils import digest, read_json
from .inputs import (
    build_dataset,
    config_hash,
    notices,
    stage_inputs,
    with_pseudo_dir,
)
from .report import write_report
from .shell import run_tool
from .steps import Outcome, Steps

__all__ = ['STEPS', 'Pipeline']

STEPS = ('cam', 'seeds', 'pseudo', 'seg', 'eval', 'report')


class Pipeline(Steps):
    """Run the steps whose outputs are missing or whose inputs changed.

    ========  ============================================================
    cam       train the CAM stage
    seeds     evaluate its seeds (several scales, flip) where masks exist
    pseudo    write pseudo labels of the training images
    seg       train the segmentation stage on them
    eval      predict the validation images, evaluate where masks exist
    report    tables and pictures in one HTML file
    ========  ============================================================

    Each step has a manifest in ``work_dir/manifests``: a hash of its config,
    a fingerprint of its data, versions, and the sizes of what it wrote.

    Args:
        cam_cfg (Config): Config of the CAM stage.
        seg_cfg (Config, optional): Config of the segmentation stage; the
            ``pseudo_dir`` of its ``hsc_mm.LoadPseudoLabel`` is set here.
            Without one there are two steps: cam and seeds.
        work_dir (str | Path): Folder of everything that is written.
        threshold (float, optional): Background threshold of the pseudo
            labels; by default the best one on the seeds' masks, or what the
            config says where there are none.

    Raises:
        ValueError: The segmentation config reads no pseudo labels, the data
            sets are not this package's, or seeds would use image labels of
            images not trained on.
    """

    def __init__(self,
                 cam_cfg: Config,
                 seg_cfg: Config | None,
                 work_dir: str | Path,
                 threshold: float | None = None) -> None:
        super().__init__(STEPS if seg_cfg is not None else STEPS[:2], work_dir)
        self.threshold = threshold
        self.pseudo_dir = self.root / 'pseudo_labels'
        self.cam_cfg = cam_cfg
        self.seed_data = build_dataset(cam_cfg, 'test')
        trained = build_dataset(cam_cfg, 'train')  # wrong data shows now
        if 'seg_map_path' in self.seed_data.data_prefix:
            check_image_labels(cam_cfg.model.test_cfg, self.seed_data,
                               training_images(trained))
        if seg_cfg is not None:
            self.seg_cfg = with_pseudo_dir(seg_cfg, self.pseudo_dir)
            self._seg_source = seg_cfg
            self.eval_data = build_dataset(seg_cfg, 'test')
            build_dataset(seg_cfg, 'train')

    def run(self, force: Iterable[str] = (), say: Callable = print) -> None:
        """Run what is not current; see :meth:`Steps.run`."""
        for text in notices(self.cam_cfg):
            say(f'NOTICE: {text}')
        super().run(force, say)

    def folder(self, name: str) -> Path:
        """Return the folder of a step."""
        return self.pseudo_dir if name == 'pseudo' else super().folder(name)

    def _dumped(self, cfg: Config, name: str) -> Path:
        path = self.root / 'manifests' / f'{name}_config.py'
        path.parent.mkdir(parents=True, exist_ok=True)
        cfg.dump(str(path))
        return path

    def _train(self, cfg: Config, name: str, resumable: bool) -> Outcome:
        folder = self.folder(name)
        arguments = [self._dumped(cfg, name), '--work-dir', folder]
        if resumable:
            arguments.append('--resume')
        run_tool('train', arguments, folder / 'output.txt')
        last = Path((folder / 'last_checkpoint').read_text().strip()).name
        checkpoint = folder / last
        return Outcome([checkpoint],
                       dict(checkpoint=last, hash=file_hash(checkpoint)))

    def _cam_inputs(self) -> dict:
        return stage_inputs(self.cam_cfg, 'train')

    def _cam(self, resumable: bool) -> Outcome:
        return self._train(self.cam_cfg, 'cam', resumable)

    def _seeds_inputs(self) -> dict:
        return dict(
            stage_inputs(self.cam_cfg, 'test'),
            checkpoint=self.manifests['cam'].result.get('hash'))

    def _seeds(self, resumable: bool) -> Outcome:
        if 'seg_map_path' not in self.seed_data.data_prefix:
            return Outcome([], {})
        folder, out = self.folder('seeds'), self.folder('seeds') / 'seeds.json'
        run_tool('test', [
            self._dumped(self.cam_cfg, 'seeds'), self.checkpoint('cam'),
            *(['--tta'] if self._tta else []), '--work-dir', folder,
            '--cfg-options', f'test_evaluator.out_json={out}'
        ], folder / 'output.txt')
        return Outcome([out], read_json(out))

    @property
    def _tta(self) -> bool:
        """bool: Whether the CAM config has several scales and flip."""
        return self.cam_cfg.get('tta_pipeline') is not None

    def checkpoint(self, stage: str) -> str:
        """Return the checkpoint of ``'cam'`` or ``'seg'``."""
        return str(
            self.folder(stage) / self.manifests[stage].result['checkpoint'])

    def _threshold(self) -> float:
        seeds = self.manifests['seeds'].result
        if self.threshold is not None:
            return self.threshold
        if seeds:
            return seeds['best']['threshold']
        return self.cam_cfg.model.test_cfg.bg_threshold

    def _pseudo_inputs(self) -> dict:
        return dict(
            stage_inputs(self.cam_cfg, 'train'),
            inference=config_hash(self.cam_cfg, 'test'),
            checkpoint=self.manifests['cam'].result.get('hash'),
            threshold=self._threshold())

    def _pseudo(self, resumable: bool) -> Outcome:
        run_tool('make_pseudo_labels', [
            self._dumped(self.cam_cfg, 'pseudo'), self.checkpoint('cam'),
            '--out', self.pseudo_dir, '--threshold', self._threshold(),
            *([] if self._tta else ['--no-tta'])
        ], self.root / 'manifests' / 'pseudo_output.txt')
        result = dict(threshold=self._threshold())
        if covers(self.pseudo_dir, self.seed_data):
            result.update(score_folder(str(self.pseudo_dir), self.seed_data))
        return Outcome([self.pseudo_dir], result)

    def _seg_inputs(self) -> dict:
        return dict(
            stage_inputs(self._seg_source, 'train'),
            pseudo_labels=digest(self.manifests['pseudo'].content['inputs']))

    def _seg(self, resumable: bool) -> Outcome:
        return self._train(self.seg_cfg, 'seg', resumable)

    def _eval_inputs(self) -> dict:
        return dict(
            stage_inputs(self.seg_cfg, 'test'),
            checkpoint=self.manifests['seg'].result.get('hash'))

    def _eval(self, resumable: bool) -> Outcome:
        folder, masks = self.folder('eval'), self.folder('eval') / 'masks'
        has_masks = 'seg_map_path' in self.eval_data.data_prefix
        shutil.rmtree(masks, ignore_errors=True)
        arguments = [
            self._dumped(self.seg_cfg, 'eval'), self.checkpoint('seg'),
            '--work-dir', folder, '--out', masks
        ]
        if not has_masks:
            arguments += ['--cfg-options', 'test_evaluator.format_only=True']
        run_tool('test', arguments, folder / 'output.txt')
        result = score_folder(str(masks),
                              self.eval_data) if has_masks else {}
        return Outcome([masks], result)

    def _report_inputs(self) -> dict:
        return {
            name: digest(self.manifests[name].content)
            for name in STEPS[:-1]
        }

    def _report(self, resumable: bool) -> Outcome:
        page = self.folder('report') / 'index.html'
        write_report(self, page)
        return Outcome([page], {})
