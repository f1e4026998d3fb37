"""METER, and the parts that a further model can be built of."""

from lm4ve_mm.utils.install import how_to_install, is_installed

if not is_installed('transformers'):
    raise ImportError('encoders of images and texts need transformers, which '
                      f'is not installed: {how_to_install("vqa")}')

# After the check, which says more than an import that fails.
# ruff: noqa: E402
from .fusion import CoAttention
from .heads import RetrievalHead, VQAHead
from .meter import METER
from .retrieval import METERForRetrieval
from .towers import CLIPTower, ImageTower, SwinTower, TextTower
from .vqa import METERForVQA

__all__ = [
    'METER', 'CLIPTower', 'CoAttention', 'ImageTower', 'METERForRetrieval',
    'METERForVQA', 'RetrievalHead', 'SwinTower', 'TextTower', 'VQAHead'
]
