"""Image data sets that MMPretrain does not have."""

from .any_image import LoadAnyImage
from .digits import Digits
from .image_folder import ImageFolder
from .imagenet_c import ImageNetC
from .imagenet_s import ImageNetS50
from .imagenet_tar import ImageNetTar
from .imagenet_variants import ImageNetVariant
from .loading import LoadNamedImage
from .photo_digits import PhotoDigits

__all__ = ['Digits', 'ImageFolder', 'ImageNetC', 'ImageNetS50', 'ImageNetTar',
           'ImageNetVariant', 'LoadAnyImage', 'LoadNamedImage', 'PhotoDigits']
