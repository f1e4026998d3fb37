"""The recipes that are trained here: the town and the real scenes."""

from pathlib import Path

import pytest

from lm4ve_mm import apis

CONFIGS = Path(__file__).parents[1] / 'configs'
VARIANTS = ('vectornet', 'vectornet_minilm', 'vectornet_minilm_random',
            'vectornet_mlp')


def load(variant, data):
    return apis.load_config(CONFIGS / f'{variant}_{data}.py')


@pytest.mark.parametrize('data, epochs', [('town', 16), ('av1_sample', 8)])
def test_schedule(data, epochs):
    cfg = load('vectornet_minilm', data)
    warm_up, cosine = cfg.param_scheduler
    assert warm_up.end == 50 and not warm_up.by_epoch
    assert (cosine.T_max, cosine.end, cfg.train_cfg.max_epochs) == (
        epochs, ) * 3
    assert (cfg.optim_wrapper.optimizer.lr, cosine.eta_min) == (2e-3, 2e-5)
    assert cfg.optim_wrapper.clip_grad.max_norm == 5.


@pytest.mark.parametrize('data', ['town', 'av1_sample'])
def test_controls_differ_in_the_block_alone(data):
    """Otherwise a table of controls compares something else."""
    found = []
    for variant in VARIANTS:
        cfg = load(variant, data).to_dict()
        cfg.pop('llm', None)
        found.append((cfg['model'].pop('neck', None), cfg))
    necks, rest = zip(*found, strict=True)
    assert all(one == rest[0] for one in rest)
    assert len({str(neck) for neck in necks}) == len(VARIANTS)


def test_what_is_reported_was_not_chosen_on():
    cfg = load('vectornet_minilm', 'town')
    splits = [cfg[f'{stage}_dataloader'].dataset.split
              for stage in ('train', 'val', 'test')]
    assert splits == ['train', 'val', 'test']
    cfg = load('vectornet_minilm', 'av1_sample')
    scenes = [cfg[f'{stage}_dataloader'].dataset.scenes
              for stage in ('train', 'test')]
    assert scenes == [(0, 1600), (1600, 2000)]


def test_features_are_the_same_in_training_and_test():
    """A model that saw other frames in training would be worthless."""
    for data in ('town', 'av1_sample'):
        cfg = load('vectornet', data)
        given = [cfg[f'{stage}_dataloader'].dataset.featuriser
                 for stage in ('train', 'val', 'test')]
        assert given[0] == given[1] == given[2]
        assert (given[0].heading_steps, given[0].zero_first_delta) == (
            5, True)
