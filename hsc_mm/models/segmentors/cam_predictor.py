"""The model that makes CAMs: what pseudo labels ask of it, and its seeds."""
from collections.abc import Mapping

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor

from hsc_mm.functional.cam import (
    NORMALIZATIONS,
    activation_to_image,
    choose_classes,
    image_padding,
    normalize_cam,
    seed_scores,
)
from hsc_mm.functional.similarity import join_similarity, map_rows
from hsc_mm.utils import check_keys, check_number
from hsc_mm.utils.numbers import check_finite_maps

__all__ = ['CAMPredictor', 'check_test_cfg']


def check_test_cfg(test_cfg: Mapping | None, owner: str) -> dict:
    """Return ``test_cfg`` of a model that makes CAMs, or refuse it.

    Args:
        test_cfg (mapping, optional): ``bg_threshold`` and ``score_thr`` in
            [0, 1]; ``use_image_labels``; ``force_class``,
            ``labels_on_unseen_split`` and ``normalize``, which may be
            missing.
        owner (str): The model, for messages.

    Returns:
        dict: A copy.

    Raises:
        ValueError: A key is missing or unknown, or a value is out of range.
    """
    found, what = dict(test_cfg or {}), f'test_cfg of {owner}'
    needed = ('bg_threshold', 'use_image_labels', 'score_thr')
    for key in needed:
        if key not in found:
            raise ValueError(f'{what}: expected the key "{key}", found '
                             f'{sorted(found)}.')
    if 'pseudo_label' in found:
        raise ValueError(f'{what}: "pseudo_label" is read at the top level '
                         'of the config, pseudo_label=dict(rule=..., '
                         'refiners=[...]). Move it there.')
    check_keys(what, found,
               (*needed, 'force_class', 'labels_on_unseen_split',
                'normalize'))
    for key, value in found.items():
        if key in ('bg_threshold', 'score_thr'):
            check_number(f'{key} in {what}', value, least=0, most=1)
        elif key != 'normalize' and not isinstance(value, bool):
            raise ValueError(f'{key} in {what}: expected True or False, '
                             f'found {value!r}.')
    return found


