"""Frozen language-model blocks as encoder layers of OpenMMLab vision models.

Importing this package imports no toolbox and changes nothing. The parts:

* :mod:`lm4ve_mm.llm`: the frozen block, on torch and safetensors alone.
* :mod:`lm4ve_mm.plugin`: import it (or name it in a config's
  ``custom_imports``) to register everything with MMEngine.
* ``python -m lm4ve_mm.env``: what is installed, what is known to be broken.

The method is that of "Frozen Transformers in Language Models Are Effective
Visual Encoder Layers", arXiv 2310.12973.
"""

from .version import __version__

__all__ = ['__version__']
