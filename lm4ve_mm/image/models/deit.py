"""MMPretrain's ViT with DeiT's initialisation."""

from mmpretrain.models import VisionTransformer
from torch import nn

from lm4ve_mm.registry import MODELS

_STD = 0.02


@MODELS.register_module()
class DeiTVisionTransformer(VisionTransformer):
    """A ViT that starts as the paper's does.

    DeiT and the paper's code draw every linear weight, the class token and
    the positions from a truncated normal of 0.02, with zero biases.
    MMPretrain's ViT starts its feed-forward parts by Xavier and its class
    token at zero; as those rules live in the children's ``init_weights``,
    which run last, no ``init_cfg`` can change them.

    Args:
        pos_embed_std (float): Standard deviation of the position embedding.
            A small data set learns several times faster with a larger one,
            since at 0.02 the tokens start as a bag without places.
        **kwargs: Passed to :class:`mmpretrain.models.VisionTransformer`.
    """

    def __init__(self, pos_embed_std: float = _STD, **kwargs) -> None:
        super().__init__(**kwargs)
        self.pos_embed_std = pos_embed_std

    def init_weights(self) -> None:
        """Initialise; a ``Pretrained`` ``init_cfg`` is left as loaded."""
        super().init_weights()
        cfg = self.init_cfg
        if isinstance(cfg, dict) and cfg.get('type') == 'Pretrained':
            return
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.cls_token is not None:
            nn.init.trunc_normal_(self.cls_token, std=_STD)
        if self.pos_embed is not None:
            nn.init.trunc_normal_(self.pos_embed, std=self.pos_embed_std)
