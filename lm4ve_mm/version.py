"""The version, in the one place that setup.cfg reads it from."""

__version__ = '0.2.0'
