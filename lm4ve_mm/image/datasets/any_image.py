"""Images as people have them: read, or refused by name."""

import io
from typing import NamedTuple

import numpy as np
from mmengine import fileio
from PIL import Image, ImageOps

from lm4ve_mm.registry import TRANSFORMS

from .loading import LoadNamedImage

EXIF_ORIENTATION = 274
# Pillow's modes of 16 bits a pixel.
SIXTEEN_BITS = ('I;16', 'I;16L', 'I;16B', 'I;16N')
# Pillow's modes whose values have no known range, and what they are.
REFUSED = dict(I='32 bits a pixel', F='floating-point numbers',
               LAB='the colour space Lab', HSV='the colour space HSV')
TRANSPARENT = ('RGBA', 'LA', 'PA', 'La', 'RGBa')
KINDS = dict(
    grey='grey, repeated in three channels',
    cmyk='CMYK, converted to RGB without a colour profile',
    deep='16 bits a channel, of which the upper eight are kept',
    turned='turned as their EXIF data says',
    transparent='with transparency, which is dropped: the colours below it '
    'show',
    palette='with a palette, looked up',
    frames='of several frames, of which the first is taken')


class Header(NamedTuple):
    """What the beginning of a file says of its image.

    Args:
        kinds: Keys of :data:`KINDS`.
        refused: Why it cannot be used; ``''`` if it can.
    """

    kinds: tuple[str, ...]
    refused: str = ''


def header_of(image: Image.Image) -> Header:
    """What is special about an opened image; its pixels are not read."""
    mode = image.mode
    if mode in REFUSED:
        return Header((), f'it has {REFUSED[mode]} (mode {mode!r}), whose '
                      'range is unknown: save it with 8 or 16 bits a channel')
    held = dict(
        grey=mode in ('1', 'L', 'LA', 'La', *SIXTEEN_BITS),
        cmyk=mode == 'CMYK',
        deep=mode in SIXTEEN_BITS,
        turned=image.getexif().get(EXIF_ORIENTATION, 1) not in (0, 1),
        transparent=mode in TRANSPARENT or 'transparency' in image.info,
        palette=mode in ('P', 'PA'),
        frames=getattr(image, 'n_frames', 1) > 1)
    return Header(tuple(kind for kind, is_so in held.items() if is_so))


def rgb(image: Image.Image) -> Image.Image:
    """Bring an image of any kind into 8-bit RGB, the right side up."""
    if image.mode in SIXTEEN_BITS:
        # Pillow's own conversion would cut off everything above 255.
        levels = np.asarray(image) >> 8
        turned = image.getexif().get(EXIF_ORIENTATION, 1)
        image = Image.fromarray(levels.astype(np.uint8))
        image.getexif()[EXIF_ORIENTATION] = turned
    return ImageOps.exif_transpose(image).convert('RGB')


@TRANSFORMS.register_module()
class LoadAnyImage(LoadNamedImage):
    """Reads an image of any kind, as :data:`KINDS` says.

    Pillow decodes: unlike OpenCV it does not fill a truncated file with grey.
    The result is what OpenCV gives to MMPretrain's inferencers, up to the
    rounding of the decoders.

    Args:
        backend_args (dict, optional): Where files lie, as in MMCV's loader.

    Raises:
        OSError: If the image cannot be decoded, or has no known range of
            values; gives its path.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        super().__init__(imdecode_backend='pillow', backend_args=backend_args)

    def transform(self, results: dict) -> dict | None:
        """Add ``img`` (H, W, 3) uint8, BGR, to ``results``."""
        if 'img' in results and 'img_path' not in results:
            return results
        path = results['img_path']
        content = fileio.get(path, backend_args=self.backend_args)
        try:
            with Image.open(io.BytesIO(content)) as image:
                refused = header_of(image).refused
                if not refused:
                    pixels = np.asarray(rgb(image))
        except (OSError, SyntaxError, ValueError,
                Image.DecompressionBombError) as error:
            raise OSError(f'cannot decode the image {path}: it is empty, '
                          f'damaged or no image ({error})') from error
        if refused:
            raise OSError(f'cannot use the image {path}: {refused}')
        pixels = np.ascontiguousarray(pixels[..., ::-1])
        return {**results, 'img': pixels, 'img_shape': pixels.shape[:2],
                'ori_shape': pixels.shape[:2]}
