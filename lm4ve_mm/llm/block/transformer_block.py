"""One transformer block of a language model."""

from collections.abc import Mapping

from torch import Tensor, nn

from ..lora import LoRA, UpdatedLinear
from .attention import Attention
from .feed_forward import FeedForward
from .geometry import BlockGeometry
from .linear import PretrainedLinear
from .norms import Norm, build_norm, tensors_under
from .tokens import Keep, take


class TransformerBlock(nn.Module):
    """Attention and feed-forward, their norms and their residuals.

    Args:
        geometry: What to build.
        tensors: Every tensor of ``geometry.tensor_shapes()``.
        trainable: False keeps the tensors as frozen buffers.
        lora: Low-rank updates of the linear maps that it names.
    """

    def __init__(self,
                 geometry: BlockGeometry,
                 tensors: Mapping[str, Tensor],
                 trainable: bool = False,
                 lora: LoRA | None = None) -> None:
        super().__init__()

        def linear(name: str) -> PretrainedLinear:
            held = tensors_under(tensors, name)
            if lora is not None and name in lora.targets:
                return UpdatedLinear(held, lora)
            return PretrainedLinear(held, trainable)

        def norm(name: str) -> Norm:
            return build_norm(geometry, tensors_under(tensors, name),
                              trainable)

        self.geometry = geometry
        self.attn = Attention(geometry, linear, norm)
        self.ffn = FeedForward(geometry, linear)
        self.attn_norm = norm('attn_norm')
        if not geometry.shared_norm:
            self.ffn_norm = norm('ffn_norm')
        if geometry.placement == 'sandwich':
            self.attn_post_norm = norm('attn_post_norm')
            self.ffn_post_norm = norm('ffn_post_norm')

    def tensors(self) -> dict[str, Tensor]:
        """Name -> tensor, with the names of ``geometry.tensor_shapes()``."""
        held = dict(self.named_buffers())
        held.update(self.named_parameters())
        return {name: held[name] for name in self.geometry.tensor_shapes()}

    def forward(self,
                x: Tensor,
                mask: Tensor | None = None,
                keep: Keep | None = None,
                phase: Tensor | None = None) -> Tensor:
        """Run the block, computing outputs for the kept tokens only.

        The other tokens are needed as keys and values alone, so they skip
        query, output map and feed-forward part (same result, less work).

        Args:
            x: (B, N, width).
            mask: See :meth:`Attention.forward`.
            keep: See :meth:`Attention.forward`.
            phase: See :meth:`Attention.forward`.

        Returns:
            (B, kept, width).
        """
        fed = x if self.geometry.placement == 'post' else self.attn_norm(x)
        return self.finish(take(x, keep), self.attn(fed, mask, keep, phase))

    def finish(self, stream: Tensor, mixed: Tensor | None) -> Tensor:
        """All that follows attention, each token by itself.

        Args:
            stream: (B, kept, width), the block's input.
            mixed: (B, kept, width), the output of attention; None leaves
                attention out.

        Returns:
            (B, kept, width), the block's output.
        """
        if mixed is None:
            # As if attention, and the norm after it, gave zero.
            added = stream
        elif self.geometry.placement == 'sandwich':
            added = stream + self.attn_post_norm(mixed)
        else:
            added = stream + mixed
        if self.geometry.parallel:
            # Attention and feed-forward side by side on the block's input.
            shared = self.geometry.shared_norm
            norm = self.attn_norm if shared else self.ffn_norm
            return added + self.ffn(norm(stream))
        if self.geometry.placement == 'post':
            stream = self.attn_norm(added)
            return self.ffn_norm(stream + self.ffn(stream))
        if self.geometry.placement == 'sandwich':
            return added + self.ffn_post_norm(self.ffn(self.ffn_norm(added)))
        return added + self.ffn(self.ffn_norm(added))
