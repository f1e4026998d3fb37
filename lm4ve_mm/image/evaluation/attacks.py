"""FGSM and PGD: the smallest change of an image that fools a classifier.

L-infinity attacks in units of pixel levels (0 to 255), untargeted, on the
true labels: Goodfellow et al. (arXiv 1412.6572), Madry et al. (1706.06083).
They act on normalised images; the bounds are normalised with them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class Attack(NamedTuple):
    """Settings of an attack; the defaults are the paper's code's FGSM.

    Args:
        eps: Largest change of a pixel, in levels.
        step: Change per step, in levels.
        steps: How many.
        random_start: Whether to begin at a random point within ``eps``.
        seed: Of the random start; an image's start depends on this and on
            its number alone, not on its batch.
    """

    eps: float = 1.
    step: float = 1.
    steps: int = 1
    random_start: bool = False
    seed: int = 0


ATTACKS = dict(
    fgsm=Attack(),
    pgd=Attack(step=.5, steps=5, random_start=True))


def start_noise(shape: tuple[int, ...], numbers: list[int],
                seed: int) -> Tensor:
    """Uniform noise in -1..1, drawn for each image by its number.

    Args:
        shape: (C, H, W).
        numbers: Of the images.
        seed: Of the attack.

    Returns:
        Tensor: (B, C, H, W), on the CPU, so that every device has the same.
    """
    # Torch's generator reads only 32 bits of a seed; numpy mixes both numbers.
    noise = [np.random.default_rng((seed, number)).uniform(-1, 1, shape)
             for number in numbers]
    return torch.from_numpy(np.stack(noise)).float()


@torch.enable_grad()
def attacked(logits: Callable[[Tensor], Tensor], images: Tensor,
             labels: Tensor, attack: Attack, mean: Tensor, std: Tensor,
             noise: Tensor | None = None) -> Tensor:
    """Change images so that the loss of their labels grows.

    Args:
        logits: The classifier in eval mode, (B, C, H, W) -> (B, classes).
        images: (B, C, H, W), normalised.
        labels: (B, ) int64.
        attack: The settings.
        mean, std: (C, 1, 1), of the normalisation, in levels.
        noise: (B, C, H, W) in -1..1, of the random start.

    Returns:
        Tensor: (B, C, H, W), normalised; within ``eps`` of ``images`` and
        within 0..255.
    """
    images = images.detach()
    reach, step = attack.eps / std, attack.step / std
    low = torch.maximum(images - reach, (0 - mean) / std)
    high = torch.minimum(images + reach, (255 - mean) / std)
    changed = images
    if attack.random_start:
        changed = (images + noise * reach).clamp(low, high)
    for _ in range(attack.steps):
        changed = changed.requires_grad_()
        loss = F.cross_entropy(logits(changed).float(), labels)
        gradient, = torch.autograd.grad(loss, changed)
        changed = (changed.detach() + step * gradient.sign()).clamp(low, high)
    return changed.detach()
