"""Choice of the report's pictures, and what each stage makes of them."""
import copy
import os
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from mmengine.config import Config
from mmseg.apis import inference_model
from mmseg.structures import SegDataSample

from hsc_mm.datasets import BaseImageLabelDataset
from hsc_mm.datasets.build import build_split
from hsc_mm.datasets.transforms.load_image import dataset_reader
from hsc_mm.evaluation.folder import ground_truth, listed_images
from hsc_mm.evaluation.ranking import image_score, rank_images
from hsc_mm.inference import seeds, use_tta
from hsc_mm.utils import read_index_png, to_classes
from hsc_mm.utils.progress import progress
from hsc_mm.utils.sums import content_sum
from hsc_mm.visualization.layers import (
    Picture,
    heat_layer,
    mask_layer,
    photo_layer,
)
from hsc_mm.visualization.pictures import class_colours
from .worst import worst_images

__all__ = ['training_pictures', 'validation_pictures']

Stage = tuple[Config, str]


def _spread(size: int, count: int) -> list[int]:
    """Return up to ``count`` places of ``size``, evenly spread."""
    return sorted(set(np.linspace(0, size - 1, min(size, count)).astype(int)))


def training_pictures(stages: Mapping[str, Stage],
                      truth: BaseImageLabelDataset,
                      pseudo_dir: str | None = None,
                      segmentor: Stage | None = None,
                      count: int = 24,
                      worst: bool = False) -> list[Picture]:
    """Draw ground truth, CAMs, pseudo label and prediction of images.

    The images are spread evenly over the training split. The score is that
    of the pseudo label, or of the seed where there are no pseudo labels.

    Args:
        stages (mapping[str, tuple]): Title -> config and checkpoint of a CAM
            stage; the last one is that of the pipeline. Images that all were
            trained on are shown if there are any; a stage that was trained
            on none of them is left out.
        truth (BaseImageLabelDataset): Split with masks, or without; of the
            training images, those in it are shown if there are any.
        pseudo_dir (str, optional): Folder of pseudo labels.
        segmentor (tuple[Config, str], optional): Config of the segmentation
            stage and its checkpoint.
        count (int): Number of images at most.
        worst (bool): Show those whose pseudo labels are worst, of each class
            in turn (:func:`worst_images`), instead.

    Returns:
        list[Picture]: The worst first, where there are scores.
    """
    data = {
        title: seeds.seed_dataset(use_tta(cfg, required=False), 'train')
        for title, (cfg, _) in stages.items()
    }
    places = {title: _places(one) for title, one in data.items()}
    *_, dataset = data.values()
    known = {
        image: truth.get_data_info(place)
        for image, place in _places(truth).items()
    }
    *_, images = map(list, places.values())
    for others in (*places.values(), known):
        images = [image for image in images if image in others] or images
    if worst:
        images = worst_images(images, known, pseudo_dir, dataset, count)
    else:
        images = [images[i] for i in _spread(len(images), count)]
    for title in [t for t in stages if not places[t].keys() >= {*images}]:
        del data[title]
    predict = _predictor(*segmentor) if segmentor else None
    colours = class_colours(build_split(
        segmentor[0], 'train', check=False).metainfo,
        dataset.metainfo) if segmentor else None
    read = dataset_reader(dataset)
    palette, found = class_colours(dataset.metainfo), []
    drawn = zip(
        *(_seeds(*stages[title], one, [places[title][i] for i in images])
          for title, one in data.items()),
        strict=True)
    for samples in progress(drawn, len(images), 'training pictures', delay=2):
        sample, layers, mask = samples[-1], {}, None
        img_id, path = (sample.metainfo[k] for k in ('img_id', 'img_path'))
        photo, size = photo_layer(path, read)
        label = sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
        info = known.get((img_id, content_sum(path)), {})
        if 'seg_map_path' in info:
            mask = ground_truth(info)
            layers['ground truth'] = mask_layer(mask, palette, size)
        for title, one in zip(data, samples, strict=True):
            layers[title] = heat_layer(one, size)
        if pseudo_dir is not None:
            label = to_classes(
                read_index_png(os.path.join(pseudo_dir, f'{img_id}.png')),
                dataset.metainfo['label_map'])
            layers['pseudo label'] = mask_layer(label, palette, size)
        if predict is not None:
            layers['prediction'] = mask_layer(predict(path), colours, size)
        names = np.array(dataset.foreground)[sample.gt_label.bool().numpy()]
        score = None
        if mask is not None and mask.shape == label.shape:
            score = image_score(label, mask, len(palette),
                                dataset.ignore_index)
        found.append(
            Picture(img_id, names.tolist(), photo, size, layers, score))
    return sorted(found, key=lambda one: (one.score is None, one.score))


def _places(dataset: BaseImageLabelDataset) -> dict[tuple[str, str], int]:
    """Return where each image is: its id and hash -> index."""
    return {image: i for i, image in enumerate(listed_images(dataset))}


def _seeds(cfg: Config, checkpoint: str, dataset: BaseImageLabelDataset,
           places: list[int]) -> Iterator[SegDataSample]:
    """Yield the seeds of some images."""
    dataset.get_subset_(places)
    return seeds.iterate_seeds(
        seeds.build_model(
            use_tta(cfg, required=False), checkpoint, 'cpu',
            dataset.metainfo['classes']), seeds.seed_loader(dataset, 0))


def _predictor(cfg: Config, checkpoint: str) -> Callable[[str], np.ndarray]:
    """Return what predicts the classes of an image file, (H, W) uint8."""
    cfg = copy.deepcopy(cfg)
    cfg.test_pipeline = cfg.test_dataloader.dataset.pipeline
    model = seeds.build_model(cfg, checkpoint, 'cpu')
    model.cfg = cfg  # of inference_model
    return lambda path: inference_model(
        model, path).pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def validation_pictures(dataset: BaseImageLabelDataset,
                        folder: str,
                        count: int = 24,
                        like: Mapping | None = None) -> list[Picture]:
    """Draw ground truth and prediction of images.

    Up to ``count`` of them; ``folder`` has the masks ``<img_id>.png``, and
    ``like`` the colours, see :func:`class_colours`. Where there are ground
    truths, one half are the worst of all images, and the other half is
    spread evenly over the rest, from worst to best.
    """
    palette, found = class_colours(dataset.metainfo, like), []
    read, scores = dataset_reader(dataset), {}
    if 'seg_map_path' in dataset.data_prefix:
        scores = {i: score for score, _, i in rank_images(folder, dataset)}
    places = list(scores) or list(range(len(dataset)))
    worst = min(count, len(places)) // 2 if scores else 0
    rest = places[worst:]
    places = places[:worst] + [
        rest[i] for i in _spread(len(rest), count - worst)
    ]
    for index in places:
        info, layers = dataset.get_data_info(index), {}
        photo, size = photo_layer(info['img_path'], read)
        mask = to_classes(
            read_index_png(os.path.join(folder, f'{info["img_id"]}.png')),
            info['label_map'])
        prediction = mask_layer(mask, palette, size)
        if 'seg_map_path' in info:
            mask = ground_truth(info)
            layers['ground truth'] = mask_layer(mask, palette, size)
        layers['prediction'] = prediction
        seen = np.isin(np.arange(1, len(palette)), mask)
        names = np.array(dataset.foreground)[seen]
        found.append(
            Picture(info['img_id'], names.tolist(), photo, size, layers,
                    scores.get(index)))
    return found
