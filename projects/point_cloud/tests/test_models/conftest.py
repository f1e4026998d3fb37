"""Golden weights for the model, under upstream's names."""

import math
from types import SimpleNamespace

import lm4ve_point_cloud  # noqa: F401  (registers everything)
import pytest
import torch

from lm4ve_mm.registry import MODELS

DEPTH, DIM = 12, 384


def _linear(name: str, out: int, into: tuple[int, ...], bias=True) -> dict:
    shapes = {f'{name}.weight': (out, *into)}
    return {**shapes, f'{name}.bias': (out, )} if bias else shapes


def _norm(name: str, width: int) -> dict:
    return {f'{name}.weight': (width, ), f'{name}.bias': (width, )}


def _batch_norm(name: str, width: int) -> dict:
    return {
        **_norm(name, width), f'{name}.running_mean': (width, ),
        f'{name}.running_var': (width, ),
        f'{name}.num_batches_tracked': ()
    }


def upstream_shapes(llama_width: int = 0) -> dict[str, tuple]:
    """Names and shapes of upstream's classifier, written down from its code.

    Args:
        llama_width: Width of the two maps; 0 for the baseline.
    """
    shapes = dict(cls_token=(1, 1, DIM), cls_pos=(1, 1, DIM))
    for name, out, into in (('encoder.first_conv.0', 128, 3),
                            ('encoder.first_conv.3', 256, 128),
                            ('encoder.second_conv.0', 512, 512),
                            ('encoder.second_conv.3', 256, 512)):
        shapes.update(_linear(name, out, (into, 1)))
    shapes.update(_batch_norm('encoder.first_conv.1', 128))
    shapes.update(_batch_norm('encoder.second_conv.1', 512))
    for name, out, into in (('reduce_dim', DIM, 256), ('pos_embed.0', 128, 3),
                            ('pos_embed.2', DIM, 128),
                            ('cls_head_finetune.0', 256, 2 * DIM),
                            ('cls_head_finetune.3', 40, 256)):
        shapes.update(_linear(name, out, (into, )))
    for i in range(DEPTH):
        block = f'blocks.blocks.{i}'
        shapes.update(_norm(f'{block}.norm1', DIM))
        shapes.update(_norm(f'{block}.norm2', DIM))
        shapes.update(_linear(f'{block}.attn.qkv', 3 * DIM, (DIM, ), False))
        shapes.update(_linear(f'{block}.attn.proj', DIM, (DIM, )))
        shapes.update(_linear(f'{block}.mlp.fc1', 4 * DIM, (DIM, )))
        shapes.update(_linear(f'{block}.mlp.fc2', DIM, (4 * DIM, )))
    shapes.update(_norm('norm', DIM))
    if llama_width:
        shapes['llama_dim_mapper1.weight'] = (llama_width, DIM)
        shapes['llama_dim_mapper2.weight'] = (DIM, llama_width)
    return shapes


def filled(shapes: dict[str, tuple]) -> dict[str, torch.Tensor]:
    """Fill F of the golden numbers, float64."""
    state = {}
    counters = [n for n in shapes if n.endswith('num_batches_tracked')]
    for j, name in enumerate(sorted(set(shapes) - set(counters))):
        flat = torch.arange(math.prod(shapes[name])) % 1009
        wave = torch.cos(0.37 * flat.double() + j).view(shapes[name])
        if name.endswith('running_mean'):
            value = torch.zeros_like(wave)
        elif name.endswith('running_var'):
            value = torch.ones_like(wave)
        elif wave.dim() == 1 and name.endswith('weight'):
            value = 1 + 0.1 * wave
        else:
            value = 0.05 * wave
        state[name] = value
    return {**state, **{name: torch.tensor(0) for name in counters}}


def classifier(llm=None, num_classes=40, backbone=None, embed_dims=DIM,
               **neck) -> dict:
    """Config of Point-BERT, with a block if ``llm`` is given."""
    kind = 'TokenPoolingNeck'
    if llm is not None:
        kind, neck = 'FrozenLLMNeck', dict(neck, llm=llm)
    return dict(
        type='lm4ve_mm.PointCloudClassifier',
        data_preprocessor=dict(
            type='lm4ve_mm.PointCloudPreprocessor', num_points=1024),
        backbone=dict(
            type='lm4ve_mm.PointBERT',
            **{'embed_dims': embed_dims, **(backbone or {})}),
        neck=dict(
            type=f'lm4ve_mm.{kind}',
            in_channels=embed_dims,
            pooling='cls_max',
            norm_cfg=dict(type='LN', eps=1e-5),
            **neck),
        head=dict(
            type='lm4ve_mm.PointBERTHead',
            in_channels=2 * embed_dims,
            num_classes=num_classes))


@pytest.fixture(scope='session')
def golden():
    """The makers of golden inputs, since test modules cannot import this."""
    return SimpleNamespace(
        upstream_shapes=upstream_shapes, filled=filled, classifier=classifier,
         build=lambda cfg: MODELS.build(cfg).eval())
