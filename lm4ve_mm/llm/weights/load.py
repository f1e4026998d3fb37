"""The blocks that a layer's keywords ask for, read or drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..block.foreign_geometry import ForeignGeometry
from ..block.geometry import BlockGeometry
from ..block.norms import build_norm, plain_norm
from ..errors import CheckpointError
from .blocks import Blocks, store_as
from .random_block import random_blocks
from .read import read_blocks, read_geometry

INITS = ('pretrained', 'random')
FINAL_NORMS = ('ones', 'loaded', 'none')


def load(init: str, checkpoint: str | None, layers: Sequence[int],
         geometry: Mapping[str, Any] | None, dtype: str, seed: int,
         file_sha256: str | None, obtain: str | None) -> Blocks:
    """Read or draw blocks; keywords as in :class:`.layer.FrozenLLMLayer`.

    Raises:
        CheckpointNotFoundError: If the checkpoint is absent.
        CheckpointError: If it cannot give the blocks.
        ValueError: If keywords contradict each other.
    """
    if init == 'random':
        return store_as(
            _random(checkpoint, layers, geometry, seed, obtain), dtype)
    if checkpoint is None or geometry is not None:
        raise ValueError(
            "init='pretrained' takes a checkpoint and no geometry, got "
            f'checkpoint={checkpoint!r}, geometry={geometry!r}; a random '
            "block wants init='random'")
    return read_blocks(checkpoint, layers, dtype, file_sha256, obtain)


def _random(checkpoint: str | None, layers: Sequence[int],
            geometry: Mapping[str, Any] | None, seed: int,
            obtain: str | None) -> Blocks:
    """Random blocks of a given geometry, or of a checkpoint's."""
    if (checkpoint is None) == (geometry is None):
        raise ValueError(
            "init='random' takes either a geometry or a checkpoint whose "
            f'configuration gives it, got checkpoint={checkpoint!r}, '
            f'geometry={geometry!r}')
    if geometry is not None:
        shape = BlockGeometry.from_dict(geometry)
        return random_blocks(shape, len(layers), seed)
    chosen = read_geometry(str(checkpoint), layers, obtain)
    if isinstance(chosen.geometry, ForeignGeometry):
        raise CheckpointError(
            f"init='random': {checkpoint!r} is of a family without an entry "
            'in our table, whose initialisation is not known; give a '
            'geometry, or a checkpoint of a family that has one')
    return random_blocks(chosen.geometry, len(chosen.indices), seed,
                         chosen.indices)


def rope_theta(geometry: BlockGeometry) -> float:
    """Base of the rotary phase of these blocks.

    Raises:
        ValueError: If they have none that can be computed.
    """
    if geometry.rope_theta is None:
        raise ValueError(
            'rope=True, but the chosen layers have no rotary phase that we '
            'can compute: none at all, another kind of position (alibi, '
            'learned), a rescaled phase other than linear or llama3, or one '
            'that differs from layer to layer; set rope=False')
    return geometry.rope_theta


def build_final_norm(blocks: Blocks, policy: str,
                     trainable: bool) -> nn.Module | None:
    """The norm after the last block, by policy.

    Raises:
        CheckpointError: If it should be loaded, but the checkpoint has none.
    """
    geometry = blocks.geometry
    if policy == 'loaded':
        if blocks.final_norm is None:
            raise CheckpointError(
                f"final_norm='loaded', but {blocks.source!r} holds no final "
                "norm; use 'ones' or 'none'")
        return build_norm(geometry, blocks.final_norm, trainable)
    if policy == 'none' or not geometry.final_norm:
        return None
    return build_norm(geometry, plain_norm(geometry), trainable)
