"""Forecasters, and the parts that a further one can be built of."""

from lm4ve_mm.models import TokenInsertNeck

from .forecaster import Forecaster
from .global_graph import GlobalGraph
from .heads import DisplacementHead, ProposalHead
from .losses import all_actors_loss, target_loss
from .mmtransformer import MMTransformer
from .polylines import PolylineEncoder
from .preprocessor import ForecastPreprocessor
from .transformer import Decoder, Encoder
from .vectornet import VectorNet

__all__ = [
    'Decoder', 'DisplacementHead', 'Encoder', 'ForecastPreprocessor',
    'Forecaster', 'GlobalGraph', 'MMTransformer', 'PolylineEncoder',
    'ProposalHead', 'TokenInsertNeck', 'VectorNet', 'all_actors_loss',
    'target_loss'
]
