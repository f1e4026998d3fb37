"""Every format of files that is read as it is, wherever weights are loaded."""

from .deit import DEIT
from .videomae import VIDEOMAE

FORMATS = (DEIT, VIDEOMAE)
