"""The layer that a host inserts: map in, frozen blocks, norm, map out."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recompute

from .block.build import build_block, runner_class
from .block.recording import is_recording
from .block.tokens import Keep, check_input, take
from .function import layer_function
from .lora import LoRA, read_lora
from .maps import build_maps
from .verified_layer import VerifiedLayer
from .weights.load import (
    FINAL_NORMS,
    INITS,
    build_final_norm,
    load,
    rope_theta,
)

RESIDUALS = ('none', 'in', 'out', 'hybrid')


def _choose(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(
            f'{name}={value!r} is unknown; known: {", ".join(known)}')
    return value


class FrozenLLMLayer(VerifiedLayer):
    """Frozen language-model blocks between two trainable linear maps.

    ``z' = F_L2(F_LM(F_L1(z)))`` of arXiv 2310.12973, section 3. The defaults
    are those of the paper's code: no rotary phase, no causal mask, a final
    norm of weight one, maps without bias, no residual around the layer.

    Args:
        embed_dims: Width C of the host's tokens.
        checkpoint: Where the language model is, see
            :func:`lm4ve_mm.llm.read_blocks`. With ``init='random'`` only its
            configuration is read.
        layers: Which of its blocks, in order; -1 is the last.
        init: ``'pretrained'``, or ``'random'`` for the control.
        geometry: Instead of ``checkpoint`` for a random block: fields of
            :class:`BlockGeometry`.
        trainable: Whether the blocks are trained too (and then saved).
        dtype: Storage type of frozen blocks; ``'auto'`` keeps the
            checkpoint's.
        final_norm: ``'ones'``: the family's norm with weight one, as the
            paper's code has it (none where the family has none);
            ``'loaded'``: with its own weight; ``'none'``.
        rope: Whether queries and keys get the rotary phase of positions
            0..N-1.
        causal: Whether a token sees only itself and earlier ones.
        attention: False leaves attention out of the blocks, so that each
            token is mapped by itself.
        map_bias: Whether the maps have a bias.
        map_init: A key of :data:`lm4ve_mm.llm.maps.MAP_INITS`.
        norm_in: Whether a trained LayerNorm comes before the map in.
        norm_out: Whether one comes after the map out.
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
            :mod:`.shortcuts.plans`. It can be set later, too.
        with_cp: Whether to recompute the blocks in the backward pass instead
            of keeping their activations (not under ``torch.func``, which
            cannot).
        seed: Seed of a random block, and of maps under LoRA.
        file_sha256: If given, what the weights file must hash to.
        obtain: Command that gets the checkpoint, shown when it is missing;
            ``{checkpoint}`` in it stands for the path.
        accept_other_function: Whether to load weights that were trained with
            another function around the same blocks (``rope``, ``causal``,
            ...), which is an error otherwise. The log says what differs.

    Attributes:
        identity (BlockIdentity): Which blocks were built in.
        function (dict): What they compute with their weights, as plain
            values.
        geometry (BlockGeometry): Their shape.

    Raises:
        CheckpointNotFoundError: If the checkpoint is absent.
        CheckpointError: If it cannot give the blocks.
        ValueError: If a keyword has an unknown value, or two exclude each
            other.
    """

    def __init__(self,
                 embed_dims: int,
                 checkpoint: str | None = None,
                 layers: Sequence[int] = (-1, ),
                 *,
                 init: str = 'pretrained',
                 geometry: Mapping[str, Any] | None = None,
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
                 lora: Mapping[str, Any] | None = None,
                 shortcut: str = 'auto',
                 with_cp: bool = False,
                 seed: int = 0,
                 file_sha256: str | None = None,
                 obtain: str | None = None,
                 accept_other_function: bool = False) -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.trainable = trainable
        self.gate = gate
        self.with_cp = with_cp
        self.residual = _choose('residual', residual, RESIDUALS)
        _choose('final_norm', final_norm, FINAL_NORMS)
        _choose('init', init, INITS)
        blocks = load(init, checkpoint, layers, geometry, dtype, seed,
                      file_sha256, obtain)
        self.geometry = blocks.geometry
        phase = rope_theta(blocks.geometry) if rope else None
        updates = read_lora(lora, tuple(blocks.geometry.linear_shapes()))
        if trainable and updates is not None:
            raise ValueError('lora goes with a frozen block: leave out either '
                             'lora or trainable=True')
        if not attention:
            _refuse_idle(rope, causal, trainable, updates)
        self.map_in, self.map_out = build_maps(
            embed_dims, blocks.geometry.width, map_bias, map_init, updates,
            seed)
        self.norm_in = nn.LayerNorm(embed_dims) if norm_in else nn.Identity()
        self.norm_out = nn.LayerNorm(embed_dims) if norm_out else nn.Identity()
        self.blocks = nn.ModuleList(
            build_block(blocks.geometry, tensors, trainable, updates)
            for tensors in blocks.tensors)
        self.final_norm = build_final_norm(blocks, final_norm, trainable)
        self.norm_loaded = final_norm == 'loaded'
        self.runner = runner_class(blocks.geometry)(
            self.blocks, self.map_in, shortcut, phase, causal, attention)
        function = layer_function(
            blocks.geometry, 'none' if self.final_norm is None else final_norm,
            len(self.blocks), attention=attention, rope=rope, causal=causal,
            residual=residual, gate=gate, norm_in=norm_in, norm_out=norm_out)
        self.seal(blocks, function, accept_other_function,
                  checkpoint=checkpoint, dtype=dtype)

    @property
    def shortcut(self) -> str:
        """How the function is computed."""
        return self.runner.shortcut

    @shortcut.setter
    def shortcut(self, shortcut: str) -> None:
        self.runner.shortcut = shortcut

    def forward(self,
                tokens: Tensor,
                key_padding_mask: Tensor | None = None,
                keep: Keep | Sequence[int] | None = None) -> Tensor:
        """Run the layer; of the last block compute the kept tokens alone.

        Args:
            tokens: (B, N, embed_dims).
            key_padding_mask: (B, N) bool, True = padding, which no token
                looks at; or None.
            keep: Indices or slice of the tokens whose output is wanted; None
                means all. The result equals slicing the full output.

        Returns:
            Tensor: (B, N, embed_dims), or (B, kept, embed_dims).

        Raises:
            ValueError: If tokens or mask have a wrong shape.
            IndexError: If ``keep`` names a token that does not exist.
        """
        keep = check_input(tokens, key_padding_mask, keep, self.embed_dims)
        fed = self.norm_in(tokens)
        if self.with_cp and self.training and torch.is_grad_enabled() and (
                torch.compiler.is_compiling() or not is_recording()):
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

    def _run(self, tokens: Tensor, key_padding_mask: Tensor | None,
             keep: Keep | None) -> Tensor:
        """Everything in the blocks' width: (B, N, C) -> (B, kept, D)."""
        if (self.runner.blocks is not self.blocks
                or self.runner.map_in is not self.map_in):
            # Someone has replaced a module, or this is one of DataParallel's
            # replicas.
            self.runner = self.runner.around(self.blocks, self.map_in)
        x = self.runner(tokens, key_padding_mask, keep,
                        reuse=not (self.training or self.trainable))
        if self.final_norm is not None:
            x = self.final_norm(x)
        if self.residual in ('in', 'hybrid'):
            x = x + self.map_in(take(tokens, keep))
        return x

    def train(self, mode: bool = True) -> 'FrozenLLMLayer':
        """Switch the mode; kept products of weights are dropped."""
        self.runner.cache.drop()
        return super().train(mode)

    def extra_repr(self) -> str:
        """The block's identity and the most important keywords."""
        state = 'trained' if self.trainable else 'frozen'
        keywords = ', '.join(f'{key}={self.function[key]!r}'
                             for key in ('rope', 'causal', 'residual'))
        return (f'{state}: {self.identity}, {keywords}, '
                f'shortcut={self.shortcut!r}')


def _refuse_idle(rope: bool, causal: bool, trainable: bool,
                 updates: LoRA | None) -> None:
    """Refuse keywords that would do nothing without attention."""
    idle = [
        text for text, given in (
            ('rope=True', rope),
            ('causal=True', causal),
            # Its attention would be saved and never trained.
            ('trainable=True', trainable)) if given
    ]
    if updates is not None:
        idle += [f'lora on {target}' for target in updates.targets
                 if target.startswith('attn.')]
    if idle:
        raise ValueError(
            f'attention=False leaves nothing for {", ".join(idle)} to act on: '
            'take it out, or attention=False')
