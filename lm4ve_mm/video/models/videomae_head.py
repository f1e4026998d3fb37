"""The head that VideoMAE fine-tunes with; imports mmaction."""

from mmaction.models.heads import TimeSformerHead
from torch import nn

from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class VideoMAEHead(TimeSformerHead):
    """A linear classifier that starts close to zero.

    MMAction2's initialiser could be given a smaller deviation instead, but
    MMEngine's truncated normal puts a value of -2 where its uniform numbers
    end, once in 16 million: here in one of 250 runs, and a hundred thousand
    deviations away.

    Args:
        init_scale (float): Factor of the initial weight, VideoMAE's
            ``--init_scale``.
        **kwargs: Passed to MMAction2's ``TimeSformerHead``.
    """

    def __init__(self, *, init_scale: float = 1., **kwargs) -> None:
        super().__init__(**kwargs)
        self.init_scale = init_scale

    def init_weights(self) -> None:
        """Draw the weight, truncated normal, then scale it; no bias."""
        nn.init.trunc_normal_(self.fc_cls.weight, std=self.init_std)
        self.fc_cls.weight.data.mul_(self.init_scale)
        nn.init.zeros_(self.fc_cls.bias)
