"""Writes chosen blocks into a small file of their own."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from .block_file import flatten_parts, make_metadata, write_block_file
from .blocks import Blocks
from .read import read_blocks


def pack(blocks: Blocks) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a block file, see :mod:`.block_file`."""
    parts = {
        str(layer): tensors
        for layer, tensors in zip(blocks.layers, blocks.tensors, strict=True)
    }
    if blocks.final_norm is not None:
        parts['final_norm'] = blocks.final_norm
    metadata = make_metadata(blocks.family, blocks.source, blocks.layers,
                             blocks.num_layers, blocks.geometry.to_dict(),
                             blocks.dtype, parts)
    return metadata, flatten_parts(parts)


def extract_blocks(checkpoint: str,
                   out: Path,
                   layers: Sequence[int] = (-1, ),
                   dtype: str = 'auto') -> Blocks:
    """Read blocks out of a checkpoint and write them to a file.

    Args:
        checkpoint: As in :func:`lm4ve_mm.llm.read_blocks`.
        out: The ``.safetensors`` file to write.
        layers: Which blocks.
        dtype: In which type to store them.

    Returns:
        Blocks: What was written.

    Raises:
        ValueError: If ``out`` does not end in ``.safetensors``.
        CheckpointError: If the checkpoint cannot give the blocks.
    """
    if out.suffix != '.safetensors':
        raise ValueError(f'{out} should end in .safetensors')
    blocks = read_blocks(checkpoint, layers, dtype)
    metadata, tensors = pack(blocks)
    write_block_file(out, metadata, tensors)
    return blocks
