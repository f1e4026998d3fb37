"""Files of videos and their lists; needs no toolbox, PyAV for the files."""

from .annotations import (
    Clip,
    missing_files,
    read_class_names,
    read_list,
    write_list,
)
from .errors import (
    AnnotationError,
    CodecNotFoundError,
    VideoError,
    VideoNotFoundError,
    naming,
)

__all__ = [
    'AnnotationError', 'Clip', 'CodecNotFoundError', 'VideoError',
    'VideoNotFoundError', 'missing_files', 'naming', 'read_class_names',
    'read_list', 'write_list'
]
