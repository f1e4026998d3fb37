"""Golden weights and inputs, under the names of the two repositories."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lm4ve_motion.datasets import ForecastDataSample


def linear(name, out, into, bias=True):
    shapes = {f'{name}.weight': (out, into)}
    return {**shapes, f'{name}.bias': (out, )} if bias else shapes


def norm(name, width):
    return {f'{name}.weight': (width, ), f'{name}.bias': (width, )}


def residual(name, width):
    return {**linear(f'{name}.linear1', width, width, False),
            **linear(f'{name}.linear2', width, width, False),
            **norm(f'{name}.norm1', width), **norm(f'{name}.norm2', width)}


def vectornet_shapes():
    """Names and shapes of StreamingForecasting's VectorNet."""
    shapes = {}
    for name, into in (('actor_subgraphs', 6), ('lane_subgraphs', 7)):
        for level, width in enumerate((32, 64, 128)):
            at = f'{name}.encoders.{level}'
            shapes.update(linear(f'{at}.0', width, into))
            shapes.update(norm(f'{at}.1', width))
            shapes.update(linear(f'{at}.3', width, width))
            shapes.update(norm(f'{at}.4', width))
            into = 2 * width
    graph = 'globalgraphs.global_attention_layers.0'
    for part in 'qkv':
        shapes.update(linear(f'{graph}.{part}_layer', 256, 256))
    shapes.update(norm(f'{graph}.norm.0', 256))
    for part in ('linear_cross_attn_layers', 'linears'):
        shapes.update(linear(f'globalgraphs.{part}.0.0', 256, 256))
        shapes.update(norm(f'globalgraphs.{part}.0.1', 256))
    for at in (*(f'preds.{k}' for k in range(6)), 'single_pred'):
        shapes.update(residual(f'decoder.{at}.0', 256))
        shapes.update(linear(f'decoder.{at}.1', 60, 256))
    fusion = 'decoder.delta_fusion'
    shapes.update(linear(f'{fusion}.delta_embedding.0', 256, 2))
    shapes.update(linear(f'{fusion}.delta_embedding.2', 256, 256, False))
    shapes.update(norm(f'{fusion}.delta_embedding.3', 256))
    shapes.update(linear(f'{fusion}.mapping.0', 256, 512, False))
    shapes.update(norm(f'{fusion}.mapping.1', 256))
    shapes.update(residual('decoder.classifier.0', 256))
    shapes.update(linear('decoder.classifier.1', 1, 256))
    return shapes


def stack(name, attentions):
    """Two layers of mmTransformer, and the last norm."""
    shapes = norm(f'{name}.norm', 128)
    for layer in range(2):
        at = f'{name}.layers.{layer}'
        for attention in attentions:
            for i in range(4):
                shapes.update(
                    linear(f'{at}.{attention}.linears.{i}', 128, 128))
        shapes.update(linear(f'{at}.feed_forward.w_1', 256, 128))
        shapes.update(linear(f'{at}.feed_forward.w_2', 128, 256))
        for i in range(len(attentions) + 1):
            shapes.update(norm(f'{at}.sublayer.{i}.norm', 128))
    return shapes


def mlp(name, into, width):
    return {**linear(f'{name}.0', width, into), **norm(f'{name}.1', width),
            **linear(f'{name}.3', width, width)}


def mmtransformer_shapes():
    """Names and shapes of mmTransformer, but for its position table."""
    encoder, decoder = ('self_attn', ), ('self_attn', 'src_attn')
    s = 'stacked_transformer'
    shapes = {
        **stack(f'{s}.hist_tf.encoder', encoder),
        **stack(f'{s}.hist_tf.decoder', decoder),
        **linear(f'{s}.hist_tf.src_embed.0.lut', 128, 4),
        **stack(f'{s}.lane_enc', encoder), **stack(f'{s}.lane_dec', decoder),
        **linear(f'{s}.lane_emb.lut', 128, 64), **mlp(f'{s}.pos_emb', 2, 64),
        **mlp(f'{s}.dist_emb', 768, 128), **mlp(f'{s}.fusion1', 192, 128),
        **mlp(f'{s}.fusion2', 192, 128), **stack(f'{s}.social_enc', encoder),
        **stack(f'{s}.social_dec', decoder),
        f'{s}.query_embed.weight': (6, 128)}
    head = f'{s}.prediction_header'
    shapes.update({
        **mlp(f'{head}.reg_mlp', 256, 256),
        **linear(f'{head}.reg_mlp.3', 128, 256),
        **linear(f'{head}.reg_mlp.4', 60, 128),
        **linear(f'{head}.dis_emb', 128, 2),
        **linear(f'{head}.cls_FFN.w_1', 512, 256),
        **linear(f'{head}.cls_FFN.w_2', 256, 512),
        **linear(f'{head}.classification_layer.0', 128, 256),
        **linear(f'{head}.classification_layer.1', 1, 128)})
    for level, into in enumerate((7, 64)):
        at = f'subgraph.layer_seq.lmlp_{level}.mlp'
        shapes.update({**linear(f'{at}.0', 32, into), **norm(f'{at}.1', 32)})
    return shapes


