"""Random blocks, the control that shows what pretraining contributes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..block.geometry import BlockGeometry
from .blocks import Blocks

_STD = 0.02


def _random_tensors(geometry: BlockGeometry,
                    generator: torch.Generator) -> dict[str, Tensor]:
    """Norm weights one, biases zero, the rest truncated normal 0.02.

    That is what upstream's image code leaves in a block without a
    checkpoint. The cut-off at two standard deviations is done by clamping
    draws of a private generator, which does not disturb the global one.
    """
    tensors = {}
    for name, shape in geometry.tensor_shapes().items():
        if name.endswith('.bias'):
            tensors[name] = torch.zeros(shape)
        elif '_norm.' in name:
            # Stored so that the norm multiplies by one (Gemma adds one).
            tensors[name] = torch.full(shape, 1.0 - geometry.norm_offset)
        else:
            tensors[name] = torch.nn.init.trunc_normal_(
                torch.empty(shape), std=_STD, generator=generator)
    return tensors


def random_blocks(geometry: BlockGeometry,
                  count: int,
                  seed: int,
                  layers: Sequence[int] = ()) -> Blocks:
    """Blocks of random weights, reproducible from a seed.

    A frozen random block is not in the checkpoint either; the same geometry
    and seed give the same block, and its digest is compared like any other.

    Args:
        geometry: Shape of each block.
        count: How many.
        seed: Seed of the draw.
        layers: Indices to name them by; 0, 1, ... by default.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = [_random_tensors(geometry, generator) for _ in range(count)]
    return Blocks(
        family='random',
        source=f'seed {seed}',
        layers=tuple(layers) or tuple(range(count)),
        num_layers=count,
        geometry=geometry,
        tensors=tensors,
        final_norm=None)
