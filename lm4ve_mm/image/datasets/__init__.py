"""Image data sets that MMPretrain does not have."""

from .digits import Digits
from .image_folder import ImageFolder
from .imagenet_c import ImageNetC
from .imagenet_tar import ImageNetTar
from .imagenet_variants import ImageNetVariant
from .loading import LoadNamedImage
from .photo import LoadPhoto

__all__ = ['Digits', 'ImageFolder', 'ImageNetC', 'ImageNetTar',
           'ImageNetVariant', 'LoadNamedImage', 'LoadPhoto']
