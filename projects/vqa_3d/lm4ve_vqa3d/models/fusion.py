"""Situation, question and proposals brought together."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from .attention import GuidedLayer, SelfLayer
from .language import TextEncoder


class Fused(NamedTuple):
    """Tokens after the fusion; masks are True on padding.

    Attributes:
        situation, question: (B, L, C), one for each word.
        proposals: (B, K, C).
        situation_padding, question_padding: (B, L).
        proposal_padding: (B, K).
    """

    situation: Tensor
    question: Tensor
    proposals: Tensor
    situation_padding: Tensor
    question_padding: Tensor
    proposal_padding: Tensor


class Fusion(nn.Module):
    """Texts look at themselves; proposals at the situation, then the question.

    Args:
        word_dims: Width of the word vectors.
        proposal_dims: Width of the proposals' features.
        channels: Width C of all tokens.
        num_heads: Heads.
        depth: Layers of each of the four stacks.
    """

    def __init__(self, word_dims: int, proposal_dims: int, channels: int,
                 num_heads: int = 8, depth: int = 2) -> None:
        super().__init__()
        self.texts = TextEncoder(word_dims, channels)
        self.text_map = nn.Linear(channels, channels)
        self.proposal_map = nn.Linear(proposal_dims, channels)

        def stack(layer: type[nn.Module]) -> nn.ModuleList:
            return nn.ModuleList(
                layer(channels, num_heads) for _ in range(depth))

        self.situation = stack(SelfLayer)
        self.question = stack(SelfLayer)
        self.by_situation = stack(GuidedLayer)
        self.by_question = stack(GuidedLayer)

    def read(self, vectors: Tensor,
             layers: nn.ModuleList) -> tuple[Tensor, Tensor]:
        """Words (B, T, E) to tokens (B, L, C) and their padding (B, L)."""
        states, padding = self.texts(vectors)
        tokens = functional.gelu(self.text_map(states))
        for layer in layers:
            tokens = layer(tokens, padding)
        return tokens, padding

    def forward(self, situation: Tensor, question: Tensor, features: Tensor,
                padding: Tensor) -> Fused:
        """Fuse a batch.

        Args:
            situation, question: Word vectors (B, T, E), padded with zeros.
            features: (B, K, D) of the proposals.
            padding: (B, K) bool, True for a proposal without object.
        """
        situation, situation_padding = self.read(situation, self.situation)
        question, question_padding = self.read(question, self.question)
        tokens = functional.gelu(self.proposal_map(features))
        for layer in self.by_situation:
            tokens = layer(tokens, situation, padding, situation_padding)
        for layer in self.by_question:
            tokens = layer(tokens, question, padding, question_padding)
        return Fused(situation, question, tokens, situation_padding,
                     question_padding, padding)
