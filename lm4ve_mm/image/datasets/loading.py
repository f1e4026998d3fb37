"""Reading images, with errors that name the file."""

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile

from lm4ve_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadNamedImage(LoadImageFromFile):
    """MMCV's loader; an image that cannot be decoded is named.

    Neither OpenCV's nor Pillow's errors tell which of a million images was
    empty or cut off. An image that is already there, as MMPretrain's
    inferencer reads it, is left as it is.

    With ``imdecode_backend='pillow', color_type='color_ignore_orientation'``
    an image is decoded as torchvision's ``ImageFolder`` does: not turned as
    its EXIF data says, CMYK by Pillow.

    Raises:
        OSError: If the image cannot be decoded; gives its path.
    """

    def transform(self, results: dict) -> dict | None:
        """Add ``img`` (H, W, 3) uint8, BGR, to ``results``."""
        if 'img' in results and 'img_path' not in results:
            return results
        try:
            results = super().transform(results)
        except (cv2.error, OSError, SyntaxError) as error:
            # With a number it is the system's: no such file, no permission.
            if getattr(error, 'errno', None):
                raise
            raise OSError(
                f'cannot decode the image {results["img_path"]}: it is empty '
                f'or damaged ({str(error).strip()})') from error
        if results is not None:
            results['img'] = np.ascontiguousarray(results['img'])
        return results
