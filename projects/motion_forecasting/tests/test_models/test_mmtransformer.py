"""mmTransformer against the golden numbers of its repository."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lm4ve_motion.datasets import ForecastDataSample
from lm4ve_motion.models import MMTransformer, target_loss
from lm4ve_motion.models.mmtransformer import PLACES
from mmengine.runner.checkpoint import load_state_dict

TINY = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
NECK = dict(type='lm4ve_mm.TokenInsertNeck', llm=TINY)
EVERY_PLACE = pytest.mark.parametrize('place', [None, *PLACES])


def build(place=None, **kwargs):
    torch.manual_seed(0)
    if place is not None:
        kwargs.update(place=place, neck=NECK)
    model = MMTransformer(**kwargs).double().eval()
    return model


@pytest.fixture(scope='module')
def filled(golden):
    """With the fill under upstream's names, in fp64."""
    model = MMTransformer().double().eval()
    model.load_state_dict(golden.filled(golden.mmtransformer_shapes()))
    return model


def check(model, inputs, atol):
    with torch.no_grad():
        trajs, scores = model(inputs)
        target, few = model.decode(inputs, target_only=True)
    for found, point in (
            (trajs[0, 0, 0, 0], (-.21477543, .32294054)),
            (trajs[0, 0, 0, -1], (.11664490, -.08567882)),
            (trajs[1, 0, 5, -1], (.12591504, -.09790389))):
        assert found.tolist() == pytest.approx(point, abs=atol)
    chances = scores.softmax(-1)
    wanted = (.16620164, .16784472, .16622022, .16731798, .16617681,
              .16623864)
    assert chances[0, 0].tolist() == pytest.approx(wanted, abs=atol)
    assert float(trajs.double().sum()) == pytest.approx(
        -121.3821217, abs=300 * atol)
    assert float(target.double().sum()) == pytest.approx(
        -24.3581364, abs=60 * atol)
    assert torch.allclose(target, trajs[:, :1], atol=atol)
    assert torch.allclose(few, scores[:, :1], atol=atol)


def test_golden(filled, golden):
    """Check 17; upstream's position table is float32."""
    check(filled, golden.mmtransformer_batch(), 1e-6)


def test_golden_fp32(golden):
    model = MMTransformer().eval()
    model.load_state_dict(golden.filled(golden.mmtransformer_shapes()))
    inputs = {key: x.float() if x.is_floating_point() else x
              for key, x in golden.mmtransformer_batch().items()}
    check(model, inputs, 1e-5)


def test_parameters(golden):
    """Upstream has 2,607,197; two parts of them are never called."""
    shapes = golden.mmtransformer_shapes()
    assert len(shapes) == 319
    assert sum(map(math.prod, shapes.values())) == 2_607_197
    unused = sum(math.prod(shape) for name, shape in shapes.items()
                 if 'social_dec' in name or 'dis_emb' in name)
    assert unused == 397_824 + 384
    own = sum(p.numel() for p in MMTransformer().parameters())
    assert own == 2_607_197 - unused
    wide = dict(TINY, geometry=dict(width=4096, num_heads=32, head_dim=2,
                                    ffn_dim=64))
    block = MMTransformer(neck=dict(NECK, llm=wide))
    assert sum(p.numel() for p in block.parameters()) - own == 1_048_576


@EVERY_PLACE
def test_every_parameter_is_used(golden, place):
    """DDP would wait for the gradient of one that is not."""
    model = build(place)
    inputs = golden.mmtransformer_batch()
    model.loss(inputs, samples(2)).values()
    sum(model.loss(inputs, samples(2)).values()).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert idle == []


def samples(count, actors=5, horizon=30):
    made = []
    for index in range(count):
        sample = ForecastDataSample(metainfo=dict(
            scene_id=str(index), city='MIA', track_id='AGENT', path='',
            origin=np.array([100., 200.]), theta=.5 + index))
        generator = torch.Generator().manual_seed(index)
        trajs = torch.rand(actors, horizon, 2, generator=generator).double()
        sample.set_field(
            100 + 10 * trajs.cumsum(1), 'gt_trajs')
        sample.set_field(torch.ones(actors, horizon).bool(), 'gt_mask')
        made.append(sample)
    return made


