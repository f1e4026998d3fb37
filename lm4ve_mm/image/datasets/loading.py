"""Reading images, with errors that name the file."""

import io

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import Image

from lm4ve_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadNamedImage(LoadImageFromFile):
    """MMCV's loader; an image that cannot be decoded is named.

    Neither OpenCV's nor Pillow's errors tell which of a million images was
    empty or cut off. An image that is already there, as MMPretrain's
    inferencer reads it, is left as it is.

    With ``imdecode_backend='pillow', color_type='color_ignore_orientation'``
    an image is decoded as torchvision's ``ImageFolder`` does, by Pillow's
    ``convert('RGB')``: not turned as its EXIF data says, transparency dropped
    (MMCV would put grey behind it where the image is grey). MMPretrain's
    inferencers do not ask: they read files with OpenCV, which turns them; give
    them arrays where that matters.

    Raises:
        OSError: If the image cannot be decoded; gives its path.
    """

    def transform(self, results: dict) -> dict | None:
        """Add ``img`` (H, W, 3) uint8, BGR, to ``results``."""
        if 'img' in results and 'img_path' not in results:
            return results
        try:
            if self._is_torchvisions():
                results = self._convert(results)
            else:
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

    def _is_torchvisions(self) -> bool:
        return (self.imdecode_backend == 'pillow'
                and self.color_type == 'color_ignore_orientation'
                and self.file_client_args is None and not self.ignore_empty)

    def _convert(self, results: dict) -> dict:
        """Decode by Pillow's own conversion to RGB."""
        content = fileio.get(
            results['img_path'], backend_args=self.backend_args)
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image.convert('RGB'))[..., ::-1]
        if self.to_float32:
            pixels = pixels.astype(np.float32)
        return {**results, 'img': pixels, 'img_shape': pixels.shape[:2],
                'ori_shape': pixels.shape[:2]}
