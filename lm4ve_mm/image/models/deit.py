"""MMPretrain's ViT with DeiT's initialisation."""

from mmpretrain.models import VisionTransformer
from torch import nn

from lm4ve_mm.registry import MODELS

_STD = 0.02


@MODELS.register_module()
class DeiTVisionTransformer(VisionTransformer):
    """A ViT that starts as the paper's does.

    The paper's code draws every linear weight and the positions from a
    truncated normal of 0.02, with zero biases, and the class token from a
    normal of 1e-6, as timm does since 0.5; DeiT's own code and timm 0.4 drew
    the class token with 0.02. MMPretrain's ViT starts its feed-forward parts
    by Xavier and its class token at zero; as those rules live in the
    children's ``init_weights``, which run last, no ``init_cfg`` can change
    them. A file that an ``init_cfg`` names is loaded after all of this.

    Args:
        pos_embed_std (float): Standard deviation of the position embedding.
            A small data set learns several times faster with a larger one,
            since at 0.02 the tokens start as a bag without places.
        cls_token_std (float): Standard deviation of the class token.
        **kwargs: Passed to :class:`mmpretrain.models.VisionTransformer`.
    """

    def __init__(self,
                 pos_embed_std: float = _STD,
                 cls_token_std: float = 1e-6,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.pos_embed_std = pos_embed_std
        self.cls_token_std = cls_token_std

    def init_weights(self) -> None:
        """Initialise."""
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.cls_token is not None:
            # Cut off so far out that it is a normal distribution.
            bound = 100 * self.cls_token_std
            nn.init.trunc_normal_(
                self.cls_token, std=self.cls_token_std, a=-bound, b=bound)
        if self.pos_embed is not None:
            nn.init.trunc_normal_(self.pos_embed, std=self.pos_embed_std)
