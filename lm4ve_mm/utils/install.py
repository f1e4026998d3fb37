"""What is installed, and what to type for what is not."""

from importlib.machinery import ModuleSpec
from importlib.util import find_spec


def how_to_install(extra: str) -> str:
    """What to type for an extra of ours, which no package index has.

    Args:
        extra: Its name in ``setup.cfg``.
    """
    return (f"in the checkout, pip install -e '.[{extra}]' -c "
            'requirements/constraints.txt')


def find_module(name: str) -> ModuleSpec | None:
    """Where a top-level module would be imported from; imports nothing."""
    try:
        return find_spec(name)
    except ImportError:
        return None


def is_installed(name: str) -> bool:
    """Tell whether a top-level module could be imported; imports nothing."""
    return find_module(name) is not None
