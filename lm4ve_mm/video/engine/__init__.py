"""What runs beside the testing of videos."""

from .draw_clips_hook import DrawClipsHook

__all__ = ['DrawClipsHook']
