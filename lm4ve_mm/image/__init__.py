"""Images: what needs MMPretrain. Importing it registers everything."""

from . import datasets, evaluation, layout, model_names, models, transforms

model_names.register()

__all__ = ['datasets', 'evaluation', 'layout', 'models', 'transforms']
