"""Starts an encoder from its folder when training starts."""

from torch import nn

from lm4ve_mm.models import StrictPretrained
from lm4ve_mm.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module()
class HuggingFaceInit(StrictPretrained):
    """The ``init_cfg`` that a tower gives itself.

    It is read when training starts; not for a test, and not to resume, where
    the checkpoint holds the encoder.

    Args:
        checkpoint: The tower's source. None leaves it as it was built.
    """

    def __init__(self, checkpoint: str | None) -> None:
        super().__init__(checkpoint)

    def __call__(self, module: nn.Module) -> None:
        """Fill a tower, completely.

        Raises:
            CheckpointNotFoundError: If there is no such source.
            CheckpointError: If it does not fit.
        """
        if self.checkpoint is not None:
            module.load_source(self.checkpoint)
