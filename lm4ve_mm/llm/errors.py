"""What can go wrong with a language-model block, each with its own name."""


class CheckpointNotFoundError(FileNotFoundError):
    """No checkpoint where the configuration says it lies."""


class CheckpointError(ValueError):
    """A checkpoint that is there but cannot give the wanted block."""


class BlockMismatchError(RuntimeError):
    """Weights that were trained with, or measured as, another block."""
