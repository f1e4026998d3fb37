"""What every host has to keep, as tests that a project subclasses.

A project adds its host in ten lines. Its ``conftest.py``, or that of the
repository, says ``pytest_plugins = ['lm4ve_mm.testing.fixtures']``; a test
module says::

    from lm4ve_mm.testing import TINY_LLAMA, Host, HostProperties

    def model(llm):
        return dict(type='lm4ve_mm.MyClassifier', ..., neck=dict(
            type='lm4ve_mm.FrozenLLMNeck', in_channels=16, llm=llm))

    class TestMyHost(HostProperties):
        HOST = Host(model, TINY_LLAMA, 'neck.layer', dataset=..., metric=...,
                    imports=('lm4ve_my_project', ))

The digest of the block is then tested at five places of a run, and that
checkpoints hold no weight of it, that a run cut off at a random moment goes
on bit for bit, and that two processes agree. :class:`ConfigForm` and
:class:`MetafileForm` test a folder of configs and its ``metafile.yml``.
The fixtures ``run_tool`` and ``warm_python`` run tools and code without
importing everything anew. No toolbox but the host's own is imported. Needs
pytest: ``[test]``.
"""

import pytest

# Before the modules are imported: failures then show both sides.
pytest.register_assert_rewrite(
    *(f'{__name__}.{name}' for name in (
        'configs', 'frozen', 'metafile', 'processes', 'resume')))

from .commands import RUNNER  # noqa: E402
from .configs import ConfigForm, differences, flat_config  # noqa: E402
from .frozen import FrozenBlock, nudge  # noqa: E402
from .host import TINY_LLAMA, Host  # noqa: E402
from .metafile import MetafileForm  # noqa: E402
from .processes import TwoProcesses, server, train_in_two  # noqa: E402
from .resume import Resume  # noqa: E402
from .runs import (  # noqa: E402
    PowerCut,
    StopAfterEpoch,
    build_runner,
    layer_of,
    probe,
    run_config,
    train_an_epoch,
)


class HostProperties(FrozenBlock, Resume, TwoProcesses):
    """All properties of a host with a frozen block."""


__all__ = [
    'ConfigForm', 'FrozenBlock', 'Host', 'HostProperties', 'MetafileForm',
    'PowerCut', 'RUNNER', 'Resume', 'StopAfterEpoch', 'TINY_LLAMA',
    'TwoProcesses', 'build_runner', 'differences', 'flat_config', 'layer_of',
    'nudge', 'probe', 'run_config', 'server', 'train_an_epoch', 'train_in_two'
]
