"""Image data sets that MMPretrain does not have."""

from .digits import Digits
from .imagenet_c import ImageNetC
from .imagenet_tar import ImageNetTar
from .imagenet_variants import ImageNetVariant
from .loading import LoadNamedImage

__all__ = ['Digits', 'ImageNetC', 'ImageNetTar', 'ImageNetVariant',
           'LoadNamedImage']