def filled(shapes):
    """Fill F of the golden numbers, float64."""
    state = {}
    for j, name in enumerate(sorted(shapes)):
        flat = torch.arange(math.prod(shapes[name])) % 1009
        wave = torch.cos(0.37 * flat.double() + j).view(shapes[name])
        one = wave.dim() == 1 and name.endswith('weight')
        state[name] = 1 + 0.1 * wave if one else 0.05 * wave
    return state


def wave(scale, shift, *shape):
    """scale * sin(0.1 n + shift) over the flat index n."""
    flat = torch.arange(math.prod(shape), dtype=torch.float64)
    return (scale * torch.sin(.1 * flat + shift)).view(shape)


def lane_rows(points, turns, intersections, controls):
    """VectorNet's lane tensor (L, 9, 7) of centrelines (L, 10, 2)."""
    pieces = points.diff(dim=1)
    attributes = torch.stack([turns, intersections, controls], -1)
    spread = attributes[:, None].expand(-1, 9, -1).to(points)
    return torch.cat([points[:, 1:], pieces, spread], -1)


def vectornet_batch():
    """Check 16: two scenes of three and two actors, four and five lanes."""
    lists = dict(actors=[], ctrs=[], lanes=[])
    samples = []
    frames = ((0., (1., 2.)), (math.pi / 2, (-3., 4.)))
    for k, (actors, lanes) in enumerate(((3, 4), (2, 5))):
        lists['actors'].append(wave(3, k, actors, 19, 6))
        lists['ctrs'].append(wave(5, k + .5, actors, 2))
        lane = torch.arange(lanes)
        lists['lanes'].append(lane_rows(
            wave(20, k + .25, lanes, 10, 2), lane % 3, lane % 2,
            (lane + 1) % 2))
        theta, origin = frames[k]
        known = torch.ones(actors, 30, dtype=torch.bool)
        if k == 0:
            known[1, -10:] = False
        else:
            known[1] = False
        sample = ForecastDataSample(metainfo=dict(
            scene_id=str(k), city='MIA', track_id='AGENT', path='',
            origin=np.array(origin), theta=theta))
        sample.set_field(wave(4, k + 2, actors, 30, 2), 'gt_trajs')
        sample.set_field(known, 'gt_mask')
        samples.append(sample)
    return dict(inputs=lists, data_samples=samples)


def mmtransformer_batch():
    """Check 17: inputs as they leave the preprocessor."""
    points = wave(5, 2, 2, 7, 10, 5)
    lanes = torch.cat([points[..., :-1, :2], points[..., 1:, :2],
                       points[..., 1:, 2:]], -1)
    places = torch.arange(7)
    return dict(
        actors=wave(1, 0, 2, 5, 19, 4), ctrs=wave(10, 1, 2, 5, 2),
        lanes=lanes, actor_mask=places[None, :5] < torch.tensor([[5], [3]]),
        lane_mask=places[None] < torch.tensor([[7], [4]]))


@pytest.fixture(scope='session')
def golden():
    """The makers of golden inputs, since test modules cannot import this."""
    return SimpleNamespace(
        vectornet_shapes=vectornet_shapes, filled=filled, wave=wave,
        mmtransformer_shapes=mmtransformer_shapes,
        vectornet_batch=vectornet_batch,
        mmtransformer_batch=mmtransformer_batch)
