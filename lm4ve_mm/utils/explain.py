"""How a tool ends when its user has made a mistake."""

import re
import sys
from collections.abc import Iterator
from contextlib import ContextDecorator
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType

# What reading and checking raise, with messages made for people.
MISTAKES = (OSError, ValueError, RuntimeError)

# Packages that are installed from a checkout, as often as not.
OURS = ('lm4ve_', 'mmengine', 'mmcv', 'mmpretrain', 'mmaction')


class explained(ContextDecorator):
    """Turns an error into one line and exit status 2, without a traceback.

    What code of the user's own raises keeps its traceback
    (:func:`is_users_bug`). For a function or for a part of it::

        @explained()
        def main() -> None: ...

        with explained(CheckpointError): ...

    Args:
        *errors: The classes to explain; by default :data:`MISTAKES`.
    """

    def __init__(self, *errors: type[Exception]) -> None:
        self.errors = errors or MISTAKES

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        """Print the message of an expected error and leave."""
        if isinstance(error, self.errors) and not is_users_bug(error):
            print(  # noqa: T201
                f'{Path(sys.argv[0]).name}: error: {_without_worker(error)}',
                file=sys.stderr,
                flush=True)
            sys.exit(2)


def is_users_bug(error: BaseException) -> bool:
    """Whether an error comes from code that is neither ours nor installed.

    Errors of our own classes, and files that are missing, have a message
    that says enough, whoever calls what raises them.

    Args:
        error: As it was caught. The file of the function that caught it, a
            tool's, does not count as the user's.
    """
    if (isinstance(error, FileNotFoundError)
            or type(error).__module__.startswith('lm4ve_')):
        return False
    frames = list(_frames(error))
    return any(_is_users(frame) and frame.f_code.co_filename
               != frames[0].f_code.co_filename for frame in frames)


def _frames(error: BaseException | None) -> Iterator[FrameType]:
    """Frames of an error, and of those that it was made of.

    MMEngine's registries raise errors anew, to name the class.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield from (frame for frame, _ in walk_tb(error.__traceback__))
        error = error.__cause__ or error.__context__


def _is_users(frame: FrameType) -> bool:
    package = frame.f_globals.get('__name__', '').partition('.')[0]
    installed = {'site-packages', 'dist-packages'} & set(
        Path(frame.f_code.co_filename).parts)
    # The program itself is one of our tools: a user's code is imported.
    return not (installed or package == '__main__'
                or package in sys.stdlib_module_names
                or package.startswith(OURS))


def _without_worker(error: BaseException) -> str:
    """The message alone, where a worker has put its traceback before it."""
    text = str(error)
    if not re.match(r'Caught \w+ in \w+ worker process', text):
        return text
    *_, message = re.split(rf'\n[\w.]*{type(error).__name__}: ', text)
    return message.strip()
