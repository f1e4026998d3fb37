"""From tokens to several futures and how likely each is."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from .transformer import feed_forward


class ResidualBlock(nn.Module):
    """Two linear maps with norms around a shortcut.

    The norm is a GroupNorm of one group over a vector, which is LayerNorm.
    """

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dims, dims, bias=False)
        self.linear2 = nn.Linear(dims, dims, bias=False)
        self.norm1 = nn.LayerNorm(dims)
        self.norm2 = nn.LayerNorm(dims)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> the same."""
        y = self.norm1(self.linear1(x)).relu()
        return (self.norm2(self.linear2(y)) + x).relu()


class DisplacementHead(BaseModule):
    """LaneGCN's decoder, as VectorNet's re-implementation has it.

    Each mode has a branch of its own, whose output is the displacement from
    where an actor stands, at each step (no cumulative sum). Scores look at
    the actor and at the end of each trajectory.

    Args:
        dims: Width of the tokens.
        num_modes: K.
        num_steps: F.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self, dims: int, num_modes: int = 6, num_steps: int = 30,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.modes = nn.ModuleList(
            nn.Sequential(ResidualBlock(dims), nn.Linear(dims, 2 * num_steps))
            for _ in range(num_modes))
        self.end_embed = nn.Sequential(
            nn.Linear(2, dims), nn.ReLU(), nn.Linear(dims, dims, bias=False),
            nn.LayerNorm(dims), nn.ReLU())
        self.fuse = nn.Sequential(
            nn.Linear(2 * dims, dims, bias=False), nn.LayerNorm(dims),
            nn.ReLU())
        self.score = nn.Sequential(ResidualBlock(dims), nn.Linear(dims, 1))

    def forward(self, tokens: Tensor, ctrs: Tensor,
                drift: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Decode.

        Args:
            tokens: (B, A, C).
            ctrs: (B, A, 2), where each actor stands.
            drift: (B, A, F, 2), displacements that the modes correct; None
                has them start from nothing.

        Returns:
            tuple: Trajectories (B, A, K, F, 2) in the frame of ``ctrs``, and
            logits (B, A, K).
        """
        moves = torch.stack([mode(tokens) for mode in self.modes], -2)
        moves = moves.unflatten(-1, (-1, 2))  # (B, A, K, F, 2)
        if drift is not None:
            moves = moves + drift.unsqueeze(-3)
        # From the end back to the actor; it teaches the scores alone.
        ends = self.end_embed(-moves[..., -1, :].detach())
        tokens = tokens.unsqueeze(-2).expand_as(ends)
        fused = self.fuse(torch.cat([ends, tokens], -1))
        scores = self.score(fused).squeeze(-1)
        return moves + ctrs[..., None, None, :], scores


class ProposalHead(BaseModule):
    """mmTransformer's head: steps that add up, and scores.

    Args:
        dims: Width of what comes in: agent and proposal.
        num_steps: F.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self, dims: int, num_steps: int = 30,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        half = dims // 2
        self.steps = nn.Sequential(
            nn.Linear(dims, dims), nn.LayerNorm(dims), nn.ReLU(),
            nn.Linear(dims, half), nn.Linear(half, 2 * num_steps))
        self.score_ffn = feed_forward(dims, 2 * dims)
        self.score = nn.Sequential(nn.Linear(dims, half), nn.Linear(half, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Decode.

        Args:
            x: (B, A, K, dims).

        Returns:
            tuple: Trajectories (B, A, K, F, 2) around the origin, and logits
            (B, A, K).
        """
        steps = self.steps(x).unflatten(-1, (-1, 2))
        return steps.cumsum(-2), self.score(self.score_ffn(x)).squeeze(-1)
