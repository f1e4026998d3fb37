"""Turns a training checkpoint into one to give away."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from lm4ve_mm.llm import BlockMismatchError, CheckpointError, read_blocks
from lm4ve_mm.llm.weights.block_file import PUBLISHED_KEY
from lm4ve_mm.llm.weights.extract import pack
from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.models import META_KEY

EMA_KEY = 'ema_state_dict'
EMA_PREFIX = 'module.'
# Set by lm4ve_mm.RawEvalEMAHook: state_dict is the raw model there.
EMA_MARK = 'raw_eval_ema'


def _block_payload(meta: dict, checkpoint: str | None) -> dict:
    """Read the block that the weights were trained with.

    Raises:
        CheckpointError: If there is none to add, or more than one.
        BlockMismatchError: If what is found is not that block.
    """
    described = list((meta.get(META_KEY) or {}).values())
    digests = {held['identity']['sha256'] for held in described}
    if len(digests) != 1 or described[0]['trainable']:
        raise CheckpointError(
            f'--with-llm adds one frozen block; this checkpoint names '
            f'{len(digests)}'
            f'{", trained and saved already" if described else ""}')
    identity = described[0]['identity']
    if identity['family'] == 'random':
        raise CheckpointError(
            f'the block is random ({identity["source"]}) and is drawn again '
            'from its seed: there is nothing to add')
    blocks = read_blocks(checkpoint or described[0]['checkpoint'],
                         identity['layers'], described[0]['dtype'])
    if blocks.identity().sha256 != identity['sha256']:
        raise BlockMismatchError(
            f'the weights were trained with {identity["source"]!r}, sha256 '
            f'{identity["sha256"][:16]}; found {blocks.identity()}. A block '
            "with final_norm='loaded' cannot be added")
    metadata, tensors = pack(blocks)
    return dict(metadata=metadata, tensors=tensors)


def publish(source: Path,
            out: Path,
            use_ema: bool = False,
            with_llm: bool = False,
            llm_checkpoint: str | None = None) -> Path:
    """Write a checkpoint without what only training needs.

    Optimiser, schedules and log history go; weights and metadata stay.

    Args:
        source: A checkpoint of training.
        out: Where to write; a hash is put before its ending.
        use_ema: Publish the averaged weights instead of the raw ones.
        with_llm: Add the frozen block, so that the file is complete: the
            file itself can then be the config's ``llm.checkpoint``. Mind the
            language model's licence.
        llm_checkpoint: Where the language model lies, if not where it lay
            when the model was trained.

    Returns:
        Path: The file written, ``NAME-<first 8 digits of sha256>.pth``.

    Raises:
        CheckpointError: If the file is no checkpoint of ours, or has no
            average, or no block to add.
        BlockMismatchError: If the block found is another.
    """
    checkpoint = open_torch(source)
    if 'state_dict' not in checkpoint:
        raise CheckpointError(f"{source} has no 'state_dict'; it holds "
                              f'{", ".join(map(str, checkpoint))}')
    meta = dict(checkpoint.get('meta', {}))
    state = checkpoint['state_dict']
    if use_ema:
        if EMA_KEY not in checkpoint:
            raise CheckpointError(f'{source} has no averaged weights')
        if not meta.get(EMA_MARK):
            raise CheckpointError(
                f'{source} was written by mmengine.EMAHook, whose state_dict '
                'is the average already: publish without --ema')
        state = {
            name[len(EMA_PREFIX):]: tensor
            for name, tensor in checkpoint[EMA_KEY].items()
            if name.startswith(EMA_PREFIX)
        }
    published = dict(meta=meta, state_dict=state)
    if with_llm:
        published[PUBLISHED_KEY] = _block_payload(meta, llm_checkpoint)
    return _write(published, out)


def _write(published: dict, out: Path) -> Path:
    """Save under ``NAME-<hash>``; ``out`` itself is never touched."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix='.publish-') as folder:
        temporary = Path(folder) / out.name
        torch.save(published, temporary)
        with temporary.open('rb') as stream:
            sha256 = hashlib.file_digest(stream, 'sha256').hexdigest()
        return temporary.replace(
            out.with_name(f'{out.stem}-{sha256[:8]}{out.suffix}'))
