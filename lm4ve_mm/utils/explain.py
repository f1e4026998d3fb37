"""How a tool ends when its user has made a mistake."""

import re
import sys
from contextlib import ContextDecorator
from pathlib import Path
from types import TracebackType

# What reading and checking raise, with messages made for people.
MISTAKES = (OSError, ValueError, RuntimeError)


class explained(ContextDecorator):
    """Turns an error into one line and exit status 2, without a traceback.

    For a function or for a part of it::

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
        if isinstance(error, self.errors):
            print(  # noqa: T201
                f'{Path(sys.argv[0]).name}: error: {_without_worker(error)}',
                file=sys.stderr,
                flush=True)
            sys.exit(2)


def _without_worker(error: BaseException) -> str:
    """The message alone, where a worker has put its traceback before it."""
    text = str(error)
    if not re.match(r'Caught \w+ in \w+ worker process', text):
        return text
    *_, message = re.split(rf'\n[\w.]*{type(error).__name__}: ', text)
    return message.strip()
