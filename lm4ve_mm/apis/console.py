"""What a run shows on the screen; its log file has all of it."""

import logging

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# Beginnings of what MMEngine logs at length, or about calls of its own that
# no user can change. Nothing of this package is left out.
FILE_ONLY = (
    'Config:\n',
    'Hooks will be executed in the following order',
    'paramwise_options -- ',
    '"FileClient" will be deprecated in future.',
    '"HardDiskBackend" is the alias of "LocalBackend"',
)


def fits_screen(record: logging.LogRecord) -> bool:
    """A filter of the log: False for what :data:`FILE_ONLY` begins."""
    return not record.getMessage().startswith(FILE_ONLY)


class ConsoleRunner(Runner):
    """MMEngine's runner, with the long dumps in the log file alone."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger, and say where the rest can be read."""
        logger = super().build_logger(*args, **kwargs)
        files = []
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                files.append(handler.baseFilename)
            else:
                handler.addFilter(fits_screen)
        logger.info('Config, hooks and the options of single parameters are '
                    f'in the log file alone: {"".join(files)}')
        return logger
