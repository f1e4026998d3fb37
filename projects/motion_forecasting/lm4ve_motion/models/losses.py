"""Winner-takes-all losses of both models."""

import torch
import torch.nn.functional as F
from torch import Tensor


def nearest_mode(trajs: Tensor, truth: Tensor, known: Tensor
                 ) -> tuple[Tensor, Tensor]:
    """Which mode ends nearest to the truth.

    Args:
        trajs: (N, K, F, 2).
        truth: (N, F, 2).
        known: (N, F) bool; the last known step is the end.

    Returns:
        tuple: The mode (N, ), and distances (N, K) at the end.
    """
    steps = torch.arange(known.shape[1], device=known.device)
    last = (known * (steps + 1)).argmax(1)  # (N, )
    rows = torch.arange(len(trajs), device=known.device)
    apart = trajs[rows, :, last] - truth[rows, last][:, None]
    distances = apart.square().sum(-1)
    return distances.argmin(1), distances.sqrt()


def smooth_l1(found: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """SmoothL1 summed over known steps and both coordinates.

    Args:
        found, truth: (N, F, 2).
        known: (N, F) bool.
    """
    each = F.smooth_l1_loss(found, truth, reduction='none')
    return (each * known[..., None]).sum()


def all_actors_loss(trajs: Tensor, scores: Tensor, truth: Tensor,
                    known: Tensor, spread: float = 0.,
                    likeliest_share: float = 0.) -> dict[str, Tensor]:
    """VectorNet's: every actor with a known step counts alike.

    Args:
        trajs: (B, A, K, F, 2), in the frame of ``truth``.
        scores: (B, A, K) logits.
        truth: (B, A, F, 2).
        known: (B, A, F) bool, False on padding.
        spread: Metres. Above 0 the mode that ends nearest shares the
            probability with others, by the softmax of the negative distances
            over it.
        likeliest_share: How much of ``loss_reg`` is of the mode with the
            highest score, whether it ends nearest or not.

    Returns:
        dict: ``loss_cls``, cross-entropy towards the mode that ends nearest,
        and ``loss_reg``, SmoothL1 of that mode; sums over actors divided by
        their number.
    """
    counted = known.any(-1)
    trajs, scores, truth, known = (
        x[counted] for x in (trajs, scores, truth, known))
    number = max(len(trajs), 1)
    winner, distances = nearest_mode(trajs.detach(), truth, known)
    rows = torch.arange(len(trajs), device=trajs.device)
    likely = (-distances / spread).softmax(-1) if spread else winner
    loss_reg = smooth_l1(trajs[rows, winner], truth, known)
    if likeliest_share:
        first = smooth_l1(trajs[rows, scores.argmax(-1)], truth, known)
        loss_reg = torch.lerp(loss_reg, first, likeliest_share)
    return dict(
        loss_cls=F.cross_entropy(scores, likely, reduction='sum') / number,
        loss_reg=loss_reg / number)


def target_loss(trajs: Tensor, scores: Tensor, truth: Tensor, known: Tensor,
                start: Tensor) -> dict[str, Tensor]:
    """mmTransformer's, of its six proposals: the target alone.

    Args:
        trajs: (B, K, F, 2).
        scores: (B, K) logits.
        truth: (B, F, 2).
        known: (B, F) bool.
        start: (B, 2), where the target stands.

    Returns:
        dict: ``loss_reg``, Huber of the steps of the proposal that ends
        nearest, summed over steps and coordinates; ``loss_cls``, the
        divergence of the scores' softmax from that of the negative end-point
        distances. Means over scenes.
    """
    winner, distances = nearest_mode(trajs.detach(), truth, known)
    best = trajs[torch.arange(len(trajs), device=trajs.device), winner]
    steps, wanted = (
        torch.diff(x, dim=1, prepend=start[:, None]) for x in (best, truth))
    # A step is known if both of its ends are.
    both = known & torch.cat([known[:, :1], known[:, :-1]], 1)
    likely = (-distances).softmax(-1)
    divergence = F.kl_div(
        scores.log_softmax(-1), likely, reduction='batchmean')
    return dict(
        loss_cls=divergence,
        loss_reg=smooth_l1(steps, wanted, both) / len(trajs))
