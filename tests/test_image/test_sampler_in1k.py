"""The images of each rank are those of DeiT's sampler."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATA_SAMPLERS

RECIPE = Config.fromfile(
    Path(__file__).parents[2] / 'configs/_base_/datasets/imagenet_deit.py')
# Of a size that 256 does not divide, as ImageNet's 1,281,167 images.
COUNT = 10 * 1024 + 77


def images_of_deit(epoch, rank, world):
    """Three times each image in a row, every ``world``-th for a rank."""
    generator = torch.Generator().manual_seed(epoch)
    order = torch.randperm(COUNT, generator=generator)
    repeated = order.repeat_interleave(3).tolist()
    repeated += repeated[:math.ceil(COUNT * 3 / world) * world - 3 * COUNT]
    return repeated[rank::world][:COUNT // 256 * 256 // world]


@pytest.mark.parametrize('world', [1, 4, 8])
def test_images_of_every_rank(monkeypatch, world):
    loader = RECIPE.train_dataloader
    assert loader.drop_last
    batch = 1024 // world
    for rank in {0, world - 1}:
        monkeypatch.setattr(
            'mmpretrain.datasets.samplers.repeat_aug.get_dist_info',
            lambda rank=rank: (rank, world))
        sampler = DATA_SAMPLERS.build(
            loader.sampler, default_args=dict(dataset=range(COUNT), seed=0))
        for epoch in (0, 5):
            sampler.set_epoch(epoch)
            ours = list(sampler)
            ours = ours[:len(ours) // batch * batch]
            assert ours == images_of_deit(epoch, rank, world)
            assert len(ours) == 10 * batch
