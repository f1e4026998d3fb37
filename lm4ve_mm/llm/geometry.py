"""The shape of one transformer block, whatever family it comes from."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, Mapping, Optional, Tuple

NORMS = ('rms', 'layer')
PLACEMENTS = ('pre', 'post')
ACTIVATIONS = ('silu', 'gelu', 'gelu_tanh', 'relu')

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
        activation: ``'silu'``, ``'gelu'`` (exact), ``'gelu_tanh'``,
            ``'relu'``.
        gated: Whether the feed-forward part is ``down(act(gate) * up)``.
        qkv_bias, out_bias, ffn_bias: Which linear maps have a bias.
        final_norm: Whether the family norms once more after its last block.
        rope_theta: Base of the rotary phase; ``None`` where the family has
            no rotary phase that we know how to compute.

    Raises:
        ValueError: If a width does not divide, or a switch is unknown.
    """

    width: int
    num_heads: int
    ffn_dim: int
    num_kv_heads: Optional[int] = None
    head_dim: Optional[int] = None
    norm: str = 'rms'
    norm_eps: float = 1e-6
    placement: str = 'pre'
    activation: str = 'silu'
    gated: bool = True
    qkv_bias: bool = False
    out_bias: bool = False
    ffn_bias: bool = False
    final_norm: bool = True
    rope_theta: Optional[float] = None

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f'{name}={value!r} is unknown; known: '
                                 f'{", ".join(known)}')
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

    def to_dict(self) -> Dict[str, Any]:
        """Plain values, for metadata."""
        return asdict(self)

    def linear_shapes(self) -> Dict[str, Tuple[int, int, bool]]:
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

    def norm_shapes(self, name: str) -> Dict[str, Tuple[int, ...]]:
        """Tensors of the norm called ``name``, each of shape (width,)."""
        parts = ('weight', 'bias') if self.norm == 'layer' else ('weight', )
        return {f'{name}.{part}': (self.width, ) for part in parts}

    def tensor_shapes(self) -> Dict[str, Tuple[int, ...]]:
        """Every tensor of the block (without the final norm) -> its shape."""
        shapes: Dict[str, Tuple[int, ...]] = {}
        for name, (rows, columns, bias) in self.linear_shapes().items():
            shapes[f'{name}.weight'] = (rows, columns)
            if bias:
                shapes[f'{name}.bias'] = (rows, )
        for name in ('attn_norm', 'ffn_norm'):
            shapes.update(self.norm_shapes(name))
        return shapes

    def num_parameters(self) -> int:
        """Parameters of one block, the final norm not counted."""
        total = 0
        for shape in self.tensor_shapes().values():
            size = 1
            for extent in shape:
                size *= extent
            total += size
        return total
