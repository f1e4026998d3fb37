"""The whole model learns: 32 clouds by heart, through a frozen block."""

import torch
from lm4ve_point_cloud.datasets import PointShapes
from mmpretrain.structures import DataSample

from lm4ve_mm.registry import MODELS

SMALL = dict(num_layers=2, num_groups=16, group_size=16, num_heads=4,
             feedforward_channels=128, encoder_dims=64,
             encoder_hidden=(32, 32, 64), drop_path_rate=0.)
TINY_LLM = dict(init='random', map_init='default', geometry=dict(
    width=64, num_heads=4, ffn_dim=128))


def test_32_clouds_by_heart(golden, tmp_path):
    shapes = PointShapes('train', str(tmp_path), count=32, num_points=256)
    cfg = golden.classifier(
        TINY_LLM, num_classes=15, backbone=SMALL, embed_dims=64)
    cfg['data_preprocessor']['num_points'] = 256
    cfg['head']['dropout'] = 0.
    torch.manual_seed(0)
    model = MODELS.build(cfg).train()
    frozen = {n: t.clone()
              for n, t in model.neck.layer.frozen_tensors().items()}
    inputs = torch.tensor(shapes.points)
    samples = [DataSample().set_gt_label(info['gt_label']) for info in shapes]
    labels = torch.cat([sample.gt_label for sample in samples])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(70):
        loss = model(inputs, samples, mode='loss')['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = model.eval()(inputs).argmax(1)
    assert torch.equal(found, labels)
    for name, tensor in model.neck.layer.frozen_tensors().items():
        assert torch.equal(tensor, frozen[name]), name
