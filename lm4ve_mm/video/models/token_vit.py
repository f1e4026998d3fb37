"""MMAction2's VideoMAE backbone with all of its tokens; imports mmaction."""

from mmaction.models.backbones import VisionTransformer

from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class TokenVisionTransformer(VisionTransformer):
    """A VideoMAE ViT that leaves pooling and final norm to the neck.

    With ``return_feat_map=True`` MMAction2's own backbone gives all tokens
    too, but keeps the final norm that it then skips: weights without a
    gradient, which neither DDP nor a parameter count forgives.

    Args:
        pretrained (str, optional): A file to start from, as ``init_cfg`` of
            type ``'Pretrained'`` reads it; MMAction2's own class forgets it.
        **kwargs: Passed to mmaction's ``VisionTransformer``, but for
            ``use_mean_pooling`` and ``return_feat_map``, which are settled.
    """

    def __init__(self, pretrained: str | None = None, **kwargs) -> None:
        if pretrained:
            kwargs['init_cfg'] = dict(
                type='Pretrained', checkpoint=pretrained)
        super().__init__(use_mean_pooling=True, return_feat_map=True, **kwargs)
        # A module that is None would swallow weights of that name in silence.
        del self.fc_norm
        self.fc_norm = None
