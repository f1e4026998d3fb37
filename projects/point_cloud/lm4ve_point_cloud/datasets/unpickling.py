"""Reading upstream's pickled arrays without running what they contain."""

import pickle
from pathlib import Path
from typing import Any

from .errors import DataError, DataNotFoundError

# All that pickled lists and dicts of numpy arrays need; `numpy._core` since
# numpy 2, `_codecs` for the bytes of protocol 2.
ALLOWED = {
    *((f'numpy.{core}.{module}', name) for core in ('core', '_core')
      for module, name in (('multiarray', '_reconstruct'),
                           ('multiarray', 'scalar'),
                           ('numeric', '_frombuffer'))),
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    ('_codecs', 'encode'),
}


class ArrayUnpickler(pickle.Unpickler):
    """Knows numpy arrays, and nothing that could act."""

    def find_class(self, module: str, name: str) -> Any:
        """Give what arrays are made of.

        Raises:
            DataError: For anything else.
        """
        if (module, name) not in ALLOWED:
            raise DataError(f'it asks for {module}.{name}, which no array '
                            'needs; nothing of it was run')
        return super().find_class(module.replace('.core.', '._core.'), name)


def read_pickle(path: Path, allow_pickle: bool, remedy: str) -> Any:
    """Read a pickle of arrays, if the caller allows it.

    Args:
        path (Path): The file.
        allow_pickle (bool): The explicit consent.
        remedy (str): How to do without, for the message.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it was not allowed, is damaged, or holds more than
            arrays.
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
            ImportError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f'{path} cannot be read as a pickle of arrays: it is '
                        f'damaged or incomplete ({error})') from error
