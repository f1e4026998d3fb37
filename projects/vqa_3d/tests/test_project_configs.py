"""Every leaf: its form, and two training steps on small files."""

from pathlib import Path

import pytest

from lm4ve_mm import apis
from lm4ve_mm.testing import ConfigForm, MetafileForm, train_an_epoch

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
WIDTH = 64
# One of each kind of data and layer; the others are slow.
QUICK = ('sqa3d_llama', 'sqa3d_repository', 'sqa3d_minilm_rooms',
         'sqa3d_blind_rooms')


class TestForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('rooms', )
    # Host and data set of the others have one name.
    NAME = r'sqa3d(_[a-z0-9]+)*(_({data}))?'
    TOOLBOXES = dict(sqa3d='mmpretrain')


class TestMetafile(MetafileForm):
    CONFIGS = CONFIGS
    METRICS = 'EM@1|EM@10'
    LEFT_OUT = dict.fromkeys(
        [leaf.stem for leaf in LEAVES if leaf.stem.endswith('_rooms')],
        'its figures are in the README, beside the type prior')


@pytest.fixture(scope='module')
def rooms(tmp_path_factory):
    return tmp_path_factory.mktemp('generated') / 'rooms'


def toy(path, work_dir, rooms, sqa3d, llama):
    """The recipe on two batches, a small host and a toy LLaMA."""
    cfg = apis.load_config(path)
    cfg.launcher = 'none'
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{path.stem}'
    cfg.log_level = 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    cfg.train_cfg.val_interval = 1
    generated = path.stem.endswith('_rooms')
    for stage in ('train', 'val', 'test'):
        loader = cfg[f'{stage}_dataloader']
        loader.update(batch_size=4 if generated else 2, num_workers=0)
        data = loader.dataset
        if generated:
            inner = data.get('dataset', data)
            inner.update(data_root=str(rooms), train=2, val=1, test=1)
            if inner is data:
                inner.indices = 8
            else:
                # A room is a sample.
                loader.batch_size = 1
            continue
        data.data_root = str(sqa3d)
        for step in data.pipeline:
            if step.type.endswith('SampleScene'):
                step.num_points = 64
            elif step.type.endswith('EmbedTexts'):
                step.word_vectors = str(sqa3d / 'words.npz')
            elif step.type.endswith('AugmentScene'):
                # One of the golden situations is tilted.
                step.flip = False
    if not generated:
        shrink(cfg.model, sqa3d)
    llm = (cfg.model.get('neck') or {}).get('llm', {})
    if 'checkpoint' in llm and not generated:
        llm.checkpoint = str(llama)
        llm.pop('file_sha256', None)
    if 'hidden_dims' in llm:
        llm.hidden_dims = WIDTH
    return cfg


def shrink(model, sqa3d):
    """Make the host of the real data small."""
    model.update(num_answers=5, channels=32, flatten_hidden=16,
                 flatten_channels=16,
                 answers=str(sqa3d / 'sqa_task/answer_dict.json'))
    model.detector.update(
        num_proposals=4, out_channels=16, seed_channels=16,
        levels=[(16, 1., 4, (8, 8)), (8, 1., 4, (8, 16)),
                (8, 2., 4, (8, 16)), (4, 2., 4, (8, 16))])


def marked(path):
    marks = [] if path.stem in QUICK else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_can_be_written(path):
    """As a run does beside its logs; no key may be a keyword of Python."""
    assert 'SituatedQA' in apis.load_config(path).pretty_text


@pytest.mark.parametrize('path', [marked(leaf) for leaf in LEAVES])
def test_trains_two_steps(path, tmp_path, rooms, sqa3d, llama):
    runner, names, moved = train_an_epoch(
        toy(path, tmp_path, rooms, sqa3d, llama))
    assert runner.iter == 2
    assert runner.message_hub.get_scalar('val/sqa/EM@1').current() >= 0
    assert {'answer_head.3.weight', 'fusion.texts.lstm.weight_ih_l0'} <= moved
    assert {name for name in names if name.startswith('neck.')} <= moved
    blind = 'blind' in path.stem
    assert blind != ('detector.head.mlp.6.weight' in moved)
