"""Resizing the frames of a test."""

from mmaction.datasets.transforms import Resize
from mmcv.transforms import BaseTransform

from lm4ve_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ResizeShortSide(BaseTransform):
    """Resizes the short side to ``size``, and truncates the long side.

    VideoMAE truncates where ``mmaction.Resize`` rounds: 426x240 becomes
    397x224 here, 398x224 there, and the crops move with it.

    Required and changed keys: those of ``mmaction.Resize``.

    Args:
        size (int): The short side in pixels.
        interpolation (str): As in ``mmaction.Resize``.
    """

    def __init__(self, size: int, interpolation: str = 'bilinear') -> None:
        self.size = size
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        """Resize all frames."""
        short = min(results['img_shape'])
        height, width = (self.size * side // short
                         for side in results['img_shape'])
        resize = Resize((width, height), keep_ratio=False,
                        interpolation=self.interpolation)
        return resize(results)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size={self.size}, '
                f'interpolation={self.interpolation!r})')
