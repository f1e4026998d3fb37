"""VectorNet's global graph: attention among all agents and lanes."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn


def take(tokens: Tensor, keep: slice | None) -> Tensor:
    """The kept ones of (B, N, C)."""
    return tokens if keep is None else tokens[:, keep]


class GlobalGraphLayer(nn.Module):
    """Single-head attention, and a linear skip around it.

    Args:
        dims: Width of the tokens.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.query = nn.Linear(dims, dims)
        self.key = nn.Linear(dims, dims)
        self.value = nn.Linear(dims, dims)
        self.norm = nn.LayerNorm(dims)
        self.merge = nn.Sequential(nn.Linear(dims, dims), nn.LayerNorm(dims))
        self.skip = nn.Sequential(nn.Linear(dims, dims), nn.LayerNorm(dims))

    def forward(self, tokens: Tensor, valid: Tensor,
                keep: slice | None = None) -> Tensor:
        """Let the kept tokens look at all valid ones.

        Args:
            tokens: (B, N, C).
            valid: (B, N) bool; padding is False, and looked at by nobody.
            keep: Which outputs are wanted.

        Returns:
            Tensor: (B, kept, C).
        """
        asking = take(tokens, keep)
        seen = F.scaled_dot_product_attention(
            self.query(asking), self.key(tokens), self.value(tokens),
            attn_mask=valid[:, None, :])
        return self.skip(asking) + self.merge(F.relu(self.norm(seen)))


class GlobalGraph(BaseModule):
    """Layers of the global graph, ReLU between them.

    Args:
        dims: Width of the tokens.
        depth: How many layers.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self, dims: int, depth: int = 1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.layers = nn.ModuleList(
            GlobalGraphLayer(dims) for _ in range(depth))

    def forward(self, tokens: Tensor, valid: Tensor,
                keep: slice | None = None) -> Tensor:
        """Run all layers; see :meth:`GlobalGraphLayer.forward`."""
        *layers, last = self.layers
        for layer in layers:
            tokens = F.relu(layer(tokens, valid))
        return last(tokens, valid, keep)
