"""Image data sets that MMPretrain does not have."""

from .digits import Digits
from .imagenet_c import ImageNetC
from .imagenet_s import ImageNetS50
from .imagenet_tar import ImageNetTar
from .imagenet_variants import ImageNetVariant
from .loading import LoadNamedImage
from .photo_digits import PhotoDigits

__all__ = ['Digits', 'ImageNetC', 'ImageNetS50', 'ImageNetTar',
           'ImageNetVariant', 'LoadNamedImage', 'PhotoDigits']