class CAMPredictor:
    """A mixin for segmentors that make CAMs; the protocol they follow.

    Pseudo labels (:class:`hsc_mm.pseudo_labels.cams.MultiScaleCAM`),
    :class:`hsc_mm.CAMTTAModel`, the inferencer and the tools take any model
    that has these, whatever its class is:

    - ``makes_cams = True``;
    - ``predicts_seeds``: whether :meth:`predict` returns the seeds of
      :meth:`finish`; False where a decoder predicts the masks, and CAMs are
      made besides;
    - :meth:`predict_cam`, activations and probabilities of a batch;
    - ``test_cfg`` with ``bg_threshold``, ``use_image_labels`` and
      ``score_thr``; ``align_corners``; ``data_preprocessor``;
    - :meth:`make_cams`, which brings maps to [0, 1], as
      :attr:`normalization` says;
    - ``backbone``: batch norms in it may be folded for speed;
      ``memory_format``, where it has one, may be set to channels last.

    A subclass of this class and of mmseg's ``BaseSegmentor`` has the rest.
    """
    makes_cams = True
    predicts_seeds = True

    @property
    def normalization(self) -> str:
        """str: One of :data:`hsc_mm.functional.cam.NORMALIZATIONS`.

        ``test_cfg.normalize``; without it ``'min-max'`` where a head makes
        seeds of its refined CAM, as SEAM does, and ``'max'`` elsewhere.
        """
        refined = getattr(
            getattr(self, 'decode_head', None), 'seeds_are_refined', False)
        how = self.test_cfg.get('normalize') or NORMALIZATIONS[refined]
        if how not in NORMALIZATIONS:
            raise ValueError('normalize of test_cfg: expected one of '
                             f'{NORMALIZATIONS}, found "{how}".')
        return how

    def predict_cam(
            self,
            inputs: Tensor,
            data_samples: OptSampleList = None) -> tuple[Tensor, Tensor]:
        """Compute the CAMs of a batch, by default with ``encode_decode``.

        Args:
            inputs (Tensor): Images after the preprocessor, (B, 3, H, W).
            data_samples (list[SegDataSample], optional): B samples.

        Returns:
            tuple[Tensor, Tensor]: Activations of the foreground classes,
            (B, K, h, w) >= 0, and their probabilities, (B, K) in [0, 1].
            The similarity of the background and the classes to prototypes
            may follow the activations: then (B, 2 K + 1, h, w).
        """
        return self.encode_decode(inputs, data_samples)

    def make_cams(self, activation: Tensor, present: Tensor,
                  extremes: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Turn activations of an image into CAMs.

        Args:
            activation (Tensor): (K, H, W), summed over views; or
                (2 K + 1, H, W) with similarities, averaged over views.
            present (Tensor): (K,), 0 or 1.
            extremes (tuple[Tensor, Tensor], optional): See
                :func:`hsc_mm.functional.normalize_cam`.

        Returns:
            Tensor: (K, H, W) in [0, 1].
        """
        count = len(present)
        cam = normalize_cam(activation[:count], present, self.normalization,
                            extremes)
        if len(activation) == count:
            return cam
        chosen = present.nonzero()[:, 0]
        rows = map_rows(chosen, count, len(activation))
        near = activation[rows[len(chosen):]]
        joined = torch.zeros_like(cam)
        joined[chosen] = join_similarity(cam[chosen], near)
        return joined

    def postprocess_result(self, activation: Tensor, scores: Tensor,
                           data_samples: SampleList,
                           size: tuple[int, int]) -> SampleList:
        """Bring activations back to the image as it was loaded.

        Args:
            activation (Tensor): (B, K, h, w) >= 0.
            scores (Tensor): (B, K) in [0, 1].
            data_samples (list[SegDataSample]): The samples of the batch.
            size (tuple[int, int]): Height and width of the network's input.

        Returns:
            list[SegDataSample]: The samples, see :meth:`finish`.
        """
        for maps, score, sample in zip(
                activation, scores, data_samples, strict=True):
            meta = sample.metainfo
            flip = meta['flip_direction'] if meta.get('flip') else None
            sample.activation = PixelData(
                data=activation_to_image(maps[None], [flip], size,
                                         image_padding(meta),
                                         meta['ori_shape'][:2],
                                         self.align_corners))
            sample.cls_scores = score
            self.finish(sample)
        return data_samples

    def finish(self, sample: SegDataSample, views: int = 1) -> None:
        """Turn the activation of a sample into its seed.

        Reads ``activation``, see :meth:`make_cams`, ``cls_scores`` (K,) and,
        when image labels are used, ``gt_label`` (K,). Sets ``seg_logits``
        (C, H, W): the background threshold and the CAMs in [0, 1];
        ``pred_sem_seg`` (1, H, W); and in the metainfo ``bg_threshold``,
        ``use_image_labels`` and ``views``, for those who report.
        """
        activation = sample.activation.data
        check_finite_maps(sample.metainfo.get('img_path'), activation,
                          sample.cls_scores)
        present = choose_classes(sample.cls_scores, sample.get('gt_label'),
                                 self.test_cfg,
                                 sample.metainfo.get('img_path'))
        threshold = float(self.test_cfg['bg_threshold'])
        cam = self.make_cams(activation, present.to(activation))
        logits = seed_scores(cam, threshold)
        seed = logits.max(0, keepdim=True).indices  # argmax, but faster
        sample.set_data(
            dict(
                seg_logits=PixelData(data=logits),
                pred_sem_seg=PixelData(data=seed)))
        sample.set_metainfo(
            dict(
                bg_threshold=threshold,
                use_image_labels=self.test_cfg['use_image_labels'],
                views=views))
