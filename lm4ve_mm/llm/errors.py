"""Errors of language-model blocks, and the advice that messages share."""


class CheckpointNotFoundError(FileNotFoundError):
    """There is no checkpoint at the configured place."""


class CheckpointError(ValueError):
    """A checkpoint that is there but does not give the wanted block."""


class BlockMismatchError(RuntimeError):
    """Weights that belong to another block, or to another function of it."""


def how_to_install(extra: str) -> str:
    """The command that installs an extra of this package.

    It is on no package index.

    Args:
        extra: Its name in ``setup.cfg``.
    """
    return (f"in the checkout, pip install -e '.[{extra}]' -c "
            'requirements/constraints.txt')
