"""The layer that a host inserts: map in, frozen blocks, norm, map out."""

from typing import Any, Dict, Mapping, Optional, Sequence, Union

import torch
from torch import Tensor, nn

from .block import TransformerBlock, build_norm, take
from .checkpoint import Blocks, read_blocks, read_geometry, store_as
from .errors import BlockMismatchError, CheckpointError
from .geometry import BlockGeometry
from .identity import BlockIdentity, digest
from .locate import resolve
from .maps import build_maps
from .random_block import random_blocks
from .rotary import rotary_phase
from .shortcut import SHORTCUTS, absorbed_block, absorbing_pays, can_absorb
from .tokens import Keep, attention_mask, check_tokens, normalise_keep

INITS = ('pretrained', 'random')
FINAL_NORMS = ('ones', 'loaded', 'none')
RESIDUALS = ('none', 'in', 'out', 'hybrid')
IDENTITY_KEY = 'block_identity'


def _choose(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(
            f'{name}={value!r} is unknown; known: {", ".join(known)}')
    return value


class FrozenLLMLayer(nn.Module):
    """Frozen language-model blocks between two trainable linear maps.

    ``z' = F_L2(F_LM(F_L1(z)))`` of arXiv 2310.12973, section 3. The defaults
    are those of the paper's code: no rotary phase, no causal mask, a final
    norm of weight one, maps without bias, no residual around the layer.

    Args:
        embed_dims: Width C of the host's tokens.
        checkpoint: Where the language model lies, see
            :func:`lm4ve_mm.llm.checkpoint.read_blocks`. With
            ``init='random'`` only its configuration is read.
        layers: Which of its blocks, in order; -1 is the last.
        init: ``'pretrained'``, or ``'random'`` for the control.
        geometry: Instead of ``checkpoint`` for a random block: fields of
            :class:`BlockGeometry`.
        trainable: Whether the blocks are trained too (and then saved).
        dtype: Storage type of frozen blocks: ``'auto'`` is the checkpoint's.
        final_norm: ``'ones'``: the family's norm with weight one, as the
            paper's code has it (none where the family has none);
            ``'loaded'``: with its own weight; ``'none'``.
        rope: Whether to turn queries and keys by positions 0..N-1.
        causal: Whether a token sees only itself and earlier ones.
        map_bias: Whether the maps have a bias.
        map_init: A key of :data:`lm4ve_mm.llm.maps.MAP_INITS`.
        residual: ``'in'`` adds the mapped input to the blocks' output,
            ``'out'`` the layer's input to its output, ``'hybrid'`` both
            (arXiv 2403.17343).
        shortcut: ``'absorb'`` computes the attention of a few kept tokens
            without forming keys and values, the same function up to
            rounding, see :mod:`.shortcut`; ``'off'`` never; ``'auto'`` where
            it costs less. It exists for one block without rotary phase and
            without norms of keys.
        seed: Seed of a random block.
        file_sha256: If given, what the weights file must hash to.
        obtain: Command that gets the checkpoint, shown when it is missing;
            ``{checkpoint}`` in it stands for the path.

    Attributes:
        identity (BlockIdentity): Which blocks were built in.
        geometry (BlockGeometry): Their shape.

    Raises:
        CheckpointNotFoundError: If the checkpoint is absent.
        CheckpointError: If it cannot give the blocks.
        ValueError: If a keyword has an unknown value.
    """

    def __init__(self,
                 embed_dims: int,
                 checkpoint: Optional[str] = None,
                 layers: Sequence[int] = (-1, ),
                 *,
                 init: str = 'pretrained',
                 geometry: Optional[Mapping[str, Any]] = None,
                 trainable: bool = False,
                 dtype: str = 'auto',
                 final_norm: str = 'ones',
                 rope: bool = False,
                 causal: bool = False,
                 map_bias: bool = False,
                 map_init: str = 'trunc_normal',
                 residual: str = 'none',
                 shortcut: str = 'auto',
                 seed: int = 0,
                 file_sha256: Optional[str] = None,
                 obtain: Optional[str] = None) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.trainable = trainable
        self.causal = causal
        self.residual = _choose('residual', residual, RESIDUALS)
        _choose('final_norm', final_norm, FINAL_NORMS)
        if _choose('init', init, INITS) == 'random':
            blocks = store_as(
                _random(checkpoint, layers, geometry, seed, obtain), dtype)
        else:
            if checkpoint is None or geometry is not None:
                raise ValueError(
                    "init='pretrained' takes a checkpoint and no geometry, "
                    f'got checkpoint={checkpoint!r}, geometry={geometry!r}; '
                    "a random block wants init='random'")
            blocks = read_blocks(checkpoint, layers, dtype, file_sha256,
                                 obtain)
        self.geometry = blocks.geometry
        self.rope_theta = _rope_theta(blocks.geometry) if rope else None
        self.shortcut = _choose('shortcut', shortcut, SHORTCUTS)
        self._absorbs = (len(blocks.tensors) == 1 and not rope
                         and can_absorb(blocks.geometry))
        if shortcut == 'absorb' and not self._absorbs:
            raise ValueError(
                "shortcut='absorb' takes one block without rotary phase and "
                "without norms of keys; use 'auto' or 'off'")
        self.map_in, self.map_out = build_maps(
            embed_dims, blocks.geometry.width, map_bias, map_init)
        self.blocks = nn.ModuleList(
            TransformerBlock(blocks.geometry, tensors, trainable)
            for tensors in blocks.tensors)
        self.final_norm = _final_norm(blocks, final_norm, trainable)

        self.norm_loaded = final_norm == 'loaded'
        self.identity = BlockIdentity(blocks.family, blocks.source,
                                      blocks.layers, blocks.dtype,
                                      self.digest())
        self._norm_digest = self._digest_norm()
        self._origin = dict(checkpoint=checkpoint, dtype=dtype)
        if not trainable:
            # Bytes in the state dict, checked wherever weights are loaded.
            self.register_buffer(IDENTITY_KEY, self.identity.to_tensor())

    def forward(self,
                tokens: Tensor,
                key_padding_mask: Optional[Tensor] = None,
                keep: Union[None, Keep, Sequence[int]] = None) -> Tensor:
        """Run the layer; compute only what is wanted of the last block.

        Args:
            tokens: (B, N, embed_dims).
            key_padding_mask: (B, N) bool, True = padding, which nobody looks
                at; or None.
            keep: Indices or slice of the tokens whose output is wanted; None
                means all. The result equals slicing the full output.

        Returns:
            Tensor: (B, N, embed_dims), or (B, kept, embed_dims).

        Raises:
            ValueError: If tokens or mask have a wrong shape.
            IndexError: If ``keep`` names a token that there is not.
        """
        check_tokens(tokens, self.embed_dims, key_padding_mask)
        count, device = tokens.shape[1], tokens.device
        keep = normalise_keep(keep, count, device)
        if self._takes_shortcut(tokens, keep):
            mask = attention_mask(key_padding_mask, self.causal, keep, count,
                                  device)
            x = absorbed_block(self.blocks[0], tokens, self.map_in, keep, mask)
        else:
            x = self._run_blocks(tokens, key_padding_mask, keep)
        if self.final_norm is not None:
            x = self.final_norm(x)
        if self.residual in ('in', 'hybrid'):
            x = x + self.map_in(take(tokens, keep))
        x = self.map_out(x)  # (B, kept, embed_dims)
        if self.residual in ('out', 'hybrid'):
            x = x + take(tokens, keep)
        return x

    def _takes_shortcut(self, tokens: Tensor, keep: Optional[Keep]) -> bool:
        """Whether this call goes by :func:`absorbed_block`."""
        if keep is None or not self._absorbs or self.shortcut == 'off':
            return False
        if self.shortcut == 'absorb':
            return True
        batch, count, width = tokens.shape
        kept = len(range(*keep.indices(count))) if isinstance(
            keep, slice) else len(keep)
        return absorbing_pays(self.geometry, width, batch, count, kept)

    def _run_blocks(self, tokens: Tensor, key_padding_mask: Optional[Tensor],
                    keep: Optional[Keep]) -> Tensor:
        """Map in and run every block; only the last one skips tokens."""
        count, device = tokens.shape[1], tokens.device
        phase = None
        if self.rope_theta is not None:
            phase = rotary_phase(count, self.geometry.rope_dims,
                                 self.rope_theta, tokens,
                                 self.geometry.rope_factor,
                                 self.geometry.rope_bands)
        x = self.map_in(tokens)  # (B, N, width)
        last = len(self.blocks) - 1
        for index, block in enumerate(self.blocks):
            wanted = keep if index == last else None
            mask = attention_mask(key_padding_mask, self.causal, wanted, count,
                                  device)
            x = block(x, mask, wanted, phase)
        return x

    def block_tensors(self) -> list:
        """One dict of name -> tensor per block, and the loaded final norm."""
        held = [block.tensors() for block in self.blocks]
        if self.norm_loaded:
            held.append(
                {f'final_norm.{k}': v
                 for k, v in self.final_norm.named_buffers()})
        return held

    def digest(self) -> str:
        """sha256 of the blocks as they are in memory now."""
        return digest(self.block_tensors())

    def _digest_norm(self) -> str:
        """sha256 of the final norm, which the identity has when loaded."""
        norm = self.final_norm
        return digest([] if norm is None else [dict(norm.named_buffers())])

    def describe(self) -> dict:
        """Plain values for a checkpoint's metadata: which block, from where.

        Returns:
            dict: The identity, the configured ``checkpoint`` and ``dtype``,
            whether the block is ``trainable``.
        """
        return dict(
            identity=self.identity.to_dict(),
            trainable=self.trainable,
            **self._origin)

    def check_digest(self) -> None:
        """Compare the blocks in memory with those that were read.

        Raises:
            BlockMismatchError: If they differ.
        """
        if self.trainable:
            return
        found = self.digest()
        whole = found == self.identity.sha256
        if not whole or self._digest_norm() != self._norm_digest:
            raise BlockMismatchError(
                f'The frozen weights have changed: read was {self.identity}, '
                f'in memory is sha256 {found[:16]}. Something wrote into them '
                'or changed their type (model.half(), an initialiser, an '
                "optimiser); store them in another type with dtype='float16' "
                'instead')

    def frozen_tensors(self) -> Dict[str, Tensor]:
        """Every tensor that is not trained, by its name in this layer."""
        return {
            name: tensor
            for name, tensor in self.named_buffers() if name != IDENTITY_KEY
        }

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Refuse weights whose maps were trained around another block."""
        stored = state_dict.get(prefix + IDENTITY_KEY)
        trained = [k for k in state_dict if k.startswith(f'{prefix}blocks.')]
        if trained and not self.trainable:
            raise BlockMismatchError(
                f'These weights contain a trained block ({trained[0]}, ...), '
                f'this model holds it frozen: {self.identity}. Set '
                'trainable=True in its llm config')
        if stored is not None and not self.trainable:
            wanted = BlockIdentity.from_tensor(stored)
            if wanted.sha256 != self.identity.sha256:
                raise BlockMismatchError(
                    f'These weights were trained with {wanted}; this model '
                    f'holds {self.identity}. Point the config at the block '
                    'that is wanted (its llm.checkpoint, llm.layers and '
                    'llm.dtype)')
            # Source names may differ in length; ours stays.
            state_dict = {**state_dict}
            state_dict[prefix + IDENTITY_KEY] = getattr(self, IDENTITY_KEY)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        """The block's identity and what departs from the defaults."""
        state = 'trained' if self.trainable else 'frozen'
        return (f'{state}: {self.identity}, rope={self.rope_theta is not None}'
                f', causal={self.causal}, residual={self.residual!r}')


def _random(checkpoint: Optional[str], layers: Sequence[int],
            geometry: Optional[Mapping[str, Any]], seed: int,
            obtain: Optional[str]) -> Blocks:
    """Random blocks of a given geometry, or of a checkpoint's."""
    if (checkpoint is None) == (geometry is None):
        raise ValueError(
            "init='random' takes either a geometry or a checkpoint whose "
            f'configuration gives it, got checkpoint={checkpoint!r}, '
            f'geometry={geometry!r}')
    if geometry is not None:
        shape = BlockGeometry.from_dict(geometry)
        return random_blocks(shape, len(layers), seed)
    _, shape, _, indices = read_geometry(resolve(checkpoint, obtain), layers)
    return random_blocks(shape, len(indices), seed, indices)


def _rope_theta(geometry: BlockGeometry) -> float:
    if geometry.rope_theta is None:
        raise ValueError(
            'rope=True, but the chosen layers have no rotary phase that we '
            'can compute: none at all, another kind of position (alibi, '
            'learned), a rescaled phase other than linear or llama3, or one '
            'that differs from layer to layer; set rope=False')
    return geometry.rope_theta


def _final_norm(blocks: Blocks, policy: str,
                trainable: bool) -> Optional[nn.Module]:
    """The norm after the last block, by policy."""
    geometry = blocks.geometry
    if policy == 'loaded':
        if blocks.final_norm is None:
            raise CheckpointError(
                f"final_norm='loaded', but {blocks.source!r} holds no final "
                "norm; use 'ones' or 'none'")
        return build_norm(geometry, blocks.final_norm, trainable)
    if policy == 'none' or not geometry.final_norm:
        return None
    # What is stored when the norm's own weight is one and its bias zero.
    plain = dict(weight=1.0 - geometry.norm_offset, bias=0.0)
    tensors = {}
    for name, shape in geometry.norm_shapes('final_norm').items():
        part = name.rpartition('.')[2]
        tensors[part] = torch.full(shape, plain[part])
    return build_norm(geometry, tensors, trainable)
