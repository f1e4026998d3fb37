"""Weights that MMEngine draws again after loading, or loads in part."""

import functools
import pickle
from pathlib import Path
from typing import Any

from .checkpoint_configs import note_configs

_MARK = 'lm4ve_mm_starts'


def load_files_last() -> bool:
    """Let the file of an ``init_cfg`` have the last word.

    Seen broken: mmengine 0.10.7 and onedl-mmengine 0.10.12, which take
    ``'Pretrained'`` alone for a file: ``'mmengine.Pretrained'`` and the like
    run before the children's ``init_weights``, which draw the weights anew
    (34 of 52 tensors of a small ViT); and mmpretrain 1.2.0, whose ViT draws
    its positions anew where ``init_cfg`` is a list. Removable when MMEngine
    resolves the type and a model's files are read after all else.
    """
    from mmengine.model import BaseModule

    build = BaseModule.__init__
    if hasattr(build, _MARK):
        return False

    @functools.wraps(build)
    def build_and_watch(self, *args, **kwargs) -> None:
        build(self, *args, **kwargs)
        _watch(type(self))

    setattr(build_and_watch, _MARK, True)
    BaseModule.__init__ = build_and_watch
    return True


def _watch(kind: type) -> None:
    """Load files after the ``init_weights`` that a class has."""
    owner = next(c for c in kind.__mro__ if 'init_weights' in vars(c))
    given = vars(owner)['init_weights']
    if hasattr(given, _MARK):
        return

    @functools.wraps(given)
    def init_weights(self, *args, **kwargs) -> Any:
        from lm4ve_mm.models.starts import files_last
        with files_last(self):
            return given(self, *args, **kwargs)

    setattr(init_weights, _MARK, True)
    owner.init_weights = init_weights


def load_whole_hosts() -> bool:
    """Translate names wherever MMEngine loads, and refuse half a host.

    Seen broken: mmengine 0.10.7 and onedl-mmengine 0.10.12, which load what
    happens to have the same name and warn of the rest, outside the log of
    the run: a file of timm's names fills two tensors of 152.
    """
    from mmengine.runner import checkpoint

    if hasattr(checkpoint.load_state_dict, _MARK):
        return False

    @functools.wraps(checkpoint.load_state_dict)
    def load_state_dict(module, state_dict, strict=False, logger=None):
        from lm4ve_mm.models.starts import load_into
        load_into(module, state_dict, strict)

    setattr(load_state_dict, _MARK, True)
    checkpoint.load_state_dict = load_state_dict
    loader = checkpoint.CheckpointLoader
    read = loader.load_checkpoint

    def load_checkpoint(cls, filename, map_location=None, logger='current'):
        from lm4ve_mm.llm.weights.tensor_files import open_torch
        from lm4ve_mm.models.starts import note_file
        try:
            held = read(filename, map_location, logger)
        except pickle.UnpicklingError:
            # Training scripts save their arguments too, as a Namespace.
            if not Path(filename).is_file():
                raise
            held = open_torch(Path(filename))
        note_file(held, str(filename))
        note_configs(held)
        return held

    loader.load_checkpoint = classmethod(load_checkpoint)
    return True
