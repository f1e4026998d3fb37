"""The shape of one transformer block, whatever family it comes from."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

NORMS = ('rms', 'layer')
PLACEMENTS = ('pre', 'post', 'sandwich')
ACTIVATIONS = ('silu', 'gelu', 'gelu_tanh', 'relu')

# Default of a number that is worked out from others.
_DERIVED: Any = None
_CHOICES = dict(norm=NORMS, placement=PLACEMENTS, activation=ACTIVATIONS)


@dataclass(frozen=True)
class BlockGeometry:
    """Widths, heads and switches of one block: all it takes to build it.

    Args:
        width: Width D of the language model's tokens.
        num_heads: Query heads.
        ffn_dim: Hidden width of the feed-forward part.
        num_kv_heads: Key and value heads (grouped attention); ``None`` means
            as many as query heads.
        head_dim: Width of one head; ``None`` means ``width / num_heads``.
        norm: ``'rms'`` or ``'layer'``.
        norm_eps: Added to the mean square (or variance) under the root.
        placement: ``'pre'``: norm, then sub-layer, then add (LLaMA).
            ``'post'``: sub-layer, then add, then norm (BERT).
            ``'sandwich'``: norm, sub-layer, norm, then add (Gemma 2).
        activation: ``'silu'``, ``'gelu'`` (exact), ``'gelu_tanh'``,
            ``'relu'``.
        gated: Whether the feed-forward part is ``down(act(gate) * up)``.
        qkv_bias, out_bias, ffn_bias: Which linear maps have a bias.
        final_norm: Whether the family norms once more after its last block.
        rope_theta: Base of the rotary phase; ``None`` where the family has
            no rotary phase that we know how to compute.
        norm_offset: Added to the weight of every RMSNorm; 1 in families that
            store the weight's distance from one (Gemma).
        qk_norm: Whether queries and keys are normed, head by head, before
            the rotary phase.
        parallel: Whether attention and feed-forward both start from the
            block's input and are added to it together (GPT-NeoX).
        shared_norm: Whether a parallel block has one norm for both (Phi).
        attention_scale: Factor of the scores; ``None`` means
            ``head_dim**-0.5`` (``score_scale`` has the number).
        softcap: Scores are bounded as ``softcap * tanh(scores / softcap)``
            (Gemma 2, arXiv 2408.00118); ``None`` leaves them.
        rope_dims: How many leading dimensions of a head the rotary phase
            turns; ``None`` means all.
        rope_factor: Divides the frequencies of the phase.
        rope_bands: ``(low, high, length)`` restricts that division, as LLaMA
            3.1 does: not at all for wavelengths under ``length / high``, in
            full for those over ``length / low``, a blend in between.
        rope_longest: Up to how many tokens the phase is known to be that of
            the model; ``None`` is no limit. No part of the function.

    Raises:
        ValueError: If a width does not divide, a switch is unknown, or two
            switches exclude each other.
    """

    width: int
    num_heads: int
    ffn_dim: int
    num_kv_heads: int = _DERIVED
    head_dim: int = _DERIVED
    norm: str = 'rms'
    norm_eps: float = 1e-6
    placement: str = 'pre'
    activation: str = 'silu'
    gated: bool = True
    qkv_bias: bool = False
    out_bias: bool = False
    ffn_bias: bool = False
    final_norm: bool = True
    rope_theta: float | None = None
    norm_offset: float = 0.0
    qk_norm: bool = False
    parallel: bool = False
    shared_norm: bool = False
    attention_scale: float | None = None
    softcap: float | None = None
    rope_dims: int = _DERIVED
    rope_factor: float = 1.0
    rope_bands: tuple[float, float, float] | None = None
    rope_longest: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f'{name}={value!r} is unknown; known: '
                                 f'{", ".join(known)}')
        self._fill_heads()
        self._check_switches()
        self._fill_rope()

    @property
    def score_scale(self) -> float:
        """Factor of the scores."""
        return self.attention_scale or self.head_dim**-0.5

    def _fill_heads(self) -> None:
        if self.num_kv_heads is None:
            object.__setattr__(self, 'num_kv_heads', self.num_heads)
        if self.head_dim is None:
            if self.width % self.num_heads:
                raise ValueError(
                    f'width={self.width} is not a multiple of '
                    f'num_heads={self.num_heads}; give head_dim')
            object.__setattr__(self, 'head_dim', self.width // self.num_heads)
        if self.num_heads % self.num_kv_heads:
            raise ValueError(
                f'num_heads={self.num_heads} is not a multiple of '
                f'num_kv_heads={self.num_kv_heads}')

    def _check_switches(self) -> None:
        if self.parallel and self.placement != 'pre':
            raise ValueError(
                f"parallel=True goes with placement='pre', not with "
                f'{self.placement!r}')
        if self.shared_norm and not self.parallel:
            raise ValueError('shared_norm=True goes with parallel=True: a '
                             'serial block has a norm before each part')
        if self.norm_offset and self.norm != 'rms':
            raise ValueError(f"norm_offset={self.norm_offset} goes with "
                             f"norm='rms', not with {self.norm!r}")

    def _fill_rope(self) -> None:
        if self.rope_dims is None:
            object.__setattr__(self, 'rope_dims', self.head_dim)
        elif self.rope_dims % 2 or not 0 < self.rope_dims <= self.head_dim:
            raise ValueError(
                f'rope_dims={self.rope_dims} should be even and at most '
                f'head_dim={self.head_dim}')
        if self.rope_bands is not None:  # JSON knows no tuples
            object.__setattr__(self, 'rope_bands', tuple(self.rope_bands))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'BlockGeometry':
        """Build from plain values, as a config or a file's metadata has them.

        Raises:
            ValueError: If a key is not a field of the geometry.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f'unknown geometry keys {unknown}; known: '
                             f'{", ".join(known)}')
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for metadata."""
        return asdict(self)

    def linear_shapes(self) -> dict[str, tuple[int, int, bool]]:
        """Every linear map as name -> (out features, in features, bias)."""
        width, hidden = self.width, self.ffn_dim
        queries = self.num_heads * self.head_dim
        keys = self.num_kv_heads * self.head_dim
        shapes = {
            'attn.q': (queries, width, self.qkv_bias),
            'attn.k': (keys, width, self.qkv_bias),
            'attn.v': (keys, width, self.qkv_bias),
            'attn.out': (width, queries, self.out_bias),
            'ffn.up': (hidden, width, self.ffn_bias),
            'ffn.down': (width, hidden, self.ffn_bias),
        }
        if self.gated:
            shapes['ffn.gate'] = (hidden, width, self.ffn_bias)
        return shapes

    def norm_names(self) -> tuple[str, ...]:
        """The norms of the token width that the block has."""
        names = ['attn_norm']
        if not self.shared_norm:
            names.append('ffn_norm')
        if self.placement == 'sandwich':
            names += ['attn_post_norm', 'ffn_post_norm']
        return tuple(names)

    def norm_shapes(self,
                    name: str,
                    width: int | None = None) -> dict[str, tuple[int, ...]]:
        """Tensors of the norm ``name``, of the tokens' or another width."""
        parts = ('weight', 'bias') if self.norm == 'layer' else ('weight', )
        return {f'{name}.{part}': (width or self.width, ) for part in parts}

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the block (without the final norm) -> its shape."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, (rows, columns, bias) in self.linear_shapes().items():
            shapes[f'{name}.weight'] = (rows, columns)
            if bias:
                shapes[f'{name}.bias'] = (rows, )
        for name in self.norm_names():
            shapes.update(self.norm_shapes(name))
        if self.qk_norm:
            for name in ('attn.q_norm', 'attn.k_norm'):
                shapes.update(self.norm_shapes(name, self.head_dim))
        return shapes

    def num_parameters(self) -> int:
        """Parameters of one block, the final norm not counted."""
        return sum(map(math.prod, self.tensor_shapes().values()))
