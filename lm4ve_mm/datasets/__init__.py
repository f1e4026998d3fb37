"""Data sets that the toolboxes do not have."""

from .digits import Digits

__all__ = ['Digits']
