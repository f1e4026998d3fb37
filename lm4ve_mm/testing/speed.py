"""What MMEngine spends its time on before a tiny run begins, spared."""

import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from mmengine.config import utils


@contextmanager
def spared() -> Iterator[None]:
    """Short cuts that change no result of a test.

    A written config is correct, but not laid out; the index of a toolbox is
    read once instead of once for each base config; what was imported is no
    longer searched for garbage, which MMEngine does for each data set.
    """
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode',
                      lambda text, **_: (text, False))
        patch.setattr(utils, '_get_cfg_metainfo',
                      functools.cache(utils._get_cfg_metainfo))
        yield
    gc.unfreeze()
