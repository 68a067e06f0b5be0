"""Properties that hold for any input, tried on inputs drawn at random."""
import csv
import json
import os

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mmseg.datasets.transforms import RandomFlip

from hsc_mm.datasets import transforms
from hsc_mm.datasets.class_names import is_text, means_nothing, name_key
from hsc_mm.datasets.labels import read_labels, read_list
from hsc_mm.evaluation.confusion import seed_histogram, sweep_scores
from hsc_mm.evaluation.seed_metric import SeedMetric
from hsc_mm.functional.positions import strongest, weighted_sums
from hsc_mm.functional.prototypes import Bank, Observation
from hsc_mm.utils import class_map, to_classes, to_mask_indices
from hsc_mm.utils.paths import place

few = settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture])
sides = st.integers(1, 40)
seeds = st.integers(0, 2**31 - 1)


def _scene(height, width, row, column):
    """Draw an image with a bright quarter, and two maps of the same."""
    part = np.zeros((height, width), np.uint8)
    part[:row, :column] = 200
    return dict(
        img=np.repeat(part[..., None], 3, axis=2), gt_seg_map=part.copy(),
        aux_saliency=part.copy(), img_shape=(height, width), flip=False,
        seg_fields=['gt_seg_map', 'aux_saliency'],
        aux_maps=dict(saliency=dict(fill=7)))


@few
@given(sides, sides, st.data(), seeds)
def test_maps_move_with_their_image(height, width, data, seed):
    row = data.draw(st.integers(0, height))
    column = data.draw(st.integers(0, width))
    size = data.draw(st.tuples(sides, sides))
    low = data.draw(st.integers(8, 40))
    np.random.seed(seed)
    scene = _scene(height, width, row, column)
    for step in (
            transforms.RandomLongSideResize((low, low + 9)),
            RandomFlip(prob=.5, direction=['horizontal', 'vertical']),
            transforms.RandomHSV((0, 3, 3))):
        scene = step(scene)
    before = scene['img'].copy(), scene['gt_seg_map'].copy()
    scene = transforms.CropPad(size, (9, 9, 9))(scene)
    image, mask, aux = (
        scene[k] for k in ('img', 'gt_seg_map', 'aux_saliency'))
    assert image.shape == (*size, 3)
    assert mask.shape == aux.shape == size == scene['img_shape']
    # Bilinear and nearest differ by a pixel along the two edges alone.
    for bright, truth in ((before[0][..., 0] > 100, before[1] > 100),
                          (image[..., 0] > 100, mask == 200)):
        assert (bright != truth).sum() <= 2 * sum(bright.shape)
    padded = mask == 255
    assert (image[padded] == 9).all()
    assert (aux[padded] == 7).all()
    assert (aux[~padded] == mask[~padded]).all()
    kept = np.minimum(size, before[1].shape)
    assert (~padded).sum() == kept.prod()


@few
@given(sides, sides, st.data(), seeds)
def test_what_is_cropped_is_a_part_of_the_image(height, width, data, seed):
    size = data.draw(st.tuples(sides, sides))
    np.random.seed(seed)
    number = np.arange(height * width, dtype=np.int32).reshape(height, width)
    found = transforms.CropPad(size, (-1, ))(dict(
        img=number[..., None].astype(np.float32), seg_fields=['number'],
        number=number.astype(np.float32)))
    inside = found['img'].reshape(size) >= 0
    assert (found['img'].reshape(size) == found['number'])[inside].all()
    values = found['number'][inside].reshape(
        np.minimum(size, (height, width)))
    corner = int(values[0, 0])
    assert (values == number[corner // width:, corner % width:][
        :values.shape[0], :values.shape[1]]).all()


