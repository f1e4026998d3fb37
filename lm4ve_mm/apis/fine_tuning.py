"""A runner for a folder of images of one's own; imported to register it."""

from typing import Any

from lm4ve_mm.image.own_images import settle
from lm4ve_mm.registry import RUNNERS

from .console import ConsoleRunner


@RUNNERS.register_module()
class FineTuningRunner(ConsoleRunner):
    """Takes from the folder what a config leaves to it.

    Classes, sizes and normalisation are numbers in the config that it writes
    into the work folder: that one is for predicting, without the images.
    """

    @classmethod
    def from_cfg(cls, cfg: Any) -> 'FineTuningRunner':
        """Build a runner.

        Args:
            cfg (Config): Of ``_base_/finetune.py``; see
                :func:`lm4ve_mm.image.own_images.settle`.

        Raises:
            ConfigError: If the config does not say where the images are.
            DataNotFoundError: If they are not there.
        """
        said = settle(cfg)
        runner = super().from_cfg(cfg)
        for line in said:
            runner.logger.info(line)
        return runner
