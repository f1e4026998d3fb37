"""Images: what needs MMPretrain. Importing it registers everything."""

from . import datasets, model_names, models

model_names.register()

__all__ = ['datasets', 'models']
