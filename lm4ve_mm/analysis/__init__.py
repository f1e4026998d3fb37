"""Counts and measures what the block costs."""

from .cost import Cost, count_cost

__all__ = ['Cost', 'count_cost']
