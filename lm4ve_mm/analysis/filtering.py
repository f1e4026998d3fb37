"""Information filtering: how well activations find the foreground.

Appendix A of arXiv 2310.12973 turns the tokens of an image into a score each,
thresholds the scores, and compares with a segmentation. The paper takes the
best of nine thresholds of each image with the truth in hand: an oracle. Next
to it therefore stand one threshold for all images, and scores of no model.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .activation import stretched, token_activation

# Nine thresholds; a token is foreground if its score is greater.
THRESHOLDS = tuple(k / 10 for k in range(1, 10))


def token_frequency(tokens: Tensor, wrap: bool = False) -> Tensor:
    """Measure the phase of each token's spectrum (appendix A).

    The angle of the discrete Fourier transform over channels, minus its mean
    over the tokens; the length of what is left, stretched to 0..1. Angles
    are not wrapped around, unless asked.

    The transform of real numbers is real at frequency 0 and at half the
    width. Libraries give a real number a positive or a negative zero as
    imaginary part, and thereby an angle of pi or -pi: here it is pi.

    Args:
        tokens (Tensor): (B, N, C), without the class token.
        wrap (bool): Whether differences of angles are taken on the circle.

    Returns:
        Tensor: (B, N) float64.
    """
    spectrum = torch.fft.fft(tokens.double(), dim=-1)
    width = tokens.shape[-1]
    is_real = spectrum.imag == 0
    is_real[..., [0] if width % 2 else [0, width // 2]] = True
    angle = torch.where(is_real, (spectrum.real < 0) * torch.pi,
                        spectrum.angle())
    left = angle - angle.mean(1, keepdim=True)
    if wrap:
        left = torch.remainder(left + torch.pi, 2 * torch.pi) - torch.pi
    return stretched(left.norm(dim=-1))


class MaskScore(NamedTuple):
    """How well scores find the foreground of some images.

    Args:
        oracle: Mean IoU with each image's own best threshold (the paper's).
        shared: Mean IoU with the one best threshold for all.
        threshold: That threshold.
        images: How many.
        empty: How many had no foreground and are left out.
        low, high: 95 % interval of ``oracle``, bootstrap over the images.
    """

    oracle: float
    shared: float
    threshold: float
    images: int
    empty: int
    low: float
    high: float


def mask_to_tokens(mask: np.ndarray, grid: tuple[int, int],
                   ignored: np.ndarray | None = None
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Say of each token whether it is foreground.

    A token is foreground where at least half of its patch is; if no token
    reaches that, the most covered one is. A token of which more than half is
    ignored does not count.

    Args:
        mask: (H, W) bool, of the picture that the model sees.
        grid: Rows and columns of tokens.
        ignored: (H, W) bool, or None.

    Returns:
        tuple: (rows, columns) bool foreground, and bool whether it counts.

    Raises:
        ValueError: If the picture is not divided evenly.
    """
    covered = coverage(mask, grid)
    found = covered >= .5
    if mask.any() and not found.any():
        found[np.unravel_index(covered.argmax(), grid)] = True
    counts = np.ones(grid, bool)
    if ignored is not None:
        counts = coverage(ignored, grid) <= .5
    return found, counts


def coverage(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Share of each patch that a mask covers, (rows, columns)."""
    if mask.shape[0] % grid[0] or mask.shape[1] % grid[1]:
        raise ValueError(f'a picture of {mask.shape} cannot be divided evenly '
                         f'into {grid} tokens')
    rows, columns = mask.shape[0] // grid[0], mask.shape[1] // grid[1]
    return mask.reshape(grid[0], rows, grid[1], columns).mean((1, 3))


def ious(scores: np.ndarray, truth: np.ndarray,
         counts: np.ndarray | None = None) -> np.ndarray:
    """IoU of one image at each threshold, (9, )."""
    keep = np.ones(truth.shape, bool) if counts is None else counts
    scores, truth = scores[keep], truth[keep]
    found = []
    for threshold in THRESHOLDS:
        guess = scores > threshold
        union = (guess | truth).sum()
        found.append((guess & truth).sum() / union if union else 0.)
    return np.array(found)


def score_masks(scores: Sequence[np.ndarray], truths: Sequence[np.ndarray],
                counts: Sequence[np.ndarray] | None = None) -> MaskScore:
    """Compare the scores of several images with their foregrounds.

    Args:
        scores: Of each image, any shape, 0 to 1.
        truths: Of the same shapes, bool.
        counts: Of the same shapes, bool: which tokens count.
    """
    counts = counts or [np.ones(t.shape, bool) for t in truths]
    rows = [ious(np.asarray(s), np.asarray(t), np.asarray(c))
            for s, t, c in zip(scores, truths, counts) if t[c].any()]
    if not rows:
        nothing = float('nan')
        return MaskScore(nothing, nothing, nothing, 0, len(truths), nothing,
                         nothing)
    table = np.stack(rows)  # (images, 9)
    shared = table.mean(0)
    best = int(shared.argmax())
    each = table.max(1)
    return MaskScore(float(each.mean()), float(shared[best]),
                     THRESHOLDS[best], len(rows), len(truths) - len(rows),
                     *_interval(each))


def _interval(each: np.ndarray, resamples: int = 2000) -> list[float]:
    """Percentiles of the resampled mean."""
    drawn = np.random.default_rng(0).integers(
        len(each), size=(resamples, len(each)))
    return np.percentile(each[drawn].mean(1), [2.5, 97.5]).tolist()


def _random(grid: tuple[int, int], number: int) -> np.ndarray:
    return np.random.default_rng((0, number)).random(grid)


def _centre(grid: tuple[int, int], number: int) -> np.ndarray:
    """A Gaussian of a quarter of the picture, stretched to 0..1."""
    down, across = (np.linspace(-1, 1, size) for size in grid)
    bump = np.exp(-2 * (down[:, None]**2 + across[None]**2))
    return (bump - bump.min()) / (bump.max() - bump.min())


# What any score has to beat: scores of no model.
BASELINES: dict[str, Callable[[tuple[int, int], int], np.ndarray]] = dict(
    random=_random,
    centre=_centre,
    all_foreground=lambda grid, number: np.ones(grid))

MEASURES: dict[str, Callable[[Tensor], Tensor]] = dict(
    magnitude=token_activation, frequency=token_frequency)