def _images(seed, count, classes):
    """Draw CAMs (K, 4, 5) of few values, and masks."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield (torch.from_numpy(rng.integers(0, 9, (classes, 4, 5)) / 8),
               torch.from_numpy(rng.choice([*range(classes + 1), 255],
                                           (4, 5))))


def _naive_iou(images, threshold, classes):
    """Count pixel by pixel."""
    hits, union = np.zeros(classes + 1), np.zeros(classes + 1)
    for cam, target in images:
        for y in range(4):
            for x in range(5):
                truth = int(target[y, x])
                if truth == 255:
                    continue
                column = cam[:, y, x].tolist()
                best = max(column)
                found = 1 + column.index(best) if best > threshold else 0
                hits[truth] += found == truth
                union[truth] += 1
                union[found] += found != truth
    return [h / u if u else np.nan for h, u in zip(hits, union, strict=True)]


@few
@given(seeds, st.integers(1, 4), st.integers(1, 3), st.randoms())
def test_scores_are_those_of_counting(seed, count, classes, random):
    images = list(_images(seed, count, classes))
    grid = torch.tensor([.1, .3, .5, .8], dtype=torch.float64)
    parts = [seed_histogram(cam, target, grid) for cam, target in images]
    scores = sweep_scores(sum(parts))
    for number, threshold in enumerate(grid.tolist()):
        np.testing.assert_allclose(
            scores.iou[number], _naive_iou(images, threshold, classes))
    random.shuffle(parts)
    cut = random.randint(0, count)  # two ranks
    joined = sum(parts[:cut]) + sum(parts[cut:])
    assert torch.equal(joined, sum(parts))


@settings(few, max_examples=8)
@given(seeds, st.permutations(range(4)))
def test_the_order_of_images_does_not_matter(seed, order):
    samples = [dict(
        img_path=str(number), bg_threshold=.3, use_image_labels=True, views=1,
        cls_scores=torch.rand(2, generator=torch.manual_seed(seed + number)),
        gt_sem_seg=dict(data=target[None]),
        seg_logits=dict(data=torch.cat([torch.full((1, 4, 5), .3), cam])))
        for number, (cam, target) in enumerate(_images(seed, 4, 2))]
    found = []
    for places in (range(4), order):
        metric = SeedMetric(thresholds=[.1, .6])
        metric.dataset_meta = dict(classes=('background', 'a', 'b'))
        for number in places:
            metric.process({}, [samples[number]])
        found.append(metric.evaluate(4))
    assert {k: pytest.approx(v, nan_ok=True) for k, v in found[0].items()
            } == found[1]


def _bank(seed, normalize, momentum):
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randn(5, 3, generator=draw)
    if normalize == 'row':
        rows = F.normalize(rows, dim=1)
    seen = torch.rand(5, generator=draw) > .4
    weight = torch.rand(5, generator=draw) * (
        torch.rand(5, generator=draw) > .3)
    total = torch.randn(5, 3, generator=draw) * weight[:, None]
    return Bank(rows * seen[:, None], seen, momentum, normalize), Observation(
        total, weight)


@few
@given(seeds, st.sampled_from(['row', 'new', 'none']), st.floats(.01, 1),
       st.permutations(range(5)), st.floats(.01, 100))
def test_banks_move_within_bounds(seed, normalize, momentum, order, scale):
    bank, found = _bank(seed, normalize, momentum)
    after = bank.moved(found)
    observed = found.weight > 0
    assert torch.equal(after.rows[~observed], bank.rows[~observed])
    assert torch.equal(after.seen, bank.seen | observed)
    new = found.mean() if normalize == 'none' else F.normalize(
        found.mean(), dim=1)
    assert torch.allclose(after.rows[observed & ~bank.seen],
                          new[observed & ~bank.seen])
    if normalize == 'row':
        norms = after.rows.norm(dim=1)[observed]
        assert torch.allclose(norms, torch.ones_like(norms), atol=1e-5)
    else:
        both, mean = observed & bank.seen, torch.stack([new, bank.rows])
        low, high = mean.amin(0) - 1e-5, mean.amax(0) + 1e-5
        assert ((after.rows >= low) & (after.rows <= high))[both].all()
    # The order of rows and the unit of the weights make no difference, and
    # an observation may be dealt to ranks.
    turned = bank._replace(rows=bank.rows[order], seen=bank.seen[order])
    turned = turned.moved(Observation(*(part[order] for part in found)))
    assert torch.equal(turned.rows, after.rows[order])
    scaled = bank.moved(Observation(*(part * scale for part in found)))
    assert torch.allclose(scaled.rows, after.rows, atol=1e-4)
    assert torch.equal(scaled.seen, after.seen)


@few
@given(seeds, st.integers(1, 12), st.booleans())
def test_the_strongest_are_no_weaker_than_the_rest(seed, count, ties):
    draw = torch.Generator().manual_seed(seed)
    weight = torch.rand(3, 8, generator=draw)
    if ties:
        weight = (weight * 3).round() / 3
    mark, = strongest(weight, count)
    assert torch.allclose(mark.sum(1), torch.tensor(float(min(count, 8))))
    order = torch.randperm(8, generator=draw)
    assert torch.equal(strongest(weight[:, order], count)[0], mark[:, order])
    chosen = weight.masked_fill(mark == 0, 2).amin(1)
    rest = weight.masked_fill(mark == 1, -1).amax(1)
    assert (chosen >= rest).all()
    embedding = torch.randn(2, 4, 2, 2, generator=draw)
    flat = embedding.permute(1, 0, 2, 3).flatten(1)
    assert torch.allclose(weighted_sums(mark, embedding), mark @ flat.T,
                          atol=1e-5)


NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4)


@settings(few, max_examples=40)
@given(NAMES, st.sampled_from(['json', 'csv']))
def test_names_come_back_or_are_refused(tmp_path, names, kind):
    path = tmp_path / f'l.{kind}'
    if kind == 'json':
        path.write_text(json.dumps(dict(images={'a.jpg': names, 'b': ['x']})))
    else:  # what parts names in a cell is no part of one
        names = [n for n in names if not set(n) & set(';|,')]
        with open(path, 'w', newline='', encoding='utf-8',
                  errors='surrogatepass') as file:
            csv.writer(file).writerows([
                ('image', 'labels'), ('a.jpg', ';'.join(names)),
                ('b', 'x')])
    try:
        found = read_labels(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
        return
    assert {*map(name_key, found.images['a.jpg'])} == {
        name_key(n) for n in names if n.strip() and not means_nothing(n)}
    assert all(is_text(n) and n == n.strip() for n in found.classes)


@settings(few, max_examples=40)
@given(st.one_of(st.binary(max_size=60), st.text(
    '{}[]",;:\\\n\t\0 aimges1\ufeff', max_size=60).map(str.encode)),
       st.sampled_from(['json', 'csv', 'tsv', 'txt', 'list']))
def test_any_bytes_are_labels_or_an_error(tmp_path, data, kind):
    path = tmp_path / f'l.{kind}'
    path.write_bytes(data)
    try:
        found = read_list(path) if kind == 'list' else read_labels(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
        return
    if kind == 'list':
        assert all(found)
    else:
        assert {n for names in found.images.values() for n in names} <= {
            *found.classes}


@settings(few, max_examples=40)
@given(st.one_of(st.text(max_size=9), st.lists(st.sampled_from(
    ['..', '.', '', 'a', '~', 'C:', '\\', 'x.png', '\0']),
    max_size=5).map('/'.join)))
def test_no_name_leads_out_of_its_folder(tmp_path, name):
    try:
        found = place(tmp_path, name)
    except ValueError:
        return
    root = os.path.realpath(tmp_path)
    assert os.path.realpath(found).startswith(root + os.sep)


@few
@given(st.integers(1, 20), st.data(), seeds)
def test_indices_there_and_back(known, data, seed):
    names = ['background', *map(str, range(known))]
    chosen = ['background', *data.draw(st.lists(
        st.sampled_from(names[1:]), unique=True))]
    mapping = class_map(names, chosen)
    rng = np.random.default_rng(seed)
    mask = rng.choice([*range(len(names)), 255], (4, 4)).astype(np.uint8)
    found = to_classes(mask, mapping)
    for before, after in zip(mask.flat, found.flat, strict=True):
        named = before != 255 and names[before] in chosen
        assert after == (chosen.index(names[before]) if named else 255)
    seed_ = rng.choice([*range(len(chosen)), 255], (4, 4)).astype(np.uint8)
    assert (to_classes(to_mask_indices(seed_, mapping), mapping)
            == seed_).all()
    assume(seed_.max() == 255)
    assert (to_mask_indices(seed_, mapping)[seed_ == 255] == 255).all()
