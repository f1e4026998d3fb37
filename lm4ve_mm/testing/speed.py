"""What MMEngine spends its time on before a tiny run begins, spared."""

import functools
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from mmengine.config import utils


@contextmanager
def spared() -> Iterator[None]:
    """Short cuts that change no result of a test.

    Compilers are not asked for their versions; a written config is correct,
    but not laid out; the index of a toolbox is read once instead of once for
    each base config; nobody waits for the disk, since no test pulls the plug;
    what was imported is not searched for garbage, nor anything after each
    data set that MMEngine has read, and the rest is searched less often.
    """
    gc.collect()
    gc.freeze()
    often = gc.get_threshold()
    gc.set_threshold(10_000, 20, 50)
    with pytest.MonkeyPatch.context() as patch:
        # onedl-mmengine imports it when it is used.
        patch.setattr('mmengine.config.config.FormatCode',
                      lambda text, **_: (text, False), raising=False)
        patch.setattr(utils, '_get_cfg_metainfo',
                      functools.cache(utils._get_cfg_metainfo))
        patch.setattr('mmengine.dataset.base_dataset.gc',
                      SimpleNamespace(collect=lambda: 0))
        patch.setattr('mmengine.runner.runner.collect_env', dict)
        patch.setattr(os, 'fsync', lambda file: None)
        yield
    gc.set_threshold(*often)
    gc.unfreeze()
