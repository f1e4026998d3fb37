"""The frozen language-model block, on torch and safetensors alone."""

from .weights.read import Blocks, read_blocks
from .mlp_control import MLPLayer
from .data_parallel import ignore_in_ddp
from .errors import (BlockMismatchError, CheckpointError,
                     CheckpointNotFoundError)
from .weights.families import FAMILIES, Family, register_family
from .block.geometry import BlockGeometry
from .weights.identity import BlockIdentity, digest
from .layer import FrozenLLMLayer

__all__ = [
    'FAMILIES', 'BlockGeometry', 'BlockIdentity', 'BlockMismatchError',
    'Blocks', 'CheckpointError', 'CheckpointNotFoundError', 'Family',
    'FrozenLLMLayer', 'MLPLayer', 'digest', 'ignore_in_ddp', 'read_blocks',
    'register_family'
]
