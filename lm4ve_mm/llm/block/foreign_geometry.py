"""Description of a block that transformers computes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class ForeignGeometry:
    """One layer of an architecture that has no entry in our table.

    Args:
        model_type: Of the language model.
        settings: Its configuration, as JSON.
        layer: Index of the layer, which may decide what is in it.
        width: Width D of the tokens.
        shapes: Shape of each tensor, under the name transformers gives it.
        norm: Kind of the norm after the last layer, ``'rms'`` or
            ``'layer'``; None where there is none.
        norm_eps: Of that norm.
        norm_offset: Added to that norm's weight.
        norm_parts: The tensors that the model has of it.
    """

    model_type: str
    settings: str
    layer: int
    width: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    norm: str | None = None
    norm_eps: float = 1e-6
    norm_offset: float = 0.0
    norm_parts: tuple[str, ...] = ()

    # Neither computed nor described here.
    rope_theta: ClassVar[None] = None
    rope_bands: ClassVar[None] = None
    score_scale: ClassVar[None] = None
    qk_norm: ClassVar[bool] = False

    @property
    def final_norm(self) -> bool:
        """Whether the model has a norm after its last layer."""
        return self.norm is not None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'ForeignGeometry':
        """Inverse of :meth:`to_dict`."""
        shapes = tuple((name, tuple(shape))
                       for name, shape in values['shapes'].items())
        settings = json.dumps(values['settings'], sort_keys=True)
        return cls(**{**values, 'shapes': shapes, 'settings': settings,
                      'norm_parts': tuple(values['norm_parts'])})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for metadata, as JSON has them."""
        values = {field.name: getattr(self, field.name)
                  for field in fields(self)}
        return {**values, 'settings': json.loads(self.settings),
                'shapes': {name: list(shape) for name, shape in self.shapes},
                'norm_parts': list(self.norm_parts)}

    def linear_shapes(self) -> dict[str, tuple[int, int, bool]]:
        """None: low-rank updates have no place in this block."""
        return {}

    def norm_shapes(self, name: str) -> Shapes:
        """Tensors of the final norm as it is computed here."""
        parts = ('weight', 'bias') if self.norm == 'layer' else ('weight', )
        return {f'{name}.{part}': (self.width, ) for part in parts}

    def tensor_shapes(self) -> Shapes:
        """Every tensor of the block -> its shape."""
        return dict(self.shapes)

    def num_parameters(self) -> int:
        """Parameters of one block, the final norm not counted."""
        return sum(map(math.prod, self.tensor_shapes().values()))
