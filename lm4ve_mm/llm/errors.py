"""Errors of language-model blocks."""


class CheckpointNotFoundError(FileNotFoundError):
    """There is no checkpoint at the configured place."""


class CheckpointError(ValueError):
    """A checkpoint that is there but does not give the wanted block."""


class BlockMismatchError(RuntimeError):
    """Weights that belong to another block, or to another function of it."""
