"""The frozen language-model block, on torch and safetensors alone."""

from .checkpoint import Blocks, read_blocks
from .controls import MLPLayer
from .data_parallel import ignore_in_ddp
from .errors import (BlockMismatchError, CheckpointError,
                     CheckpointNotFoundError)
from .families import FAMILIES, Family
from .geometry import BlockGeometry
from .identity import BlockIdentity, digest
from .layer import FrozenLLMLayer

__all__ = [
    'FAMILIES', 'BlockGeometry', 'BlockIdentity', 'BlockMismatchError',
    'Blocks', 'CheckpointError', 'CheckpointNotFoundError', 'Family',
    'FrozenLLMLayer', 'MLPLayer', 'digest', 'ignore_in_ddp', 'read_blocks'
]
