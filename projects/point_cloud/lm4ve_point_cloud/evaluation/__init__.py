"""Metrics of point cloud classification."""

from .vote_accuracy import VoteAccuracy

__all__ = ['VoteAccuracy']