@EVERY_PLACE
def test_padding_changes_nothing(golden, place):
    """Check 19, whatever the padding holds."""
    model = build(place)
    inputs = golden.mmtransformer_batch()
    more = dict(inputs)
    for mask, keys in (('actor_mask', ('actors', 'ctrs')),
                       ('lane_mask', ('lanes', ))):
        for key in keys:
            junk = 100 * torch.ones_like(inputs[key][:, :2])
            more[key] = torch.cat([inputs[key], junk], 1)
        more[mask] = torch.cat(
            [inputs[mask], torch.zeros_like(inputs[mask][:, :2])], 1)
    with torch.no_grad():
        for a, b in zip(model(inputs), model(more)):
            assert torch.allclose(a, b[:, :5], atol=1e-9)
        for index, (actors, lanes) in enumerate(((5, 7), (3, 4))):
            alone = {
                key: x[index:index + 1, :lanes if 'lane' in key else actors]
                for key, x in inputs.items()}
            for a, b in zip(model(inputs), model(alone)):
                assert torch.allclose(
                    a[index, :actors], b[0, :actors], atol=1e-9)


@EVERY_PLACE
def test_scene_without_lanes(golden, place):
    """Alone or beside one that has some."""
    model = build(place)
    inputs = golden.mmtransformer_batch()
    # Padding is zeros, as the preprocessor makes it.
    inputs['lanes'] = torch.where(
        inputs['lane_mask'][..., None, None], inputs['lanes'], 0)
    inputs['lane_mask'] = inputs['lane_mask'].clone()
    inputs['lane_mask'][1] = False
    inputs['lanes'][1] = 0
    alone = {key: x[1:] for key, x in inputs.items()}
    alone['lanes'], alone['lane_mask'] = (
        alone['lanes'][:, :1], alone['lane_mask'][:, :1])
    with torch.no_grad():
        for a, b in zip(model(inputs), model(alone)):
            assert torch.isfinite(a).all()
            assert torch.allclose(a[1, :3], b[0, :3], atol=1e-9)


@EVERY_PLACE
def test_order_of_agents(golden, place):
    """Of those beside the target."""
    model = build(place)
    inputs = golden.mmtransformer_batch()
    order = torch.tensor([0, 2, 1, 3, 4])
    turned = dict(inputs)
    for key in ('actors', 'ctrs', 'actor_mask'):
        turned[key] = inputs[key][:, order]
    with torch.no_grad():
        for a, b in zip(model(inputs), model(turned)):
            assert torch.allclose(a[:, order], b, atol=1e-9)


@pytest.mark.parametrize('place, all_kept, target_kept', [
    ('after_social', 5, 1), ('agents_only', 5, 1), ('proposals', 11, 7),
    ('after_map', 30, 30)])
def test_what_the_block_computes(golden, place, all_kept, target_kept):
    """Only what is read afterwards; the same as slicing."""
    model = build(place)
    inputs = golden.mmtransformer_batch()
    layer, asked = model.neck.layer, []
    forward = layer.forward
    layer.forward = lambda tokens, mask, keep: asked.append(
        (tokens, mask, keep)) or forward(tokens, mask, keep)
    with torch.no_grad():
        model(inputs)
        model.decode(inputs, target_only=True)
        assert [keep for *_, keep in asked] == [
            slice(0, all_kept), slice(0, target_kept)]
        for tokens, mask, keep in asked:
            assert torch.allclose(forward(tokens, mask)[:, keep],
                                  forward(tokens, mask, keep), atol=1e-9)


@pytest.mark.parametrize('place', PLACES)
def test_places_differ_from_the_host(golden, place):
    """The block's output is what goes on, and nothing beside it."""
    model = build(place)
    host = MMTransformer().double().eval()
    host.load_state_dict({name: value
                          for name, value in model.state_dict().items()
                          if not name.startswith('neck.')})
    inputs = golden.mmtransformer_batch()
    with torch.no_grad():
        ours = model.decode(inputs, target_only=True)[0]
        without = host.decode(inputs, target_only=True)[0]
        assert not torch.allclose(ours, without, atol=1e-3)
        model.neck.forward = lambda tokens, valid, keep: tokens[:, keep]
        as_host = model.decode(inputs, target_only=True)[0]
    assert torch.allclose(as_host, without, atol=1e-12)


def test_unknown_place():
    with pytest.raises(ValueError, match="after_map, not 'before'"):
        MMTransformer(place='before')


