"""Pairs, affinity loss and random walk against plain loops."""
import math

import numpy as np
import pytest
import torch

from projects.random_walk import random_walk

GRID = (5, 4)


def draw(channels=3, grid=GRID):
    torch.manual_seed(0)
    return torch.randn(channels, *grid, requires_grad=True)


def slow_pairs(grid, radius):
    cells = [(y, x) for y in range(grid[0]) for x in range(grid[1])]
    return {(i, j) for i, a in enumerate(cells) for j, b in enumerate(cells)
            if i < j and math.dist(a, b) < radius}


def slow_affinity(embedding, i, j):
    f = embedding.flatten(1)
    return math.exp(-sum(
        abs(f[d, i].item() - f[d, j].item()) for d in range(len(f))) / len(f))


@pytest.mark.parametrize('radius', [1, 1.5, 2, 3, 5, 9])
def test_pairs_are_those_nearer_than_the_radius_each_once(radius):
    found = [tuple(pair) for pair in
             random_walk.cell_pairs(GRID, radius).t().tolist()]
    assert len(found) == len(set(found))
    assert set(found) == slow_pairs(GRID, radius)


def slow_loss(embedding, label, radius):
    """One pair at a time, straight from the paper."""
    kinds = dict(fg=[], bg=[], apart=[])
    label = label.flatten().tolist()
    for i, j in sorted(slow_pairs(GRID, radius)):
        f = embedding.flatten(1)
        a = torch.exp(-(f[:, i] - f[:, j]).abs().mean())
        if 255 in (label[i], label[j]):
            continue
        if label[i] != label[j]:
            kinds['apart'].append(-torch.log(1 - a))
        else:
            kinds['fg' if label[i] else 'bg'].append(-torch.log(a))
    fg, bg, apart = (
        sum(kind) / len(kind) if kind else embedding.sum() * 0
        for kind in kinds.values())
    return fg + bg + 2 * apart


@pytest.mark.parametrize('present', [
    [0, 1, 2, 255], [0, 1], [0], [2], [255], [0, 255], [1, 2]])
def test_the_loss_equals_plain_loops(present):
    embedding = draw()
    label = torch.tensor(present)[torch.randint(len(present), GRID)]
    pairs = random_walk.cell_pairs(GRID, 3)
    found = random_walk.affinity_loss(
        random_walk.pair_distance(embedding, pairs),
        random_walk.pair_kinds(label, pairs))
    expected = slow_loss(embedding, label, 3)
    torch.testing.assert_close(found, expected)
    for one, other in zip(torch.autograd.grad(found, embedding),
                          torch.autograd.grad(expected, embedding)):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_equal_embeddings_of_two_classes_give_a_finite_loss():
    embedding = torch.zeros(3, *GRID, requires_grad=True)
    label = torch.zeros(GRID, dtype=torch.long)
    label[2:] = 1
    pairs = random_walk.cell_pairs(GRID, 3)
    loss = random_walk.affinity_loss(
        random_walk.pair_distance(embedding, pairs),
        random_walk.pair_kinds(label, pairs))
    loss.backward()
    assert loss > 10
    assert embedding.grad.isfinite().all()


def slow_transition(embedding, radius, beta):
    """Fill the dense matrix, then divide each row by its sum."""
    grid = embedding.shape[1:]
    matrix = np.eye(grid[0] * grid[1])
    for i, j in slow_pairs(grid, radius):
        matrix[i, j] = matrix[j, i] = slow_affinity(embedding, i, j)**beta
    return matrix / matrix.sum(1, keepdims=True)


@pytest.mark.parametrize(('beta', 'log_steps', 'alpha'), [
    (8, 8, None), (1, 3, 4.0), (2, 0, None), (0.5, 5, 16.0)])
def test_the_walk_equals_powers_of_the_dense_matrix(beta, log_steps, alpha):
    embedding = draw()
    cam = torch.rand(2, *GRID)
    found = random_walk.spread(cam, embedding.detach(), 3, beta, log_steps,
                               alpha)
    maps = cam.flatten(1).double().numpy()
    if alpha is not None:
        background = [(1 - max(column))**alpha for column in maps.T]
        maps = np.stack([background, *maps])
    dense = slow_transition(embedding, 3, beta)
    for _ in range(log_steps):
        dense = dense @ dense
    expected = np.stack([dense @ one for one in maps])
    if alpha is None:
        expected /= expected.max() + 1e-5
    np.testing.assert_allclose(
        found.flatten(1).numpy(), expected, rtol=1e-4, atol=1e-6)
    assert 0 <= found.min() and found.max() <= 1


def test_a_walk_stays_within_what_is_connected():
    """A wall of other embeddings stops it; a map of ones stays."""
    embedding = torch.zeros(1, 4, 6)
    embedding[..., 3:] = 50.0
    cam = torch.zeros(1, 4, 6)
    cam[0, 1, 1] = 1
    found = random_walk.spread(cam, embedding, 2, 8, 8, None)
    assert (found[..., :3] > 0.5).all() and (found[..., 3:] == 0).all()
    pairs = random_walk.cell_pairs((4, 6), 2)
    matrix = random_walk.transition(
        random_walk.pair_distance(draw(3, (4, 6)).detach(), pairs), pairs, 24,
        2)
    ones = random_walk.walk(torch.ones(1, 4, 6), matrix, 8)
    torch.testing.assert_close(ones, torch.ones(1, 4, 6))


@pytest.mark.parametrize(('align_corners', 'places'), [
    (True, (0, 4, 8, 12)), (False, (2, 6, 10, 14))])
@pytest.mark.parametrize('padding', [(0, 0, 0, 0), (3, 1, 2, 4)])
def test_cells_see_the_pixel_that_they_look_at(align_corners, places, padding):
    left, right, top, bottom = padding
    # The image in the network's input is half as large as it was.
    inside = (16 - top - bottom, 16 - left - right)
    image = torch.arange(4 * inside[0] * inside[1]).view(
        1, 2 * inside[0], 2 * inside[1]).float()
    found = random_walk.at_cells(image, (4, 4), 4, (16, 16), padding,
                                 align_corners, fill=-1)
    for row, y in enumerate(places):
        for column, x in enumerate(places):
            y_in, x_in = y - top, x - left
            value = found[0, row, column].item()
            if 0 <= y_in < inside[0] and 0 <= x_in < inside[1]:
                near = image[0, 2 * y_in:2 * y_in + 2, 2 * x_in:2 * x_in + 2]
                assert value in near
            else:
                assert value == -1
    nearest = random_walk.at_cells(image, (4, 4), 4, (16, 16), padding,
                                   align_corners)
    assert torch.equal(nearest[found >= 0], found[found >= 0])
    assert (nearest >= 0).all()
