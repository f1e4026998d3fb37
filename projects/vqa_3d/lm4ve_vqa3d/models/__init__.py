"""The detector, and the model that answers."""

from .answer_losses import answer_losses
from .attention import Attention, Flatten, GuidedLayer, SelfLayer, StdNorm
from .detection_losses import detection_losses
from .fusion import Fused, Fusion
from .language import TextEncoder
from .pointnet2 import PointNet2
from .preprocessor import ScenePreprocessor
from .set_abstraction import FeaturePropagation, SetAbstraction
from .situated_qa import SituatedQA
from .votenet import VoteNet
from .voting import Detection, ProposalHead, Voting

__all__ = [
    'Attention', 'Detection', 'FeaturePropagation', 'Flatten', 'Fused',
    'Fusion', 'GuidedLayer', 'PointNet2', 'ProposalHead',
    'ScenePreprocessor', 'SelfLayer', 'SetAbstraction', 'SituatedQA',
    'StdNorm', 'TextEncoder', 'VoteNet', 'Voting', 'answer_losses',
    'detection_losses'
]
