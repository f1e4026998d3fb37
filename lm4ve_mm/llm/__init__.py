"""The frozen language-model block, on torch and safetensors alone."""

from .block.geometry import BlockGeometry
from .data_parallel import ignore_in_ddp
from .errors import (
    BlockMismatchError,
    CheckpointError,
    CheckpointNotFoundError,
)
from .layer import FrozenLLMLayer
from .mlp_control import MLPLayer
from .no_layer import NoLayer
from .weights.families import FAMILIES, Family, register_family
from .weights.identity import BlockIdentity, digest
from .weights.read import Blocks, read_blocks

__all__ = [
    'FAMILIES', 'BlockGeometry', 'BlockIdentity', 'BlockMismatchError',
    'Blocks', 'CheckpointError', 'CheckpointNotFoundError', 'Family',
    'FrozenLLMLayer', 'MLPLayer', 'NoLayer', 'digest', 'ignore_in_ddp',
    'read_blocks', 'register_family'
]
