"""METER's fusion of two streams by co-attention."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS

from .attention import CoAttentionLayer, additive_mask, draw_weights

TEXT, IMAGE = 0, 1  # rows of the table of modalities


class Pooler(nn.Module):
    """A linear map and tanh."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.dense = nn.Linear(dims, dims)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C) -> (B, C)."""
        return self.dense(x).tanh()


@MODELS.register_module()
class CoAttention(BaseModule):
    """Two streams that look at each other, layer by layer.

    Each layer of a stream reads what the layer before gave to the other
    stream. Names are those of METER's files.

    Args:
        text_channels: Width of the text encoder; the model fills it in.
        image_channels: Width of the image encoder; the model fills it in.
        embed_dims: Width C of both streams.
        num_layers: Layers of each stream.
        num_heads: Number of heads.
        mlp_ratio: Width within the feed-forward over C.
        drop: Dropout, of attention too.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self,
                 text_channels: int,
                 image_channels: int,
                 embed_dims: int = 768,
                 num_layers: int = 6,
                 num_heads: int = 12,
                 mlp_ratio: int = 4,
                 drop: float = 0.1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims
        self.cross_modal_text_transform = nn.Linear(text_channels, embed_dims)
        self.cross_modal_image_transform = nn.Linear(
            image_channels, embed_dims)
        self.token_type_embeddings = nn.Embedding(2, embed_dims)

        def stream() -> nn.ModuleList:
            return nn.ModuleList(
                CoAttentionLayer(embed_dims, num_heads,
                                 mlp_ratio * embed_dims, drop)
                for _ in range(num_layers))

        self.cross_modal_text_layers = stream()
        self.cross_modal_image_layers = stream()
        self.cross_modal_text_pooler = Pooler(embed_dims)
        self.cross_modal_image_pooler = Pooler(embed_dims)

    def embed_text(self, tokens: Tensor) -> Tensor:
        """(B, L, text_channels) -> (B, L, C), what the fusion reads."""
        return (self.cross_modal_text_transform(tokens)
                + self.token_type_embeddings.weight[TEXT])

    def embed_image(self, tokens: Tensor) -> Tensor:
        """(B, N, image_channels) -> (B, N, C), what the fusion reads."""
        return (self.cross_modal_image_transform(tokens)
                + self.token_type_embeddings.weight[IMAGE])

    def forward(self, image: Tensor, text: Tensor,
                mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            image: (B, N, C), of :meth:`embed_image`.
            text: (B, L, C), of :meth:`embed_text`.
            mask: (B, L), 0 on padding.

        Returns:
            tuple: The two streams, in shape as they came.
        """
        added = additive_mask(mask, text)
        for for_text, for_image in zip(
                self.cross_modal_text_layers, self.cross_modal_image_layers,
                strict=True):
            text, image = (
                for_text(text, image, added, None),
                for_image(image, text, None, added))
        return image, text

    def pool(self, image: Tensor, text: Tensor) -> Tensor:
        """(B, C) of each stream -> (B, 2 C), the text first."""
        return torch.cat([self.cross_modal_text_pooler(text),
                          self.cross_modal_image_pooler(image)], -1)

    def init_weights(self) -> None:
        """METER's initialisation, then that of ``init_cfg``."""
        draw_weights(self)
        super().init_weights()
