"""Arrays out of pickles, without running what a pickle contains.

A pickle names functions and calls them. Those of numpy are not harmless:
``numpy.ndarray`` makes an array of Python objects at any address, and the
state of a ``numpy.dtype`` decides how bytes are read. :data:`ARRAY_PARTS`
puts functions of ours under numpy's names. They rebuild arrays of plain
numbers, whose size is checked, and nothing else.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError, DataNotFoundError

NUMBERS = frozenset(
    'b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16'.split())


class NumberType:
    """Stands in for ``numpy.dtype``: one of :data:`NUMBERS`."""

    def __init__(self, code: str, align: bool = False,
                 copy: bool = True) -> None:
        if isinstance(code, bytes):
            code = code.decode('ascii')
        if code not in NUMBERS:
            raise pickle.UnpicklingError(
                f'it holds values of the type {code!r:.40}; only numbers are '
                'read')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        """Take the byte order of numpy's state; the rest must be empty."""
        order = state[1]
        if isinstance(order, bytes):
            order = order.decode('ascii')
        if order not in ('<', '>', '|', '=') or any(state[2:5]):
            raise pickle.UnpicklingError('it holds a type that is no number')
        if order in '<>':
            self.dtype = self.dtype.newbyteorder(order)


class NumberArray(np.ndarray):
    """Stands in for ``numpy.ndarray``: empty until its state is set.

    A pickle of it is one of a plain array.
    """

    def __new__(cls) -> 'NumberArray':
        """Take no buffer, shape or type, unlike numpy's class."""
        return super().__new__(cls, (0, ), np.uint8)

    def __setstate__(self, state: tuple) -> None:
        """Take shape, type and bytes that fit each other."""
        _, shape, kind, column_major, content = state
        if not isinstance(kind, NumberType):
            raise pickle.UnpicklingError('it holds an array of no numbers')
        if isinstance(content, str):
            content = content.encode('latin1')
        size = int(np.prod(shape, dtype=object)) * kind.dtype.itemsize
        if (not isinstance(content, bytes) or len(content) != size
                or min(shape, default=0) < 0):
            raise pickle.UnpicklingError(
                f'it holds an array of shape {shape} whose bytes do not fit')
        super().__setstate__(
            (1, tuple(shape), kind.dtype, bool(column_major), content))

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Pickle as numpy's class does."""
        return np.array(self).__reduce_ex__(protocol)


def rebuild_array(kind: type, shape: tuple, code: bytes) -> NumberArray:
    """Stand in for numpy's ``_reconstruct``: an array without content."""
    if kind is not NumberArray:
        raise pickle.UnpicklingError('it asks for another class than ndarray')
    return NumberArray()


def rebuild_number(kind: NumberType, content: bytes) -> np.generic:
    """Stand in for numpy's ``scalar``."""
    if isinstance(content, str):
        content = content.encode('latin1')
    array = NumberArray()
    array.__setstate__((1, (1, ), kind, False, content))
    return array[0]


def rebuild_from_buffer(content: Any, kind: NumberType, shape: tuple,
                        order: str) -> NumberArray:
    """Stand in for numpy's ``_frombuffer``, of protocol 5."""
    array = NumberArray()
    array.__setstate__((1, shape, kind, order == 'F', bytes(content)))
    return array


def encode(text: str, codec: str = 'latin1') -> bytes:
    """Stand in for ``_codecs.encode``: bytes as protocol 2 writes them."""
    return text.encode('latin1')


def no_bytes() -> bytes:
    """Stand in for ``bytes``, which protocol 2 calls for empty content."""
    return b''


# Full name in a pickle -> what takes its place. numpy 1 wrote `core`, numpy 2
# writes `_core`.
ARRAY_PARTS = {
    'numpy.ndarray': NumberArray,
    'numpy.dtype': NumberType,
    '_codecs.encode': encode,
    '__builtin__.bytes': no_bytes,
    **{f'numpy.{core}.{name}': part for core in ('core', '_core')
       for name, part in (('multiarray._reconstruct', rebuild_array),
                          ('multiarray.scalar', rebuild_number),
                          ('numeric._frombuffer', rebuild_from_buffer))},
}


class ArrayUnpickler(pickle.Unpickler):
    """Knows arrays of numbers, and nothing that could act."""

    def find_class(self, module: str, name: str) -> Any:
        """Give what arrays are made of.

        Raises:
            DataError: For anything else.
        """
        try:
            return ARRAY_PARTS[f'{module}.{name}']
        except KeyError:
            raise DataError(f'it asks for {module}.{name}, which no array '
                            'needs; nothing of it was run') from None


def read_pickle(path: Path, allow_pickle: bool, remedy: str) -> Any:
    """Read a pickle of arrays, if the caller allows it.

    Args:
        path: The file.
        allow_pickle: The explicit consent.
        remedy: How to do without, for the message.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it was not allowed, is damaged, or holds more than
            arrays of numbers.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there is no file {path}. {remedy}')
    if not allow_pickle:
        raise DataError(
            f'{path} is a pickle, a format that can hold code. {remedy}')
    try:
        with open(path, 'rb') as file:
            return ArrayUnpickler(file).load()
    except DataError as error:
        raise DataError(f'{path} was refused: {error}') from error
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError,
            ImportError, TypeError, UnicodeDecodeError, ValueError,
            OverflowError, MemoryError) as error:
        raise DataError(f'{path} cannot be read as a pickle of arrays: it is '
                        f'damaged or incomplete ({error})') from error
