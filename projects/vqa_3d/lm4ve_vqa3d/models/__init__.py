"""The detector, and the model that answers."""

from .detection_losses import detection_losses
from .pointnet2 import PointNet2
from .set_abstraction import FeaturePropagation, SetAbstraction
from .votenet import VoteNet
from .voting import Detection, ProposalHead, Voting

__all__ = [
    'Detection', 'FeaturePropagation', 'PointNet2', 'ProposalHead',
    'SetAbstraction', 'VoteNet', 'Voting', 'detection_losses'
]
