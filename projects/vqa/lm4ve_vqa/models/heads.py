"""Heads of METER: an answer, or whether image and text belong together."""

from functools import cached_property

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError

from ..datasets.answers import read_answers
from .attention import draw_weights


def at_least_float(logits: Tensor) -> Tensor:
    """Logits for a loss: not in the 16 bits of autocast."""
    return logits.float() if logits.dtype.itemsize < 4 else logits


@MODELS.register_module()
class VQAHead(BaseModule):
    """Scores of all answers.

    Args:
        in_channels: Width of what the poolers give; the model fills it in.
        num_answers: How many answers there are.
        answers: JSON list of them, for ``pred_answer``; None leaves that
            out.
        init_cfg: MMEngine's initialisation.
    """

    # The LayerNorm's weight decays in METER: its name is in no exception.
    norms_decay = True

    def __init__(self,
                 in_channels: int,
                 num_answers: int = 3129,
                 answers: str | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.num_answers = num_answers
        self.answers_file = answers
        self.vqa_classifier = nn.Sequential(
            nn.Linear(in_channels, in_channels), nn.LayerNorm(in_channels),
            nn.GELU(), nn.Linear(in_channels, num_answers))

    @cached_property
    def answers(self) -> list[str] | None:
        """The vocabulary, read once.

        Raises:
            ConfigError: If it is of another size than the head.
        """
        if self.answers_file is None:
            return None
        answers = read_answers(self.answers_file)
        if len(answers) != self.num_answers:
            raise ConfigError(
                f'{self.answers_file} holds {len(answers)} answers, and the '
                f'head has {self.num_answers} outputs: set '
                f'model.head.num_answers={len(answers)}, or give the list '
                'that the model was trained with')
        return answers

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, in_channels) -> logits (B, num_answers)."""
        return self.vqa_classifier(pooled)

    def loss(self, pooled: Tensor, scores: Tensor) -> dict[str, Tensor]:
        """Binary cross-entropy: sum over answers, mean over the batch.

        Args:
            pooled: (B, in_channels).
            scores: (B, num_answers), the soft targets, from 0 to 1.

        Raises:
            ConfigError: If there are not as many scores as outputs.
        """
        logits = self(pooled)
        if scores.shape != logits.shape:
            raise ConfigError(
                f'gt_score has the shape {tuple(scores.shape)}, the head '
                f'gives {tuple(logits.shape)}: the vocabulary of the data is '
                f'of another size than model.head.num_answers='
                f'{self.num_answers}')
        logits = at_least_float(logits)
        mean = functional.binary_cross_entropy_with_logits(
            logits, scores.to(logits))
        return dict(loss_vqa=mean * self.num_answers)

    def init_weights(self) -> None:
        """METER's initialisation; a vocabulary that misfits is an error."""
        draw_weights(self)
        super().init_weights()
        _ = self.answers


class MatchingScore(nn.Module):
    """Linear map to (apart, together)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, in_channels) -> (B, 2)."""
        return self.fc(pooled)


@MODELS.register_module()
class RetrievalHead(BaseModule):
    """A rank, and whether image and text match.

    As in METER the matching map is frozen and only the rank's is trained,
    which starts as a copy of the row "together".

    Args:
        in_channels: Width of what the poolers give; the model fills it in.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self, in_channels: int, init_cfg: dict | None = None
                 ) -> None:
        super().__init__(init_cfg)
        self.itm_score = MatchingScore(in_channels).requires_grad_(False)
        self.rank_output = nn.Linear(in_channels, 1)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B, in_channels) -> ranks (B, )."""
        return self.rank_output(pooled).squeeze(-1)

    def loss_rank(self, pooled: Tensor) -> Tensor:
        """Cross-entropy of the first of each row.

        Args:
            pooled: (B, 1 + K, in_channels), the true text first.
        """
        ranks = at_least_float(self(pooled))  # (B, 1 + K)
        return functional.cross_entropy(
            ranks, ranks.new_zeros(len(ranks), dtype=torch.long))

    def loss_matching(self, pooled: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy through the frozen map; labels (B, ), 1 = match."""
        return functional.cross_entropy(
            at_least_float(self.itm_score(pooled)), labels)

    def init_weights(self) -> None:
        """METER's initialisation; the rank starts as the matching does."""
        draw_weights(self)
        with torch.no_grad():
            # Copied: as a view, the frozen row would move along.
            self.rank_output.weight.copy_(self.itm_score.fc.weight[1:])
            self.rank_output.bias.copy_(self.itm_score.fc.bias[1:])
        super().init_weights()
