"""Steps of the pipeline: train an affinity network, walk with it."""
from collections.abc import Iterator

import numpy as np
import torch

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.pipeline import Context, Outcome, ScoreRow, Step
from hsc_mm.pipeline.inputs import config_hash, stage_inputs
from hsc_mm.pipeline.steps import MakePseudoLabels
from hsc_mm.pseudo_labels import LabelChain, SoftCAM
from hsc_mm.pseudo_labels.chain import label_stream
from hsc_mm.pseudo_labels.files import read_soft_cam
from hsc_mm.pseudo_labels.folder import PseudoLabelFolder
from hsc_mm.pseudo_labels.rules import build_rule
from hsc_mm.pseudo_labels.run import LabelRun, write_labels
from hsc_mm.registry import STEPS
from hsc_mm.utils import check_number, digest, to_classes
from hsc_mm.utils.checkpoints import file_sum
from hsc_mm.utils.pixels import as_rgb
from .affinity_net import AffinityNet, FrozenFeatures, Look, train_affinity
from .random_walk import spread

__all__ = ['RandomWalk', 'TrainAffinity']


class _FromSoftCAMs(Step):
    """A step that reads the soft CAMs of an earlier one."""

    def __init__(self, labels: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.labels = labels

    def check(self, ctx: Context) -> None:
        """Look for the checkpoint and for the soft CAMs."""
        ctx.find('cam')
        source = ctx.find('pseudo_labels', self.labels)
        chain = LabelChain.from_config(ctx.cam_cfg)
        if isinstance(source, MakePseudoLabels) and chain.soft is None:
            raise ValueError(
                f'step {self.name!r}: expected soft CAMs of {source.name!r}, '
                'found none. Set pseudo_label=dict(soft="also").')

    def inputs(self, ctx: Context) -> dict:
        """Return those of the stage, of its test, and of the soft CAMs."""
        return dict(
            stage_inputs(ctx.cam_cfg, 'train'),
            inference=config_hash(ctx.cam_cfg, 'test'),
            checkpoint=ctx.checkpoint_hash('cam'),
            pseudo_labels=ctx.identity(
                ctx.find('pseudo_labels', self.labels).name))

    def soft_cam(self, ctx: Context, look: Look,
                 dataset: BaseImageLabelDataset) -> SoftCAM:
        """Read the soft CAM of an image of a data set, and the image."""
        name, path = look.meta['img_id'], look.meta['img_path']
        cam, indices = read_soft_cam(
            ctx.pseudo_labels(self.labels) / f'{name}.npz')
        meta = dataset.metainfo
        classes = to_classes(indices, meta['label_map']).astype(np.int64)
        present = np.isin(np.arange(1, len(meta['classes'])), classes)
        return SoftCAM(name, cam.astype(np.float32), classes,
                       present.astype(np.float32),
                       as_rgb(dataset_reader(dataset)(path)))


@STEPS.register_module()
class TrainAffinity(_FromSoftCAMs):
    """Train an affinity network on the reliable parts of soft CAMs.

    An interrupted training starts again: it takes seconds to minutes.

    Args:
        reliable (dict): Label rule that ignores what is not reliable.
        stride (int): Of the cells, in pixels of the network's input.
        radius (float): Pairs are nearer than that, in cells.
        train (dict): Other arguments of :func:`train_affinity`.
        **kwargs: ``labels``, the step whose soft CAMs are read (default:
            the last that made pseudo labels); and see :class:`Step`.
    """
    name = 'affinity'
    makes = ('affinity', )

    def __init__(self,
                 reliable: dict = dict(
                     type='hsc_mm.BandRule', low=0.1, high=0.4),
                 stride: int = 8,
                 radius: float = 5,
                 train: dict = dict(),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.reliable = build_rule(reliable, 0.3)
        self.stride, self.radius, self.train = stride, radius, train

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Train, and write ``affinity.pth``."""
        features = FrozenFeatures(
            ctx.cam_cfg, ctx.checkpoint('cam'), self.stride)
        known = {}

        def label_of(look: Look) -> torch.Tensor:
            name = look.meta['img_id']
            if name not in known:
                label = self.reliable(
                    self.soft_cam(ctx, look, features.dataset))
                known[name] = features.at_cells(label[None], look, 255)[0]
            return known[name]

        model, loss = train_affinity(
            features, label_of, radius=self.radius, **self.train)
        path = ctx.root / self.folder / 'affinity.pth'
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(weights=model.cpu().state_dict(), net=model.settings,
                        stride=self.stride, radius=self.radius), path)
        return Outcome([path], dict(
            checkpoint=path.name, hash=file_sum(path)[:16], loss=loss))


@STEPS.register_module()
class RandomWalk(_FromSoftCAMs):
    """Let soft CAMs spread along affinities, and label them again.

    An interrupted walk resumes: files that are whole stay.

    Args:
        beta (float): Exponent of the affinities, > 0.
        log_steps (int): t >= 0: the walk has 2^t steps.
        alpha (float, optional): The background that walks too is
            (1 - max CAM)^alpha. None: the threshold of the pseudo labels.
        label (dict): ``refiners`` after the walk; ``rule`` instead of that
            of the config; ``threshold`` instead of that of the pseudo
            labels. So is that of the rule, where it has one.
        **kwargs: As of :class:`TrainAffinity`.
    """
    name = 'random_walk'
    makes = ('pseudo_labels', )

    def __init__(self,
                 beta: float = 8,
                 log_steps: int = 8,
                 alpha: float | None = None,
                 label: dict = dict(),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('beta of RandomWalk', beta, above=0)
        check_number('log_steps of RandomWalk', log_steps, least=0, whole=True)
        if alpha is not None:
            check_number('alpha of RandomWalk', alpha, above=0)
        self.walk = dict(beta=beta, log_steps=log_steps, alpha=alpha)
        self.label = {'refiners': (), 'soft': 'also', **label}

    def check(self, ctx: Context) -> None:
        """Look for the affinity, too; build the label rule."""
        super().check(ctx)
        ctx.find('affinity')
        if (threshold := self.label.get('threshold')) is not None:
            check_number('threshold of RandomWalk', threshold, least=0,
                         below=1)
        self._chain(ctx)

    def _chain(self, ctx: Context,
               threshold: float | None = None) -> LabelChain:
        """Build what labels the maps; a threshold of the step comes first."""
        label = dict(self.label)
        rule, own = label.get('rule') or {}, label.pop('threshold', None)
        if own is None and not (
                isinstance(rule, dict) and 'threshold' in rule):
            own = threshold
        return LabelChain.from_config(ctx.cam_cfg, own, **label)

    def inputs(self, ctx: Context) -> dict:
        """Add the affinity and the label rule."""
        return dict(
            super().inputs(ctx),
            checkpoint_affinity=ctx.checkpoint_hash('affinity'),
            pseudo_label=ctx.cam_cfg.get('pseudo_label'))

    def run(self, ctx: Context, resumable: bool) -> Outcome:
        """Walk, label, and score where all masks of the test split exist."""
        path = ctx.root / self.folder
        saved = torch.load(ctx.checkpoint('affinity'), weights_only=True)
        trained = ctx.before(ctx.find('affinity').name)
        features = FrozenFeatures(
            ctx.cam_cfg, trained.checkpoint('cam'), saved['stride'])
        found = ctx.result(ctx.find('pseudo_labels', self.labels).name)
        chain = self._chain(ctx, found.get('threshold'))
        folder = PseudoLabelFolder(
            path, dict(made_from=digest([self.inputs(ctx), self.settings])),
            features.dataset.metainfo['label_map'], chain.suffixes)
        run = LabelRun.plan(features.dataset, folder)
        softs = self._walked(ctx, run, features, saved)
        write_labels(label_stream(softs, chain), folder, run)
        if not folder.finish(run.img_ids):
            raise ValueError('\n'.join(run.summary()))
        used = None
        if chain.reads_threshold and not self.walk['alpha']:
            used = chain.rule.identity().get('threshold')
        return Outcome([path], dict(ctx.score_labels(path), threshold=used))

    def rows(self, result: dict) -> list[ScoreRow]:
        """Return the score of the pseudo labels."""
        return ScoreRow.of(self.name, result)

    @torch.no_grad()
    def _walked(self, ctx: Context, run: LabelRun, features: FrozenFeatures,
                saved: dict) -> Iterator[SoftCAM]:
        """Yield the soft CAMs that are missing, after the walk."""
        net = AffinityNet(**saved['net']).to(features.device).eval()
        net.load_state_dict(saved['weights'])
        for look in (features[place] for place, in run.batches):
            soft = self.soft_cam(ctx, look, features.dataset)
            if len(soft.classes):
                maps = features.to_image(
                    spread(features.at_cells(soft.cam, look),
                           net(look.feats)[0], saved['radius'], **self.walk),
                    look)
                soft = soft._replace(
                    cam=maps[-len(soft.classes):],
                    background=maps[0] if self.walk['alpha'] else None)
            yield soft
