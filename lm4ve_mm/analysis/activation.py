"""How strongly each token answers: the paper's information filter."""

import torch
from torch import Tensor


def token_activation(tokens: Tensor) -> Tensor:
    """Measure the magnitude of each token (arXiv 2310.12973, appendix A).

    The mean over the tokens of a sample is subtracted, the length of what is
    left is taken, and stretched to 0..1 within the sample.

    Args:
        tokens (Tensor): (B, N, C), without the class token.

    Returns:
        Tensor: (B, N); all 0 in a sample whose tokens are equally long.
    """
    return stretched((tokens - tokens.mean(1, keepdim=True)).norm(dim=-1))


def stretched(values: Tensor) -> Tensor:
    """Stretch the values of each sample to 0..1; equal ones become 0.

    Args:
        values (Tensor): (B, N).
    """
    low, high = values.aminmax(dim=1, keepdim=True)
    return (values - low) / (high - low).clamp_min(torch.finfo(low.dtype).tiny)
