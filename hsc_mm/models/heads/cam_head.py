"""The CAM head: a classifier whose weights are the activation map.

In one file, though long: its arguments and methods are one contract.
"""
from functools import partial

import torch
from mmengine.model import BaseModule, ModuleDict
from mmseg.utils import ConfigType, OptConfigType, OptMultiConfig, SampleList
from torch import Tensor, nn

from hsc_mm.functional.resize import resize_bilinear
from hsc_mm.functional.supervision import class_scores
from hsc_mm.registry import MODELS
from hsc_mm.utils.numbers import check_number
from hsc_mm.utils.shapes import check_shape
from ..features import pick_features
from ..losses.base import similarity_source
from ..losses.loss_dict import LossDict
from ..losses.named import build_named
from ..views import Targets, View
from .version1 import use_present_names

__all__ = ['CAMHead']


@MODELS.register_module()
class CAMHead(BaseModule):
    r"""Class activation maps by a bias-free 1x1 convolution.

    .. math:: A = W * x, \quad s_k = \frac{1}{hw} \sum_{ij} A_{kij}

    (Zhou et al., CVPR 2016; the convolutional form is that of SEAM, CVPR
    2020.) A refiner, embeddings and losses are what its config says: plain
    CAM has the classification loss alone; SEAM, EPS and HSC add theirs.

    .. code:: text

        loss():    make_views() -> forward() of each -> losses(views, targets)
        predict(): forward() -> predict_by_view()
        forward(): compute_cam() -> View, whose parts are computed when
                   somebody asks for them

    Args:
        in_channels (int): Channels of the feature map that is classified.
        num_classes (int): C = K + 1, background (channel 0) included. Plain
            CAM trains the K others.
        in_index (int): Which of the backbone's (or neck's) outputs it is.
        activation (str): What the activation of a class is: ``'relu'`` of
            the logit, or ``'softmax'`` over the C channels.
        align_corners (bool): Where a position of the map lies in the input,
            see :func:`hsc_mm.functional.cam_to_input`: True for
            convolutions, False for patches that do not overlap.
        refiner (dict, optional): Makes the refined CAM R: a module
            ``(cam, feats, image) -> R``, such as
            :class:`hsc_mm.PixelCorrelation`.
        refine_from (str): What is refined: the ``'activation'``, or the
            ``'logits'`` whatever the activation is, as the public release of
            HSC has it. The logits of a head with softmax say little by
            themselves: a class holds a pixel because its logit is above that
            of the background.
        seed_from (str): What makes the seeds at test time: the ``'raw'`` or
            the ``'refined'`` CAM; or the refined CAM and, in equal parts, the
            ``'prototypes'`` of a loss that has them, such as
            :class:`hsc_mm.HierarchicalContrast`, see
            :func:`hsc_mm.functional.join_similarity`. It chooses the
            normalisation too, see
            :attr:`hsc_mm.models.CAMPredictor.normalization`.
        embeddings (dict, optional): Name -> config of a module
            ``(B, in_channels, h, w) -> (B, D, h, w)`` that has ``channels``
            D; ``in_channels`` is filled in, and one that has
            ``bind(num_classes)`` is told C, such as a decoder. One that no
            loss needs is not built; None leaves it out.
        losses (dict): Name -> config of a loss, see
            :class:`hsc_mm.models.losses.LossDict`; a config that inherits
            overrides one entry, or sets it to None.
        init_cfg (dict, optional): Initialisation of the weights.

    Raises:
        ValueError: An argument is out of range, a loss needs what the head
            has not, or (when run) the backbone gives other features than
            ``in_channels`` and ``in_index`` say.
    """

    def __init__(self,
                 in_channels: int,
                 num_classes: int,
                 in_index: int = -1,
                 activation: str = 'relu',
                 align_corners: bool = True,
                 refiner: OptConfigType = None,
                 refine_from: str = 'activation',
                 seed_from: str = 'raw',
                 embeddings: OptConfigType = None,
                 losses: ConfigType = dict(
                     cls=dict(type='hsc_mm.ClassificationLoss')),
                 init_cfg: OptMultiConfig = dict(
                     type='Normal', std=0.01,
                     override=dict(name='classifier'))) -> None:
        super().__init__(init_cfg=init_cfg)
        for name, value, known in (
            ('activation', activation, ('relu', 'softmax')),
            ('refine_from', refine_from, ('activation', 'logits')),
            ('seed_from', seed_from, ('raw', 'refined', 'prototypes'))):
            if value not in known:
                raise ValueError(f'{name}: expected one of {known}, found '
                                 f'"{value}".')
        embeddings, losses = embeddings or {}, losses or {}
        for name, value in (('embeddings', embeddings), ('losses', losses)):
            if not isinstance(value, dict):
                raise ValueError(f'{name}: expected a dict of names and '
                                 f'configs, found {value!r}.')
        check_number('in_channels of CAMHead', in_channels, above=0,
                     whole=True)
        if num_classes < 2:
            raise ValueError('num_classes: expected the background and at '
                             f'least one class, found {num_classes}.')
        self.in_channels = in_channels
        self.num_classes = self.out_channels = num_classes
        self.in_index = in_index
        self.activation = activation
        self.align_corners = align_corners
        self.refine_from = refine_from
        self.seed_from = seed_from
        # What images are normalised with; the segmentor knows better.
        for name, value in (('image_mean', (123.675, 116.28, 103.53)),
                            ('image_std', (58.395, 57.12, 57.375))):
            self.register_buffer(
                name, torch.tensor(value).view(3, 1, 1), persistent=False)
        self.classifier = nn.Conv2d(in_channels, num_classes, 1, bias=False)
        self.refiner = MODELS.build(refiner) if refiner else None
        self.losses = LossDict(losses)
        self.embeddings = ModuleDict(build_named('embeddings', {
            name: dict(one, in_channels=in_channels)
            if one and isinstance(one, dict) else one
            for name, one in embeddings.items() if name in self.losses.needs
        }, ModuleDict))
        for one in self.embeddings.values():
            if hasattr(one, 'bind'):
                one.bind(num_classes)
        if seed_from == 'prototypes' and not similarity_source(self.losses):
            raise ValueError(
                'seed_from="prototypes": expected a loss with prototypes of '
                'pixels, such as hsc_mm.HierarchicalContrast with its pixel '
                f'level, found {sorted(self.losses)}. Set seed_from="refined"'
                ', or add the loss.')
        self.losses.warn_of_idle(self.refiner)
        # What the segmentor brings is checked by the segmentor.
        self.check_losses(('second_view', 'attention'))
        self.losses.bind(num_classes, {
            name: one.channels for name, one in self.embeddings.items()
        })

    def init_weights(self) -> None:
        """Initialise what has an ``init_cfg``; see mmengine's BaseModule.

        Modules inside a part that are not mmengine's keep their weights:
        ``init_weights`` of a network of timm would draw those anew that it
        was built with.
        """
        parts = {self.refiner, *self.losses.values(),
                 *self.embeddings.values()}
        for one in self.modules():
            if one not in parts and not isinstance(one, BaseModule):
                one.is_init = True  # mmengine passes it over
        super().init_weights()

    @property
    def seeds_are_refined(self) -> bool:
        """bool: Whether the refined CAM makes the seeds, alone or not."""
        return self.seed_from != 'raw' and self.refiner is not None

    def check_losses(self, provided: tuple[str, ...]) -> None:
        """Raise ValueError for a loss that needs what nobody has.

        The segmentor brings ``'second_view'`` and ``'attention'``.
        """
        own = () if self.refiner is None else ('refined', )
        self.losses.check((*provided, *own, *self.embeddings),
                          type(self).__name__)

    def compute_cam(self, feats: tuple[Tensor, ...], image: Tensor) -> Tensor:
        """Compute the raw CAM of one view, in training and at test time.

        Args:
            feats (tuple[Tensor]): Feature maps, (B, D, h, w) each.
            image (Tensor): The normalised view they come from, (B, 3, H, W).

        Returns:
            Tensor: Logits A, (B, C, h, w), background first.
        """
        feat, = pick_features(feats, (self.in_index, ), (self.in_channels, ),
                              type(self).__name__, 'decode_head')
        return self.classifier(feat)

    def forward(self,
                feats: tuple[Tensor, ...],
                image: Tensor,
                attention: Tensor | None = None) -> View:
        """Make a view; see :meth:`compute_cam` for the arguments.

        Raises:
            ValueError: :meth:`compute_cam` returns other maps.
        """
        cam = check_shape(f'compute_cam of {type(self).__name__}',
                          self.compute_cam(feats, image),
                          (len(image), self.num_classes, 'h', 'w'))
        source = cam if self.refine_from == 'logits' else self.activate(cam)
        refine = None
        if self.refiner is not None:
            refine = partial(self.refiner, source, feats, image)
        return View(
            image,
            feats,
            cam,
            source,
            refine=refine,
            embed={
                name: partial(module, feats[self.in_index])
                for name, module in self.embeddings.items()
            },
            statistics=(self.image_mean, self.image_std),
            attention=attention)

    def activate(self, cam: Tensor) -> Tensor:
        """Turn logits A into activations >= 0, (B, C, h, w), in float32."""
        cam = cam.float()
        return cam.softmax(dim=1) if self.activation == 'softmax' else (
            cam.relu())

    def loss(self, views: list[tuple], batch_data_samples: SampleList,
             *of_masks: object) -> dict[str, Tensor]:
        """Compute losses of the views of a batch, scalars named ``loss_*``.

        A view is a tuple of arguments of :meth:`forward`: features, image, and
        attention where it is recorded. Samples have ``gt_label``.
        ``of_masks`` is what mmseg's segmentors pass besides: they are refused.
        """
        if of_masks:
            raise ValueError(
                'model.type: expected hsc_mm.CAMSegmentor for a decode_head '
                f'of type {type(self).__name__}, found a segmentor that '
                'trains from masks (such as EncoderDecoder). Set '
                'model.type=hsc_mm.CAMSegmentor, or choose a decode_head '
                'that is trained from masks.')
        made = self.make_views(views)
        targets = Targets.of(batch_data_samples, self.num_classes,
                             self.losses.needs_maps)
        return self.losses(made, targets)

    def make_views(self, views: list[tuple]) -> list[View]:
        """Make the views of a batch, with all parts that losses read."""
        made = [self.forward(*view) for view in views]
        parts = () if self.refiner is None else ('refined', )
        for view in made:
            view.compute((*parts, *self.embeddings))
        return made

    def predict(self, feats: tuple[Tensor, ...],
                image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute activations and class probabilities of a batch.

        Args:
            feats (tuple[Tensor]): Feature maps, (B, D, h, w) each.
            image (Tensor): The normalised image, (B, 3, H, W).

        Returns:
            tuple[Tensor, Tensor]: Activation of the foreground before any
            normalisation, (B, K, h, w) >= 0, and sigmoid of the class
            scores, (B, K). With seeds from prototypes the similarity of the
            background and the K classes follows, (B, 2 K + 1, h, w) in all.
        """
        return self.predict_by_view(self.forward(feats, image))

    def predict_by_view(self, view: View) -> tuple[Tensor, Tensor]:
        """Turn a view into activations; see :meth:`predict`."""
        if self.seeds_are_refined:
            activation = view.refined.relu()
        else:
            activation = self.activate(view.cam)
        maps = activation[:, 1:]
        if self.seed_from == 'prototypes':
            source = similarity_source(self.losses)
            near = check_shape(
                f'similarity of {type(source).__name__}',
                source.similarity(view),
                (len(view.cam), self.num_classes, 'h', 'w'))
            maps = torch.cat(
                [maps, resize_bilinear(near, maps.shape[2:])], dim=1)
        return maps, class_scores(view.cam).sigmoid()

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args: object) -> None:
        """Load weights; those of version 1 get their present names."""
        use_present_names(state_dict, prefix,
                          {f'{prefix}{name}' for name in self.state_dict()})
        super()._load_from_state_dict(state_dict, prefix, *args)
