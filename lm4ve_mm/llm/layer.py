"""The layer that a host inserts: map in, frozen blocks, norm, map out."""

from typing import Any, Mapping, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from .block.transformer_block import TransformerBlock
from .shortcuts.fold_cache import FoldCache
from .verified_layer import GuardedLayer
from .weights.load import (FINAL_NORMS, INITS, build_final_norm, load,
                           rope_theta)
from .lora import LoRA, read_lora
from .maps import build_maps
from .shortcuts.run import (SHORTCUTS, Plan, can_absorb, choose_plans,
                            describe_call, run_blocks)
from .block.rotary import rotary_phase
from .block.tokens import Keep, check_tokens, normalise_keep, take

RESIDUALS = ('none', 'in', 'out', 'hybrid')


def _choose(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(
            f'{name}={value!r} is unknown; known: {", ".join(known)}')
    return value


class FrozenLLMLayer(GuardedLayer):
    """Frozen language-model blocks between two trainable linear maps.

    ``z' = F_L2(F_LM(F_L1(z)))`` of arXiv 2310.12973, section 3. The defaults
    are those of the paper's code: no rotary phase, no causal mask, a final
    norm of weight one, maps without bias, no residual around the layer.

    Args:
        embed_dims: Width C of the host's tokens.
        checkpoint: Where the language model lies, see
            :func:`lm4ve_mm.llm.weights.read.read_blocks`. With
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
        attention: False leaves attention out of the blocks, so that each
            token is mapped by itself.
        map_bias: Whether the maps have a bias.
        map_init: A key of :data:`lm4ve_mm.llm.maps.MAP_INITS`.
        norm_in: Whether a trained LayerNorm stands before the map in.
        norm_out: Whether one stands behind the map out.
        residual: ``'in'`` adds the mapped input to the blocks' output,
            ``'out'`` the layer's input to its output, ``'hybrid'`` both
            (arXiv 2403.17343).
        gate: Whether the output's sigmoid multiplies the layer's input,
            instead of being passed on; with ``residual='out'``,
            ``z' = z * sigmoid(F(z)) + z``.
        lora: ``dict(rank=4, targets=('attn.q', 'attn.v'), alpha=4)``:
            low-rank updates of the block's frozen linear maps, and of
            ``map_in`` and ``map_out``, whose weights are then drawn by
            ``seed`` and frozen. Only the updates are trained and saved.
        shortcut: How the same function is computed, up to rounding:
            ``'fold'``: the projections are multiplied with the map in first;
            ``'absorb'``: keys and values of the last block are not formed;
            ``'fold_absorb'``; ``'off'``; ``'auto'``: what costs least, see
            :mod:`.shortcuts.plans`.
        with_cp: Whether to recompute the blocks in the backward pass instead
            of keeping their activations.
        seed: Seed of a random block, and of maps under LoRA.
        file_sha256: If given, what the weights file must hash to.
        obtain: Command that gets the checkpoint, shown when it is missing;
            ``{checkpoint}`` in it stands for the path.

    Attributes:
        identity (BlockIdentity): Which blocks were built in.
        geometry (BlockGeometry): Their shape.

    Raises:
        CheckpointNotFoundError: If the checkpoint is absent.
        CheckpointError: If it cannot give the blocks.
        ValueError: If a keyword has an unknown value, or two exclude each
            other.
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
                 attention: bool = True,
                 map_bias: bool = False,
                 map_init: str = 'trunc_normal',
                 norm_in: bool = False,
                 norm_out: bool = False,
                 residual: str = 'none',
                 gate: bool = False,
                 lora: Optional[Mapping[str, Any]] = None,
                 shortcut: str = 'auto',
                 with_cp: bool = False,
                 seed: int = 0,
                 file_sha256: Optional[str] = None,
                 obtain: Optional[str] = None) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.trainable = trainable
        self.causal = causal
        self.attention = attention
        self.gate = gate
        self.with_cp = with_cp
        self.residual = _choose('residual', residual, RESIDUALS)
        self.shortcut = _choose('shortcut', shortcut, tuple(SHORTCUTS))
        _choose('final_norm', final_norm, FINAL_NORMS)
        _choose('init', init, INITS)
        blocks = load(init, checkpoint, layers, geometry, dtype, seed,
                      file_sha256, obtain)
        self.geometry = blocks.geometry
        self.rope_theta = rope_theta(blocks.geometry) if rope else None
        self._check_shortcut()
        updates = read_lora(lora, tuple(blocks.geometry.linear_shapes()))
        if trainable and updates is not None:
            raise ValueError('lora goes with a frozen block: leave out either '
                             'lora or trainable=True')
        self._check_attention(updates)
        self.map_in, self.map_out = build_maps(
            embed_dims, blocks.geometry.width, map_bias, map_init, updates,
            seed)
        self.norm_in = nn.LayerNorm(embed_dims) if norm_in else nn.Identity()
        self.norm_out = nn.LayerNorm(embed_dims) if norm_out else nn.Identity()
        self.blocks = nn.ModuleList(
            TransformerBlock(blocks.geometry, tensors, trainable, updates)
            for tensors in blocks.tensors)
        self.final_norm = build_final_norm(blocks, final_norm, trainable)
        self.norm_loaded = final_norm == 'loaded'
        self._cache = FoldCache()
        self.seal(blocks, checkpoint=checkpoint, dtype=dtype)

    def _check_shortcut(self) -> None:
        """Refuse a forced shortcut that does not hold for these blocks."""
        forced = SHORTCUTS[self.shortcut]
        absorbs = can_absorb(self.geometry, self.rope_theta is not None)
        if forced is not None and forced.absorb and not absorbs:
            raise ValueError(
                f'shortcut={self.shortcut!r} does not hold with a rotary '
                "phase or norms of keys; use 'auto', 'fold' or 'off'")

    def _check_attention(self, updates: Optional[LoRA]) -> None:
        """Refuse keywords that would do nothing without attention."""
        if self.attention:
            return
        idle = [
            text for text, given in (
                ('rope=True', self.rope_theta is not None),
                ('causal=True', self.causal),
                # Its attention would be saved and never trained.
                ('trainable=True', self.trainable)) if given
        ]
        if updates is not None:
            idle += [f'lora on {target}' for target in updates.targets
                     if target.startswith('attn.')]
        if idle:
            raise ValueError(
                f'attention=False leaves nothing for {", ".join(idle)} to '
                'act on: take it out, or attention=False')

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
        keep = normalise_keep(keep, tokens.shape[1], tokens.device)
        fed = self.norm_in(tokens)
        if self.with_cp and self.training and torch.is_grad_enabled():
            x = recompute(
                self._run, fed, key_padding_mask, keep, use_reentrant=False,
                preserve_rng_state=False)  # nothing in it is random
        else:
            x = self._run(fed, key_padding_mask, keep)
        out = self.norm_out(self.map_out(x))  # (B, kept, embed_dims)
        if self.gate:
            out = take(tokens, keep) * out.sigmoid()
        if self.residual in ('out', 'hybrid'):
            out = out + take(tokens, keep)
        return out

    def _run(self, tokens: Tensor, key_padding_mask: Optional[Tensor],
             keep: Optional[Keep]) -> Tensor:
        """All that is in the blocks' width: (B, N, C) -> (B, kept, D)."""
        if self.attention:
            plans, cache = self._plan(tokens, keep)
            x = run_blocks(self.blocks, self.map_in, tokens, key_padding_mask,
                           self.causal, keep, self._phase(tokens), plans,
                           cache)
        else:
            x = self.map_in(take(tokens, keep))
            for block in self.blocks:
                x = block.finish(x, None)
        if self.final_norm is not None:
            x = self.final_norm(x)
        if self.residual in ('in', 'hybrid'):
            x = x + self.map_in(take(tokens, keep))
        return x

    def _plan(
        self, tokens: Tensor, keep: Optional[Keep]
    ) -> Tuple[Tuple[Plan, Plan], Optional[FoldCache]]:
        """How this call is computed, and whether products may be kept."""
        backward = torch.is_grad_enabled()
        # A compiled graph cannot look whether a weight has changed.
        keeps = not (backward or self.training or self.trainable
                     or torch.compiler.is_compiling())
        absorbs = can_absorb(self.geometry, self.rope_theta is not None)
        plans = choose_plans(self.shortcut, self.geometry, absorbs,
                             describe_call(tokens, keep, backward, keeps),
                             len(self.blocks))
        return plans, self._cache if keeps else None

    def _phase(self, tokens: Tensor) -> Optional[Tensor]:
        """Rotary phase (2, N, rope_dims), or None."""
        if self.rope_theta is None:
            return None
        geometry = self.geometry
        return rotary_phase(tokens.shape[1], geometry.rope_dims,
                            self.rope_theta, tokens, geometry.rope_factor,
                            geometry.rope_bands)

    def train(self, mode: bool = True) -> 'FrozenLLMLayer':
        """Switch the mode; kept products of weights are dropped."""
        self._cache.drop()
        return super().train(mode)

    def extra_repr(self) -> str:
        """The block's identity and what departs from the defaults."""
        state = 'trained' if self.trainable else 'frozen'
        return (f'{state}: {self.identity}, rope={self.rope_theta is not None}'
                f', causal={self.causal}, residual={self.residual!r}, '
                f'shortcut={self.shortcut!r}')
