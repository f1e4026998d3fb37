"""What can go wrong with the files of a data set."""

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

__all__ = ['DataError', 'DataNotFoundError']
