"""A block that transformers computes with our tensors."""

import threading
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from .foreign_geometry import ForeignGeometry
from .linear import PretrainedModule
from .precision import compute_like
from .skeleton import neutral_arguments, skeleton_of
from .tokens import Keep, take

# A layer holds our tensors while it runs, and DataParallel uses threads.
_LOCK = threading.RLock()


class ForeignBlock(PretrainedModule):
    """A layer of transformers whose tensors are held like any block's.

    Args:
        geometry: Which layer of which model.
        tensors: Every tensor of ``geometry.tensor_shapes()``.
        trainable: False keeps the tensors as frozen buffers.
    """

    geometry: ForeignGeometry

    def __init__(self, geometry: ForeignGeometry,
                 tensors: Mapping[str, Tensor],
                 trainable: bool = False) -> None:
        super().__init__({}, trainable)
        self.geometry = geometry
        for name, child in _tree(tensors, trainable).items():
            self.add_module(name, child)

    def tensors(self) -> dict[str, Tensor]:
        """Name -> tensor, with the names of ``geometry.tensor_shapes()``."""
        held = dict(self.named_buffers())
        held.update(self.named_parameters())
        return {name: held[name] for name in self.geometry.tensor_shapes()}

    def forward(self, x: Tensor, mask: Tensor | None = None,
                keep: Keep | None = None) -> Tensor:
        """Run the layer for all tokens, then take the kept ones.

        Args:
            x: (B, N, width).
            mask: Bool, True where a token may be looked at; broadcasts to
                (B, heads, N, N).
            keep: The tokens whose output is wanted.

        Returns:
            (B, kept, width).
        """
        skeleton = skeleton_of(self.geometry.model_type,
                               self.geometry.settings, self.geometry.layer)
        named = {name: compute_like(tensor, x)
                 for name, tensor in self.tensors().items()}
        arguments = dict(neutral_arguments(skeleton, x),
                         attention_mask=_additive(mask, x))
        with _LOCK:
            out = functional_call(skeleton.layer, named, (x, ), arguments,
                                  strict=True)
        return take(out if isinstance(out, Tensor) else out[0], keep)


def _tree(tensors: Mapping[str, Tensor],
          trainable: bool) -> dict[str, PretrainedModule]:
    """Modules that hold the tensors under their names, by first name."""
    nodes: dict[str, PretrainedModule] = {}
    for first in dict.fromkeys(name.partition('.')[0] for name in tensors):
        under = {name.partition('.')[2]: tensor
                 for name, tensor in tensors.items()
                 if name.partition('.')[0] == first}
        node = PretrainedModule(
            {name: t for name, t in under.items() if '.' not in name},
            trainable)
        deeper = {name: t for name, t in under.items() if '.' in name}
        for name, child in _tree(deeper, trainable).items():
            node.add_module(name, child)
        nodes[first] = node
    return nodes


def _additive(mask: Tensor | None, x: Tensor) -> Tensor | None:
    """The mask as transformers adds it to the scores: (B, 1, N, N)."""
    if mask is None:
        return None
    while mask.dim() < 4:
        mask = mask[None]
    mask = mask.expand(x.shape[0], 1, x.shape[1], x.shape[1])
    hidden: Any = torch.finfo(x.dtype).min
    return x.new_zeros(mask.shape).masked_fill(~mask, hidden)
