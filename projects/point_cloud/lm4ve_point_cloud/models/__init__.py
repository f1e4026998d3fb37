"""Models of point cloud classification."""

from .mini_pointnet import MiniPointNet
from .point_bert import PointBERT
from .point_classifier import PointCloudClassifier
from .point_head import PointBERTHead
from .point_voting import PointVoteTTA
from .preprocessor import PointCloudPreprocessor

__all__ = [
    'MiniPointNet', 'PointBERT', 'PointBERTHead', 'PointCloudClassifier',
    'PointCloudPreprocessor', 'PointVoteTTA'
]
