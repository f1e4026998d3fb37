"""What video configs register besides :mod:`lm4ve_mm.plugin`.

Apart from it, since it imports MMAction2, which images do without.
"""

from importlib.util import find_spec

from . import plugin  # noqa: F401  (repairs first)
from .llm.errors import how_to_install

if find_spec('mmaction') is None:
    raise ImportError('video needs MMAction2, which is not installed: '
                      f'{how_to_install("video")}')

from .datasets import video as datasets  # noqa: E402
from .models.backbones import token_vit as backbones  # noqa: E402
from .models.heads import videomae_head as heads  # noqa: E402

__all__ = ['backbones', 'datasets', 'heads']
