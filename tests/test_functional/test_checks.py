"""What torch would broadcast or pass over, the functions refuse."""
import pytest
import torch

from hsc_mm import functional

CAM = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
LABEL = torch.tensor([[1., 0, 1], [0, 1, 0]])
SALIENCY = torch.ones(2, 1, 12, 12)
LOSSES = dict(
    margin=lambda label: functional.multilabel_soft_margin_loss(
        functional.class_scores(CAM), label),
    pooling=lambda label: functional.min_pooling_loss(CAM, label),
    saliency=lambda label: functional.saliency_loss(CAM, SALIENCY, label),
    er=lambda label: functional.equivariance_loss(CAM, CAM, label),
    ecr=lambda label: functional.equivariance_cross_loss(
        CAM, CAM, CAM, CAM, label))


BOTH = torch.tensor([[1., 1, 0, 1], [1, 0, 1, 0]])
REGIONS = torch.rand(2, 5, 6, 6)
BANKS = [functional.MomentumPrototypes(4, 5).snapshot()] * 2
ROI_BANKS = [functional.MomentumPrototypes(2, 5).snapshot()] * 2
OF_BOTH = dict(
    mask=lambda label: functional.contrast_mask(CAM, label, 0.1),
    weights=lambda label: functional.contrast_weights(CAM, label)[0],
    release=lambda label: functional.contrast_weights(CAM, label, 0.1)[0],
    quantiles=lambda label: functional.foreground_quantiles(
        [CAM] * 2, label, [0.5]),
    centers=lambda label: functional.class_contrast(
        [REGIONS] * 2, [CAM] * 2, label, BANKS)[0])


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize('label', [
    LABEL[:, :1], LABEL[:1], LABEL[0], torch.ones(2, 4)])
def test_labels_are_not_broadcast(loss, label):
    with pytest.raises(ValueError, match=r'label: expected the shape \(2, 3\)'
                       r'.*without the background, found \('):
        loss(label)
    assert loss(LABEL).isfinite()
    assert torch.equal(loss(LABEL), loss(LABEL.bool()))


@pytest.mark.parametrize('part', OF_BOTH.values(), ids=OF_BOTH)
@pytest.mark.parametrize('label', [
    LABEL, LABEL[:, :2], BOTH[:, :1], BOTH[:1], BOTH[0]])
def test_labels_with_the_background_are_not_broadcast(part, label):
    with pytest.raises(ValueError, match=r'label: expected the shape \(2, 4\)'
                       r'.*each class and the background first, found \('):
        part(label)
    assert torch.equal(part(BOTH), part(BOTH.bool()))


@pytest.mark.parametrize('present', [LABEL[0, :1], LABEL[:1], LABEL[0, :2]])
def test_each_map_is_of_a_class(present):
    with pytest.raises(ValueError, match=r'present: .*\(3,\).*found \('):
        functional.normalize_cam(CAM[0, 1:], present)


@pytest.mark.parametrize('saliency', [
    SALIENCY[:1], SALIENCY[:, 0], SALIENCY.expand(2, 3, 12, 12)])
def test_maps_of_saliency_are_not_broadcast(saliency):
    with pytest.raises(ValueError, match=r'saliency: expected .*\(B, 1, H, '):
        functional.saliency_loss(CAM, saliency, LABEL)


@pytest.mark.parametrize('size', [(2, 3, 3), (1, 6, 6), (2, 1, 6, 6)])
def test_masks_are_not_broadcast(size):
    mask, wrong = torch.ones(2, 6, 6).long(), torch.ones(size).long()

    def roi(second):
        return functional.roi_contrast(
            [REGIONS] * 2, [mask, second], ROI_BANKS)[0]

    def pixel(second):
        return functional.pixel_contrast(
            [REGIONS] * 2, [CAM] * 2, [mask, second], BANKS)[0]

    for level in (roi, pixel):
        with pytest.raises(ValueError, match=r'mask: expected the shape \(2, '
                           r'6, 6\) of the embedding.*found \('):
            level(wrong)
        assert level(mask).isfinite()


def test_words_that_mean_nothing():
    with pytest.raises(ValueError, match=r"how: expected .*found 'mean'"):
        functional.normalize_cam(CAM[0, 1:], LABEL[0], 'mean')
    with pytest.raises(ValueError, match=r"normalize: .*found 'hight'"):
        functional.region_means(CAM, torch.zeros(2, 6, 6), 'hight')


def test_whole_numbers_are_not_resized():
    with pytest.raises(TypeError, match=r'found torch\.uint8'):
        functional.resize_bilinear(CAM.byte(), (3, 4))
