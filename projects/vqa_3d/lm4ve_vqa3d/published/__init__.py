"""Files that the repository of SQA3D has published."""

from .sqa3d_files import is_published, translate

__all__ = ['is_published', 'translate']
