"""Images as METER sees them: by Pillow from the file to the crop."""

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import DataError


def to_photo(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB, or to RGBA if it is transparent.

    METER resizes all images as RGBA and drops the transparency afterwards,
    which matters for transparent ones only.
    """
    transparent = 'A' in image.mode or 'a' in image.mode or (
        'transparency' in image.info)
    return image.convert('RGBA' if transparent else 'RGB')


@TRANSFORMS.register_module()
class LoadPhoto(BaseTransform):
    """Opens ``img_path`` with Pillow: ``img`` is a ``PIL.Image``.

    An image is not turned as its EXIF data says, as in METER. An array in
    ``img`` (H, W, 3), RGB, or an image of Pillow is taken as it is.

    Raises:
        DataError: If the file is damaged; names it.
    """

    def transform(self, results: dict) -> dict:
        """Add ``img`` and ``ori_shape``."""
        if 'img' in results:
            image = results['img']
            if isinstance(image, np.ndarray):
                image = Image.fromarray(image)
        else:
            image = self._open(results['img_path'])
        results['img'] = to_photo(image)
        results['ori_shape'] = results['img_shape'] = image.size[::-1]
        return results

    @staticmethod
    def _open(path: str) -> Image.Image:
        try:
            with Image.open(path) as image:
                image.load()
                return image
        except (OSError, SyntaxError, ValueError,
                Image.DecompressionBombError) as error:
            # With a number it is the system's: no such file, no permission.
            if getattr(error, 'errno', None):
                raise
            raise DataError(f'cannot decode the image {path}: it is empty or '
                            f'damaged ({error})') from error


@TRANSFORMS.register_module()
class ResizeCrop(BaseTransform):
    """Resizes the shorter edge (bicubic) and crops the centre.

    ``img`` becomes an array (size, size, 3), uint8, RGB.

    Args:
        size: Length of both edges afterwards.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Resize and crop."""
        image = F.resize(results['img'], self.size, InterpolationMode.BICUBIC)
        image = F.center_crop(image, self.size).convert('RGB')
        results['img'] = np.array(image)
        results['img_shape'] = (self.size, self.size)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size})'
