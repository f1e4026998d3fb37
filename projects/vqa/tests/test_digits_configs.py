"""The leaves of the generated digits: two training steps each."""

from pathlib import Path

import pytest
import torch

from lm4ve_mm import apis
from lm4ve_mm.testing import train_an_epoch

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*_digits_*.py'))
SMALL = dict(train=8, val=4, gallery=3, min_count=1)


def toy(path, work_dir, root):
    """The recipe on a few pictures, its text encoder as it is."""
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
        loader.dataset.update(data_root=str(root), **SMALL)
        if stage == 'train':
            loader.dataset.indices = 8
    for hook in cfg.custom_hooks:
        if hook.type.endswith('WarmUpOnDigitsHook'):
            hook.steps = 2
    return cfg


# One of each task; the others differ in the neck alone.
QUICK = ('meter_tiny_minilm_digits_vqa', 'meter_tiny_minilm_digits_retrieval')


def marked(path):
    marks = [] if path.stem in QUICK else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize('path', [marked(leaf) for leaf in LEAVES])
def test_trains_two_steps(path, tmp_path, generated):
    """Everything but what is frozen learns, and the metrics are there."""
    cfg = toy(path, tmp_path, generated / 'digits_vqa')
    if 'vqa' in path.stem:
        # Of so few questions not every answer is there.
        from lm4ve_vqa.datasets import DigitsVQA, read_answers
        DigitsVQA('train', data_root=cfg.train_dataloader.dataset.data_root,
                  **SMALL)
        cfg.model.head.num_answers = len(read_answers(
            Path(cfg.train_dataloader.dataset.data_root, 'answers.json')))
    runner, names, moved = train_an_epoch(cfg)
    assert runner.iter == 2
    scalar = runner.message_hub.get_scalar
    if 'vqa' in path.stem:
        assert 0 <= scalar('val/vqa/overall').current() <= 100
    else:
        assert 0 <= scalar('val/retrieval/IR@1').current() <= 100
    assert not any('text_encoder' in name for name in names)
    frozen = {name for name in names if '.blocks.' in name
              or 'itm_score' in name}
    spare = {name for name in names - frozen - moved}
    # Biases of keys learn nothing, softmax takes them out; the class token's
    # last position is seen by nobody else.
    assert all('key' in name for name in spare), spare
    assert frozen.isdisjoint(moved)


def test_digits_need_no_more_answers():
    """As many as the generator's files have, all seeds alike."""
    from lm4ve_vqa.datasets.grid_pictures import COLOURS, PLACES
    cfg = apis.load_config(CONFIGS / 'meter_tiny_digits_vqa.py')
    assert cfg.model.head.num_answers == (
        2 + 10 + len(COLOURS) + len(PLACES))


def test_warm_up_wants_digits(tmp_path, vqav2):
    from types import SimpleNamespace

    from lm4ve_vqa.datasets import VQAv2
    from lm4ve_vqa.digits import WarmUpOnDigitsHook

    from lm4ve_mm.utils.errors import ConfigError
    data = VQAv2('train', answers=str(vqav2 / 'answers.json'),
                 data_root=str(vqav2))
    runner = SimpleNamespace(
        iter=0, train_dataloader=SimpleNamespace(dataset=data))
    with pytest.raises(ConfigError, match='not of VQAv2'):
        WarmUpOnDigitsHook().before_train(runner)
    runner.iter = 5
    WarmUpOnDigitsHook().before_train(runner)
    with pytest.raises(ConfigError, match='steps=0 .* leave WarmUp'):
        WarmUpOnDigitsHook(steps=0)


def test_warm_up_labels(generated):
    """Labels are those of the patches: each shows its colour most."""
    from lm4ve_vqa.datasets import DigitsVQA
    from lm4ve_vqa.digits.warm_up_hook import read_pictures
    cfg = apis.load_config(CONFIGS / 'meter_tiny_digits_vqa.py')
    data = DigitsVQA(
        'train', data_root=str(generated / 'digits_vqa'),
        pipeline=cfg.train_dataloader.dataset.pipeline, **SMALL)
    images, digits, colours = read_pictures(data)
    assert images.shape == (8, 3, 16, 16)
    assert digits.shape == colours.shape == (8, 4)
    red, green, blue = images.float().unfold(2, 8, 8).unfold(
        3, 8, 8).amax((-1, -2)).flatten(2).unbind(1)
    wanted = torch.stack([
        red, green, blue, torch.minimum(red, green) * 1.2]).argmax(0)
    assert torch.equal(colours, wanted)
