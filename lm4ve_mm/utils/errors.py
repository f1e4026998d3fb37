"""Mistakes in what a user gives, each with a message made for people."""


class ConfigError(ValueError):
    """Parts of a config that do not fit together."""


class DataNotFoundError(FileNotFoundError):
    """No data where the configuration says it lies."""


class DataError(ValueError):
    """A file that is there but does not hold what it should."""
