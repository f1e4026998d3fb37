"""What can go wrong with the files of a data set."""


class DataNotFoundError(FileNotFoundError):
    """No data where the configuration says it lies."""


class DataError(ValueError):
    """A file that is there but does not hold what it should."""
