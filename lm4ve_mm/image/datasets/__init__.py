"""Image data sets that MMPretrain does not have."""

from .any_image import LoadAnyImage
from .digits import Digits
from .image_folder import ImageFolder
from .imagenet_c import ImageNetC
from .imagenet_tar import ImageNetTar
from .imagenet_variants import ImageNetVariant
from .loading import LoadNamedImage

__all__ = ['Digits', 'ImageFolder', 'ImageNetC', 'ImageNetTar',
           'ImageNetVariant', 'LoadAnyImage', 'LoadNamedImage']
