"""What is installed, and what to type for what is not."""

from importlib.util import find_spec


def how_to_install(extra: str) -> str:
    """What to type for an extra of ours, which no package index has.

    Args:
        extra: Its name in ``setup.cfg``.
    """
    return (f"in the checkout, pip install -e '.[{extra}]' -c "
            'requirements/constraints.txt')


def is_installed(module: str) -> bool:
    """Tell whether a top-level module could be imported; imports nothing."""
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
