"""Why a run does not start, or stops."""


class RunError(ValueError):
    """A run that would go wrong; the message alone says what to change."""


class NonFiniteError(RunError):
    """A loss or a weight that is NaN or infinite."""


class WorkDirInUseError(RunError):
    """A work folder that another training is writing into."""
