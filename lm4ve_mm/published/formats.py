"""Every format of files that is read as it is, wherever weights are loaded."""

from .convnext import CONVNEXT
from .deit import DEIT
from .swin import OLD_SWIN, SWIN
from .videomae import VIDEOMAE

# The first that knows a file reads it: a Swin also has DeiT's patches.
FORMATS = (OLD_SWIN, SWIN, CONVNEXT, DEIT, VIDEOMAE)
