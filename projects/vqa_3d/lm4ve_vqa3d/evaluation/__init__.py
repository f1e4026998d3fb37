"""The metric of SQA3D."""

from .measures import Ranked, exact_match, place_among, rank_of
from .situated_qa_accuracy import SituatedQAAccuracy

__all__ = [
    'Ranked', 'SituatedQAAccuracy', 'exact_match', 'place_among', 'rank_of'
]
