"""What can go wrong with videos and their lists, each with its own name."""


class VideoNotFoundError(FileNotFoundError):
    """No video, or no list of videos, where the configuration says."""


class VideoError(ValueError):
    """A video that is there but cannot be decoded."""


class AnnotationError(ValueError):
    """A list of videos that is there but does not hold what it should."""
