"""Reading images, with errors that name the file."""

from typing import Optional

import cv2
from mmcv.transforms import LoadImageFromFile

from lm4ve_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadNamedImage(LoadImageFromFile):
    """MMCV's loader; an image that OpenCV chokes on is named.

    An empty file makes OpenCV raise an error of its own that tells nothing
    about which of a million images it was.

    Raises:
        OSError: If the image cannot be decoded; gives its path.
    """

    def transform(self, results: dict) -> Optional[dict]:
        """Add ``img`` (H, W, 3) uint8 to ``results``."""
        try:
            return super().transform(results)
        except cv2.error as error:
            raise OSError(
                f'cannot decode the image {results["img_path"]}: it is empty '
                f'or damaged ({str(error).strip()})') from error
