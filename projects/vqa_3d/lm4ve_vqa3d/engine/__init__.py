"""Training: what the recipe of SQA3D's repository needs."""

from .bn_momentum_hook import BNMomentumHook

__all__ = ['BNMomentumHook']