def test_loss_by_hand():
    """Huber of steps of the nearest proposal; divergence of scores."""
    torch.manual_seed(0)
    trajs = torch.randn(2, 6, 5, 2).double()
    scores = torch.randn(2, 6).double()
    truth = torch.randn(2, 5, 2).double()
    start = torch.randn(2, 2).double()
    losses = target_loss(trajs, scores, truth, torch.ones(2, 5).bool(), start)
    reg = cls = 0.
    for scene in range(2):
        ends = (trajs[scene, :, -1] - truth[scene, -1]).norm(dim=-1)
        best = trajs[scene, ends.argmin()]
        steps = [torch.cat([start[scene, None], x]).diff(dim=0)
                 for x in (best, truth[scene])]
        reg += F.smooth_l1_loss(*steps, reduction='sum')
        likely = (-ends).softmax(0)
        cls += (likely * (likely.log() - scores[scene].log_softmax(0))).sum()
    assert float(losses['loss_reg']) == pytest.approx(float(reg / 2))
    assert float(losses['loss_cls']) == pytest.approx(float(cls / 2))


def test_loss_is_of_the_scene_frame(golden):
    """Turning and moving a city changes nothing."""
    model = build()
    inputs = golden.mmtransformer_batch()
    first = model.loss(inputs, samples(2))
    turned = samples(2)
    for sample in turned:
        angle = 1.1
        turn = torch.tensor([[math.cos(angle), -math.sin(angle)],
                             [math.sin(angle), math.cos(angle)]]).double()
        sample.set_data(dict(gt_trajs=sample.gt_trajs @ turn.T + 5000))
        origin = turn.numpy() @ sample.origin + 5000
        sample.set_metainfo(dict(origin=origin, theta=sample.theta - angle))
    second = model.loss(inputs, turned)
    for name, value in first.items():
        assert float(second[name]) == pytest.approx(float(value), rel=1e-7)


def test_initialisation():
    model = MMTransformer(neck=NECK)
    frozen = {k: v.clone()
              for k, v in model.neck.layer.frozen_tensors().items()}
    maps = model.neck.layer.map_in.weight.detach().clone()
    model.init_weights()
    assert torch.equal(model.neck.layer.map_in.weight, maps)
    for name, value in frozen.items():
        assert torch.equal(model.neck.layer.frozen_tensors()[name], value)
    queries = model.queries.weight
    assert torch.allclose(queries @ queries.T, torch.eye(6), atol=1e-5)
    bound = math.sqrt(6 / 256)
    weight = model.social_encoder.layers[0].attn.query.weight
    assert .9 * bound < weight.abs().max() <= bound


def published(golden, kind):
    """The content of a published file."""
    state = golden.filled(getattr(golden, f'{kind}_shapes')())
    if kind == 'mmtransformer':
        state['stacked_transformer.hist_tf.src_embed.1.pe'] = torch.ones(
            5000, 128)
    return dict(state_dict=state, epoch=3, optimizer={})


UNUSED = dict(
    vectornet=lambda name: 'single_pred' in name,
    mmtransformer=lambda name: 'social_dec' in name or 'dis_emb' in name
    or name.endswith('.pe'))


@pytest.mark.parametrize('kind', UNUSED)
@pytest.mark.parametrize('neck', [None, NECK], ids=['host', 'block'])
def test_published_files(golden, kind, neck):
    """Exact lists of what is missing and of what is unused."""
    from lm4ve_motion.models import VectorNet
    from lm4ve_motion.upstream import is_upstream, translate
    model = dict(vectornet=VectorNet, mmtransformer=MMTransformer)[kind](
        neck=neck)
    held = published(golden, kind)
    assert is_upstream(held) and not is_upstream(model.state_dict())
    found = translate(held, model)
    names = held['state_dict']
    assert sorted(found.unexpected) == sorted(
        name for name in names if UNUSED[kind](name))
    assert found.missing == [name for name in model.state_dict()
                             if name.startswith('neck.')
                             and not name.endswith('layer_function')]
    assert len(found.weights) == len(names) - len(found.unexpected)
    # Every tensor of ours comes from one of theirs.
    assert len({id(t) for t in found.weights.values()}) == len(found.weights)
    wrapped = {f'module.{name}': t for name, t in names.items()}
    load_state_dict(model, wrapped, strict=neck is None)


def test_published_file_that_does_not_fit(golden):
    from lm4ve_motion.models import VectorNet
    from lm4ve_motion.upstream import translate

    from lm4ve_mm.llm import CheckpointError
    held = published(golden, 'vectornet')
    del held['state_dict']['decoder.preds.3.1.bias']
    with pytest.raises(CheckpointError, match='lacks head.modes.3.1.bias'):
        translate(held, VectorNet())
    held = published(golden, 'vectornet')
    with pytest.raises(CheckpointError, match='60.*published widths'):
        translate(held, VectorNet(num_steps=60))
    with pytest.raises(CheckpointError, match='do not belong together'):
        translate(held, MMTransformer())
