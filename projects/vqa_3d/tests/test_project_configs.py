"""Every leaf: its form, and two training steps on generated files."""

from pathlib import Path

import pytest

from lm4ve_mm import apis
from lm4ve_mm.testing import ConfigForm, train_an_epoch

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
ROOMS = [leaf for leaf in LEAVES if leaf.stem.endswith('_rooms')]
# One of each kind of layer and data; the others are slow.
QUICK = ('sqa3d_minilm_rooms', 'sqa3d_blind_rooms')


class TestForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('rooms', )
    # Host and data set of the others have one name.
    NAME = r'sqa3d(_[a-z0-9]+)*(_({data}))?'
    TOOLBOXES = dict(sqa3d='mmpretrain')


@pytest.fixture(scope='module')
def rooms(tmp_path_factory):
    return tmp_path_factory.mktemp('generated') / 'rooms'


def toy(path, work_dir, rooms):
    """The recipe on two batches, and one room to test."""
    cfg = apis.load_config(path)
    cfg.launcher = 'none'
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{path.stem}'
    cfg.log_level = 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    cfg.train_cfg.val_interval = 1
    for stage in ('train', 'val', 'test'):
        loader = cfg[f'{stage}_dataloader']
        loader.update(batch_size=4, num_workers=0)
        loader.dataset.update(data_root=str(rooms), train=1, val=1, test=1,
                              indices=8)
    return cfg


def marked(path):
    marks = [] if path.stem in QUICK else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize('path', [marked(leaf) for leaf in ROOMS])
def test_trains_two_steps(path, tmp_path, rooms):
    runner, names, moved = train_an_epoch(toy(path, tmp_path, rooms))
    assert runner.iter == 2
    assert runner.message_hub.get_scalar('val/sqa/EM@1').current() >= 0
    assert 'answer_head.3.weight' in moved
    assert ('neck' in str(moved)) == ('neck' in str(names))
    blind = 'blind' in path.stem
    assert blind != any(name.startswith('detector.backbone')
                        for name in moved)
