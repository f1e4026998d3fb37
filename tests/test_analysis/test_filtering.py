"""Scores of tokens and of masks, with the specification's golden numbers."""

import numpy as np
import pytest
import torch

from lm4ve_mm.analysis.activation import token_activation
from lm4ve_mm.analysis.filtering import (
    BASELINES,
    coverage,
    ious,
    mask_to_tokens,
    score_masks,
    token_frequency,
)

MASK = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], bool)
TOKENS = torch.cat([torch.eye(4)[:3], torch.ones(1, 4)])[None].double()


def test_golden_coverage():
    assert (coverage(MASK, (2, 2)) == [[.75, 0], [0, 1]]).all()
    found, counts = mask_to_tokens(MASK, (2, 2))
    assert (found == [[True, False], [False, True]]).all() and counts.all()
    with pytest.raises(ValueError, match='cannot be divided evenly'):
        coverage(MASK, (3, 2))


def test_golden_measures():
    assert token_activation(TOKENS)[0].tolist() == pytest.approx([0, 0, 0, 1])
    assert token_frequency(TOKENS)[0].tolist() == pytest.approx(
        [0, .81184, 1, 0], abs=1e-5)


def test_golden_ious():
    found = ious(np.array([0, .25, .55, 1]), np.array([0, 0, 1, 1], bool))
    assert found == pytest.approx([2 / 3] * 2 + [1] * 3 + [.5] * 4)


@pytest.mark.parametrize('measure', [token_activation, token_frequency])
def test_order_of_tokens(measure):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, 9, 16, generator=generator).double()
    order = torch.randperm(9, generator=generator)
    assert torch.allclose(measure(tokens)[:, order], measure(tokens[:, order]))
    alone = measure(tokens[:1])
    assert torch.allclose(measure(tokens)[:1], alone)


def test_a_constant_does_not_matter_to_the_magnitude():
    tokens = torch.randn(1, 9, 16).double()
    assert torch.allclose(token_activation(tokens),
                          token_activation(tokens + torch.randn(16)))
    assert (token_activation(torch.ones(1, 4, 3)) == 0).all()


def test_signed_zero(monkeypatch):
    """The sign of an imaginary zero is an accident of the library."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, 9, 16, generator=generator).double()
    wanted = token_frequency(tokens)
    transform = torch.fft.fft

    def negative(*args, **kwargs):
        spectrum = transform(*args, **kwargs)
        # Of all tokens alike it would only turn the signs of a bin.
        half = spectrum.imag[:, :4, ::8]
        assert (half == 0).all() and (spectrum.real[:, :4, ::8] < 0).any()
        half.neg_()
        return spectrum

    monkeypatch.setattr(torch.fft, 'fft', negative)
    assert torch.equal(token_frequency(tokens), wanted)


def test_an_ignored_patch_does_not_count():
    ignored = np.zeros((4, 4), bool)
    ignored[:2, :2] = True
    found, counts = mask_to_tokens(MASK, (2, 2), ignored)
    assert counts.tolist() == [[False, True], [True, True]]
    score = score_masks([np.array([[0, 0], [0, 1.]])], [found], [counts])
    assert score.oracle == 1 and score.images == 1


def test_a_small_object_keeps_one_token():
    mask = np.zeros((4, 4), bool)
    mask[0, 3] = True
    assert mask_to_tokens(mask, (2, 2))[0].tolist() == [[False, True],
                                                       [False, False]]


def test_oracle_and_shared_threshold():
    truths = [np.array([0, 1], bool)] * 2
    scores = [np.array([.15, .25]), np.array([.75, .85])]
    found = score_masks(scores, truths)
    assert found.oracle == 1 and found.shared == pytest.approx(.75)
    empty = score_masks([*scores, np.zeros(2)], [*truths, np.zeros(2, bool)])
    assert (empty.images, empty.empty) == (2, 1)


@pytest.mark.parametrize('share, wanted', [
    (.10, .115), (.20, .201), (.35, .340), (.50, .472)])
def test_random_scores_are_no_zero(share, wanted):
    """Blobs on 14x14 tokens: the oracle flatters."""
    rng = np.random.default_rng(0)
    truths = []
    for _ in range(200):
        down, across = np.mgrid[:14, :14] - rng.uniform(3, 11, (2, 1, 1))
        distance = down**2 + across**2
        truths.append(distance <= np.quantile(distance, share))
    scores = [BASELINES['random']((14, 14), k) for k in range(200)]
    assert score_masks(scores, truths).oracle == pytest.approx(wanted, abs=.02)
    whole = score_masks([BASELINES['all_foreground']((14, 14), 0)] * 200,
                        truths)
    assert whole.oracle == pytest.approx(share, abs=.02)
