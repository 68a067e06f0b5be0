"""Parts of a view that strangers make: their sizes are looked at."""
from functools import partial

import pytest
import torch
from mmseg.structures import SegDataSample
from torch import nn

from hsc_mm.models import CAMHead, Targets, View

CAM = torch.rand(2, 4, 5, 6)


class Stranger(nn.Module):
    """Returns what it is told, whatever it gets."""
    channels = 8

    def __init__(self, found, in_channels=8):
        super().__init__()
        self.found = found

    def forward(self, *args):
        return self.found


def view(**parts):
    return View(None, (), CAM, CAM, **parts)


@pytest.mark.parametrize(('found', 'words'), [
    (None, 'None'), ([CAM], 'list'), (CAM[:, 1:], r'.*\(2, 3, 5, 6\)'),
    (CAM[:, :1], r'.*\(2, 1, 5, 6\)'), (CAM[:1], r'.*\(1, 4, 5, 6\)'),
    (CAM.flatten(2), r'.*\(2, 4, 30\)')])
def test_a_refined_cam_has_a_map_of_each_class_and_image(found, words):
    one = view(refine=partial(Stranger(found), CAM))
    for look in (lambda: one.refined, lambda: one.evidence,
                 lambda: one.compute(('refined', ))):
        with pytest.raises(ValueError, match=r'refiner of the head '
                           r'\(Stranger\): expected a Tensor \(2, 4, h, w\)'
                           f', found {words}'):
            look()


@pytest.mark.parametrize(('found', 'words'), [
    (None, 'None'), (torch.rand(2, 7, 5, 6), r'.*\(2, 7, 5, 6\)'),
    (torch.rand(1, 8, 5, 6), r'.*\(1, 8, 5, 6\)'),
    (torch.rand(2, 8, 30), r'.*\(2, 8, 30\)'),
    (torch.rand(2, 8), r'.*\(2, 8\)')])
def test_an_embedding_is_a_map_of_its_channels(found, words):
    one = view(embed=dict(pixel=partial(Stranger(found), CAM)))
    for look in (lambda: one.embedding('pixel'),
                 lambda: one.compute(('pixel', ))):
        with pytest.raises(ValueError, match=r'embedding "pixel" \(Stranger'
                           r'\): expected a Tensor \(2, 8, h, w\), found '
                           f'{words}'):
            look()


def test_functions_and_other_grids_are_taken():
    small = torch.rand(2, 4, 3, 3)
    one = view(refine=lambda: small, embed=dict(pixel=lambda: small))
    assert one.refined is one.embedding('pixel') is small
    one = view(refine=lambda: small[:1], embed=dict(pixel=lambda: small[:1]))
    with pytest.raises(ValueError, match='refiner of the head: expected'):
        one.refined  # noqa: B018
    with pytest.raises(ValueError, match=r'"pixel": .*\(2, D, h, w\)'):
        one.embedding('pixel')


@pytest.mark.parametrize(('part', 'cut'), [
    ('refiner', lambda cam: cam[:, 1:]), ('embedding', lambda cam: cam[:1])])
def test_a_head_names_the_class_of_its_parts(part, cut):
    head = CAMHead(8, 4)
    feats, wrong = (torch.rand(2, 8, 5, 6), ), Stranger(cut(CAM))
    if part == 'refiner':
        head.refiner = wrong
    else:
        head.embeddings['pixel'] = wrong
    made = head(feats, torch.rand(2, 3, 40, 48))
    with pytest.raises(ValueError, match=r'\(Stranger\): expected a Tensor'):
        made.compute(('refined', 'pixel'))


@pytest.mark.parametrize('label', [None, torch.tensor(1)])
def test_samples_without_image_labels_are_told(label):
    sample = SegDataSample(metainfo=dict(img_path='one.jpg'))
    if label is not None:
        sample.set_field(label, 'gt_label')
    with pytest.raises(ValueError, match=r'one\.jpg: expected image labels, '
                       r'gt_label of shape \(K,\), found .*Pack'):
        Targets.of([sample], 3)
