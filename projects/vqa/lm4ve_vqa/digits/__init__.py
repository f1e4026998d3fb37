"""What only the generated digits need."""

from .warm_up_hook import WarmUpOnDigitsHook

__all__ = ['WarmUpOnDigitsHook']
