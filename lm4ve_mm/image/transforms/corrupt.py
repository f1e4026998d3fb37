"""The corruptions of ImageNet-C, made on the fly."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import ConfigError

from ..datasets.imagenet_c import CORRUPTIONS, EXTRA, SEVERITIES

# Two packages have the same module; the other one fails with numpy 2.
PACKAGE = 'imagecorruptions-imaug'
# These ignore numpy's global generator and take a seed instead.
SEEDED = ('impulse_noise', 'glass_blur')
SMALLEST = 32


@TRANSFORMS.register_module()
class Corrupt(BaseTransform):
    """Corrupts an image as ImageNet-C does (arXiv 1903.12261).

    The package is a re-implementation: what comes out is a "regenerated"
    ImageNet-C, whose numbers must not be put beside published ones. An image
    is corrupted the same way in every epoch and process: the generator is
    seeded by its path, the corruption and the severity.

    Put it after resizing and cropping; images are uint8, BGR, and at least
    32 pixels wide and high.

    Args:
        name (str): One of ImageNet-C's corruptions.
        severity (int): 1 to 5.
        jpeg_quality (int, optional): Compress afterwards, as the published
            files are (85).

    Raises:
        ConfigError: If there is no such corruption or severity.
        ImportError: If the package is absent, or the broken one is there.
        ValueError: If an image is too small.
    """

    def __init__(self, name: str, severity: int,
                 jpeg_quality: int | None = None) -> None:
        if name not in CORRUPTIONS + EXTRA or severity not in SEVERITIES:
            raise ConfigError(
                f'Corrupt(name={name!r}, severity={severity!r}): known are '
                f'{", ".join(CORRUPTIONS + EXTRA)}, severities 1 to 5')
        self.name, self.severity = name, severity
        self.jpeg_quality = jpeg_quality
        _corrupt_function()

    def transform(self, results: dict) -> dict:
        """Replace ``img``, (H, W, 3) uint8."""
        image = results['img']
        if min(image.shape[:2]) < SMALLEST:
            raise ValueError(
                f'Corrupt: the image has {image.shape[0]}x{image.shape[1]} '
                f'pixels, but the corruptions are made for at least '
                f'{SMALLEST}x{SMALLEST}: resize it first')
        seed = zlib.crc32('/'.join(map(str, (
            results.get('img_path', results.get('sample_idx')), self.name,
            self.severity))).encode())
        options = dict(seed=seed) if self.name in SEEDED else {}
        with _numpy_seeded(seed):
            image = _corrupt_function()(
                np.ascontiguousarray(image[..., ::-1]),
                corruption_name=self.name, severity=self.severity,
                **options)[..., ::-1]
        if self.jpeg_quality is not None:
            _, content = cv2.imencode(
                '.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
            image = cv2.imdecode(content, cv2.IMREAD_COLOR)
        results['img'] = np.ascontiguousarray(image)
        return results


def _corrupt_function() -> Callable:
    try:
        metadata.version(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise ImportError(
            f'Corrupt needs {PACKAGE}: pip install {PACKAGE}, or this package '
            'with [robust]. The package imagecorruptions, whose module has '
            'the same name, fails with numpy 2: uninstall it first'
        ) from error
    from imagecorruptions import corrupt
    return corrupt


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, and give it back as it was."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
