"""What the block costs, counted."""

from .cost import Cost, count_cost

__all__ = ['Cost', 'count_cost']
