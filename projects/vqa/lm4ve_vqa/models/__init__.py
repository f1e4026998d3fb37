"""METER, and the parts that a further model can be built of."""

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
