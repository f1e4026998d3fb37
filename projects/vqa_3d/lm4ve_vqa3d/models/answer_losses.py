"""What the answer and the situation are learnt by."""

from torch import Tensor
from torch.nn import functional


def answer_losses(scores: Tensor, situations: Tensor, gt_score: Tensor,
                  gt_position: Tensor,
                  gt_rotation: Tensor) -> dict[str, Tensor]:
    """All parts, not weighted.

    The binary cross-entropy is summed over the answers. That q and -q are
    the same rotation is not taken into account, as in the reference.

    Args:
        scores: (B, answers) logits.
        situations: (B, 7), a position and a quaternion.
        gt_score: (B, answers), soft.
        gt_position: (B, 3).
        gt_rotation: (B, 4), the scalar last.

    Returns:
        dict: ``answer``, ``position``, ``rotation``.
    """
    position, rotation = situations.split((3, 4), -1)
    return dict(
        answer=functional.binary_cross_entropy_with_logits(
            scores, gt_score, reduction='sum') / len(scores),
        position=functional.mse_loss(position, gt_position),
        rotation=functional.mse_loss(rotation, gt_rotation))
