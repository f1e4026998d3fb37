"""Builds the block of a geometry, and chooses its runner."""

from collections.abc import Mapping

from torch import Tensor, nn

from ..lora import LoRA
from ..shortcuts.run import BlockRunner
from .foreign_block import ForeignBlock
from .foreign_geometry import ForeignGeometry
from .foreign_runner import ForeignRunner
from .geometry import BlockGeometry
from .transformer_block import TransformerBlock


def build_block(geometry: BlockGeometry | ForeignGeometry,
                tensors: Mapping[str, Tensor], trainable: bool,
                lora: LoRA | None) -> nn.Module:
    """The block of a geometry, see :class:`TransformerBlock`."""
    if isinstance(geometry, ForeignGeometry):
        return ForeignBlock(geometry, tensors, trainable)
    return TransformerBlock(geometry, tensors, trainable, lora)


def runner_class(
        geometry: BlockGeometry | ForeignGeometry) -> type[BlockRunner]:
    """The class that runs such a block."""
    if isinstance(geometry, ForeignGeometry):
        return ForeignRunner
    return BlockRunner
