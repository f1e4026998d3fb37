"""A classifier whose classes come from a folder of images."""

from typing import Any

from mmpretrain.models import ImageClassifier

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError


@MODELS.register_module()
class FolderClassifier(ImageClassifier):
    """MMPretrain's classifier, which says so where its config is still open.

    Args:
        backbone (dict): As in :class:`mmpretrain.models.ImageClassifier`.
        head (dict, optional): As there; ``num_classes`` is 0 until the folder
            is read.
        **kwargs: As there.

    Raises:
        ConfigError: If ``num_classes`` is still 0.
    """

    def __init__(self, backbone: dict, head: dict | None = None,
                 **kwargs: Any) -> None:
        if (head or {}).get('num_classes') == 0:
            raise ConfigError(
                'this config leaves the number of classes to its folder of '
                'images, which our tools read when they train or test. Here '
                'use the config that training has written into its work '
                'folder, such as work_dirs/photos/photos.py')
        super().__init__(backbone, head=head, **kwargs)
