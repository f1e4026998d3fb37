"""What a check of a downloaded data set has found."""

from collections.abc import Callable
from typing import NamedTuple

from .errors import DataError, DataNotFoundError


class Finding(NamedTuple):
    """One thing that was looked at.

    Args:
        what: A file, a folder or a number.
        state: What was found.
        problem: What is wrong, and what to do; empty if nothing is.
    """

    what: str
    state: str
    problem: str = ''


def examine(what: str, look: Callable[[], str]) -> Finding:
    """Look at one thing, and take its errors as findings."""
    try:
        return Finding(what, look())
    except DataNotFoundError as error:
        return Finding(what, 'missing', str(error))
    except DataError as error:
        return Finding(what, 'damaged', str(error))
