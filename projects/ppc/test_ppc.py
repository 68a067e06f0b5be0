"""PPC against plain loops, and on CAM and SEAM in a real run."""
import pytest
import torch
from traces import trace

from hsc_mm.functional import Bank
from projects.ppc import ppc


def draw(classes=5, size=(2, 6, 6), channels=4):
    torch.manual_seed(0)
    pixel = torch.randn(size[0], channels, *size[1:], requires_grad=True)
    mask = torch.randint(classes, size)
    rows = torch.nn.functional.normalize(torch.randn(classes, channels), dim=1)
    return pixel, mask, Bank(rows, torch.ones(classes, dtype=torch.bool))


def slow_intra(pixel, mask, bank, weights, skip=0.15, keep=0.5):
    """One pixel at a time; `weights` is what was drawn and mined."""
    count = len(bank.rows)
    first, more = round(skip * count), round(keep * count)
    flat = pixel.permute(0, 2, 3, 1).flatten(0, 2)
    total, classes = 0, set(mask.flatten().tolist())
    for u, k, w in zip(flat, mask.flatten().tolist(), weights):
        u = u / u.norm()
        cosine = [(u @ row).item() for row in bank.rows]
        order = sorted(range(count), key=lambda j: -cosine[j])
        chosen = set(order[first:first + more]) | {k}
        top = torch.exp(u @ bank.rows[k] / 0.1)
        bottom = sum(torch.exp(u @ bank.rows[j] / 0.1) for j in chosen)
        total = total - w * torch.log(top / bottom)
    return total / len(classes)


def test_the_intra_view_term_equals_plain_loops(monkeypatch):
    pixel, mask, bank = draw()
    kept = []
    inner = ppc.mined_weights
    monkeypatch.setattr(
        ppc, 'mined_weights',
        lambda *args: kept.append(inner(*args)) or kept[-1])
    found = ppc.intra_view_contrast(pixel, mask, bank)
    expected = slow_intra(pixel, mask, bank, kept[0])
    torch.testing.assert_close(found, expected)
    for one, other in zip(torch.autograd.grad(found, pixel),
                          torch.autograd.grad(expected, pixel)):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_half_of_a_class_is_drawn_and_the_hard_half_mined():
    torch.manual_seed(0)
    target = torch.tensor([0] * 10 + [2] * 21 + [3])
    similarity = torch.rand(len(target)) * 2 - 1
    runs = torch.stack([
        ppc.mined_weights(similarity, target, 4, 0.6) for _ in range(400)])
    for k, count in ((0, 10), (2, 21)):
        inside = (target == k).nonzero()[:, 0]
        torch.testing.assert_close(
            runs[:, inside].sum(1), torch.ones(len(runs)))
        order = inside[similarity[inside].argsort()].tolist()
        end = int(0.6 * count)
        hard = set(order[end - count // 2:end])
        # Every pixel is drawn half of the time, a hard one always counts.
        mean = runs[:, inside].mean(0) * 2 * (count // 2)
        for place, value in zip(inside.tolist(), mean.tolist()):
            share = value - (place in hard)
            assert share == pytest.approx((count // 2) / count, abs=0.1)
    assert (runs[:, -1] == 0).all()  # one pixel is no class


def test_semi_hard_negatives_by_hand():
    cosine = torch.tensor([[.9, .8, .7, .6, .5, .4]]).repeat(2, 1)
    seen = torch.tensor([True, True, True, False, True, True])
    found = ppc.semi_hard_negatives(
        cosine, torch.tensor([0, 5]), seen, skip=1 / 6, keep=0.5)
    # 0 is the nearest, 3 does not exist: of 1, 2, 4, 5 three are kept.
    assert found.tolist() == [[True, True, True, False, True, False],
                              [False, True, True, False, True, True]]


@pytest.mark.slow
@pytest.mark.parametrize('name', ['ppc_cam', 'ppc_seam'])
def test_three_iterations_and_seeds(name, shared_voc, tmp_path):
    found = trace(f'../projects/ppc/configs/{name}_mbv2_voc-animals',
                  shared_voc, tmp_path)
    for losses in found['losses']:
        for term in ('cls', 'ppc_cross', 'ppc_intra'):
            assert 0 < losses[f'decode.loss_{term}'] < 100, term
    assert found['mIoU'] > 0
