"""Every leaf of configs/dense: its form, and two steps on toy data.

Without MMSegmentation or MMDetection only the form is tested. To run all,
in an environment of its own: ``pip install -e '.[dense,test]'``.
"""

from pathlib import Path

import pytest
from mmengine.config import Config

from lm4ve_mm.testing import ConfigForm, MetafileForm, train_an_epoch
from lm4ve_mm.testing.configs import leaves_in

CONFIGS = Path(__file__).parents[2] / 'configs' / 'dense'
TOOLBOXES = dict(fcn='mmseg', upernet='mmseg', retinanet='mmdet')


def toolbox_of(leaf):
    found, = (toolbox for start, toolbox in TOOLBOXES.items()
              if leaf.stem.startswith(start))
    return found


class TestDenseForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('shapes', 'ade20k', 'coco')
    TOOLBOXES = TOOLBOXES

    def test_parses_and_registers(self, leaf, read_config, need):
        need(toolbox_of(leaf))
        super().test_parses_and_registers(leaf, read_config)
        assert 'lm4ve_mm.dense' in read_config(leaf).custom_imports.imports


class TestDenseMetafile(MetafileForm):
    CONFIGS = CONFIGS
    METRICS = 'mIoU|box AP'


TOY_CLASSES = ('person', 'car')
# Sides of images, in data sets and preprocessors.
SMALLER = {512: 64, 2048: 96, 1333: 96, 800: 64}


def smaller(value):
    """The same with images of a few pixels."""
    if isinstance(value, dict):
        return {key: smaller(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(smaller, value))
    return SMALLER.get(value, value) if isinstance(value, int) else value


def without_sync(value):
    """The same without SyncBN, which needs a GPU."""
    if isinstance(value, dict):
        return {key: without_sync(item) for key, item in value.items()}
    return 'BN' if value == 'SyncBN' else value


def toy(cfg, work_dir, data, llama):
    """The recipe on two batches of a toy data set, and a toy LLaMA."""
    cfg = Config(without_sync(cfg.to_dict()))
    shapes = cfg.train_dataloader.dataset.type == 'lm4ve_mm.PhotoShapes'
    for stage in ('train', 'val', 'test'):
        name = f'{stage}_dataloader'
        if not shapes:
            cfg[name] = smaller(cfg[name].to_dict())
        loader = cfg[name]
        if shapes:
            loader.dataset.update(
                count=8, data_root=str(work_dir / 'photo_shapes'))
        else:
            loader.dataset.data_root = f'{data}/'
            if cfg.default_scope == 'mmdet':
                loader.dataset.metainfo = dict(classes=TOY_CLASSES)
        loader.update(batch_size=4 if shapes else 2, num_workers=0,
                      persistent_workers=False)
    for stage in ('val', 'test'):
        if 'ann_file' in cfg[f'{stage}_evaluator']:
            cfg[f'{stage}_evaluator'].ann_file = str(
                data / 'annotations/instances_val2017.json')
    if not shapes:
        preprocessor = cfg.model.data_preprocessor
        cfg.model.data_preprocessor = smaller(preprocessor.to_dict())
        cfg.model.backbone.backbone.init_cfg = None
        cfg.model.backbone.llm.checkpoint = str(llama)
    if cfg.default_scope == 'mmdet':
        cfg.model.bbox_head.num_classes = len(TOY_CLASSES)
        cfg.model.test_cfg.score_thr = 0.  # so that boxes are suppressed
    cfg.param_scheduler = None
    cfg.train_cfg.update(
        dict(max_iters=2, val_interval=2) if 'max_iters' in cfg.train_cfg
        else dict(val_interval=1))
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    return Config(dict(cfg, work_dir=str(work_dir), log_level='ERROR',
                       experiment_name=work_dir.name))


@pytest.mark.slow
@pytest.mark.parametrize('leaf', leaves_in(CONFIGS),
                         ids=lambda leaf: leaf.stem)
def test_trains_two_steps(leaf, tmp_path, tiny_ade20k, tiny_coco, tiny_llama,
                          need):
    need(toolbox_of(leaf))
    from lm4ve_mm import dense  # noqa: F401  (registers the data set)
    data = tiny_coco if leaf.stem.endswith('coco') else tiny_ade20k
    cfg = toy(Config.fromfile(leaf), tmp_path, data, tiny_llama)
    runner, names, moved = train_an_epoch(cfg)
    assert runner.iter == 2
    metric = 'coco/bbox_mAP' if leaf.stem.endswith('coco') else 'mIoU'
    assert runner.message_hub.get_scalar(f'val/{metric}').current() >= 0
    maps = {name for name in names if '.layer.map_' in name}
    assert bool(maps) == (leaf.stem != 'fcn_r18_shapes')
    assert maps <= moved
    assert not [name for name in moved if '.layer.blocks.' in name]
