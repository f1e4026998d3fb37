"""Repairs of upstream breakages."""


def apply() -> None:
    """Apply every repair that this environment needs."""
