"""Similarity to prototypes, and seeds joined with it, by plain loops."""
import numpy as np
import pytest
import torch

from hsc_mm.functional import (
    Bank,
    bank_similarity,
    join_similarity,
    map_rows,
)


def test_similarity_is_the_mean_cosine_of_the_banks():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(2, 5, 3, 4, generator=generator)
    banks = [Bank(torch.randn(4, 5, generator=generator),
                  torch.tensor([True, True, number == 0, False]))
             for number in range(2)]
    found = bank_similarity(embedding, banks)
    assert found.shape == (2, 4, 3, 4)
    for image, row, y, x in np.ndindex(*found.shape):
        pixel = embedding[image, :, y, x].numpy()
        cosines = [
            pixel @ one / np.linalg.norm(pixel) / np.linalg.norm(one)
            for one in (bank.rows[row].numpy() for bank in banks
                        if bank.seen[row])]
        expected = np.mean(cosines) if cosines else -2
        assert found[image, row, y, x].item() == pytest.approx(
            expected, abs=1e-6)


def test_similarity_is_computed_in_full_precision():
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(1, 5, 3, 4, generator=generator)
    bank = Bank(torch.randn(4, 5, generator=generator),
                torch.ones(4, dtype=torch.bool))
    with torch.autocast('cpu', torch.bfloat16):
        found = bank_similarity(embedding, [bank])
    assert torch.equal(found, bank_similarity(embedding, [bank]))


def test_an_embedding_of_zeros_is_like_no_class_more_than_another():
    bank = Bank(torch.rand(3, 5), torch.ones(3, dtype=torch.bool))
    assert (bank_similarity(torch.zeros(1, 5, 2, 2), [bank]) == 0).all()


def test_cam_and_probability_count_the_same():
    generator = torch.Generator().manual_seed(1)
    cam = torch.rand(2, 3, 4, generator=generator)
    similarity = torch.rand(3, 3, 4, generator=generator)
    found = join_similarity(cam, similarity, temperature=0.2)
    for y, x in np.ndindex(3, 4):
        exponent = np.exp(similarity[:, y, x].numpy() / 0.2)
        expected = (cam[:, y, x].numpy() + (exponent / exponent.sum())[1:]) / 2
        np.testing.assert_allclose(found[:, y, x], expected, atol=1e-6)


def test_a_class_without_a_prototype_has_its_cam():
    generator = torch.Generator().manual_seed(2)
    cam = torch.rand(2, 3, 4, generator=generator)
    similarity = torch.rand(3, 3, 4, generator=generator)
    similarity[2] = -2.0
    found = join_similarity(cam, similarity)
    assert torch.equal(found[1], cam[1])
    assert torch.allclose(found[0],
                          join_similarity(cam[:1], similarity[:2])[0])
    similarity[0] = -2.0
    assert torch.equal(join_similarity(cam, similarity), cam)


def test_rows_are_those_of_the_chosen_classes():
    chosen = torch.tensor([1, 3])
    assert map_rows(chosen, 4, 4).tolist() == [1, 3]
    # Four CAMs, then background and four classes.
    assert map_rows(chosen, 4, 9).tolist() == [1, 3, 4, 6, 8]
    assert map_rows(chosen[:0], 4, 9).tolist() == [4]
