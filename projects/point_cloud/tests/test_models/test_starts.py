"""Point-BERT starts from exactly the file of its ``init_cfg``."""

import lm4ve_point_cloud  # noqa: F401  (registers the backbone)
import pytest
import torch

from lm4ve_mm.registry import MODELS

POINT_BERT = dict(
    type='lm4ve_mm.PointBERT', embed_dims=24, num_layers=1, num_heads=2,
    feedforward_channels=24, encoder_dims=8, encoder_hidden=(8, 8, 8))


@pytest.mark.parametrize('kind', [
    'Pretrained', 'mmengine.Pretrained', 'lm4ve_mm.StrictPretrained'])
def test_every_spelling_loads_all_of_the_file(kind, tmp_path):
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(tensor.shape, generator=generator)
        if tensor.is_floating_point() else tensor
        for name, tensor in MODELS.build(POINT_BERT).state_dict().items()}
    path = tmp_path / 'start.pth'
    torch.save(dict(state_dict={
        f'backbone.{name}': tensor for name, tensor in weights.items()}), path)
    model = MODELS.build(dict(POINT_BERT, init_cfg=dict(
        type=kind, checkpoint=str(path), prefix='backbone.')))
    model.init_weights()
    found = model.state_dict()
    for name, tensor in weights.items():
        assert torch.equal(found[name], tensor), name
