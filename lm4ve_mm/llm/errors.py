"""What can go wrong with a language-model block, each with its own name.

And the remedy that several messages share.
"""


class CheckpointNotFoundError(FileNotFoundError):
    """No checkpoint where the configuration says it lies."""


class CheckpointError(ValueError):
    """A checkpoint that is there but cannot give the wanted block."""


class BlockMismatchError(RuntimeError):
    """Weights that were trained with, or measured as, another block."""


def how_to_install(extra: str) -> str:
    """What to type for an extra of ours, which no package index has.

    Args:
        extra: Its name in ``setup.cfg``.
    """
    return (f"in the checkout, pip install -e '.[{extra}]' -c "
            'requirements/constraints.txt')
