"""Images: what needs MMPretrain. Importing it registers everything."""

from . import datasets, evaluation, model_names, models, transforms

model_names.register()

__all__ = ['datasets', 'evaluation', 'models', 'transforms']
