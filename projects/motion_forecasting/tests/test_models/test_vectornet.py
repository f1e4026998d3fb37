"""VectorNet against the golden numbers of its reference."""

import math

import numpy as np
import pytest
import torch
from lm4ve_motion.models import VectorNet

TINY = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
NECK = dict(type='lm4ve_mm.TokenInsertNeck', llm=TINY)


@pytest.fixture(scope='module')
def model(golden):
    """With the fill under the reference's names, in fp64."""
    built = VectorNet(single_head=True).double().eval()
    built.load_state_dict(golden.filled(golden.vectornet_shapes()))
    return built


def in_city(model, batch):
    """Sorted scores and trajectories in city coordinates, scene by scene."""
    data = model.data_preprocessor(batch)
    trajs, scores = model(data['inputs'])
    scores, order = scores.sort(-1, descending=True)
    trajs = trajs.gather(2, order[..., None, None].expand_as(trajs))
    for sample, traj, score in zip(batch['data_samples'], trajs, scores):
        actors = len(sample.gt_trajs)
        t = sample.theta
        turn = torch.tensor([[math.cos(t), -math.sin(t)],
                             [math.sin(t), math.cos(t)]]).to(traj)
        yield (traj[:actors] @ turn + torch.as_tensor(sample.origin).to(traj),
               score[:actors])


@pytest.mark.parametrize('dtype, atol', [
    (torch.float64, 2e-8), (torch.float32, 2e-5)])
def test_golden(model, golden, dtype, atol):
    """Check 16."""
    batch = golden.vectornet_batch()
    batch['inputs'] = {key: [x.to(dtype) for x in value]
                       for key, value in batch['inputs'].items()}
    if dtype == torch.float32:
        model = VectorNet(single_head=True).eval()
        model.load_state_dict(golden.filled(golden.vectornet_shapes()))
    with torch.no_grad():
        (first, scores), (second, others) = in_city(model, batch)
    wanted = (-1.16039221, -1.16414565, -1.17211306, -1.21117607,
              -1.22565497, -1.22568248)
    assert scores[0].tolist() == pytest.approx(wanted, abs=atol)
    for found, point in (
            (first[0, 0, 0], (2.65485739, 3.50838936)),
            (first[0, 0, -1], (4.25579520, 3.28090671)),
            (second[1, 5, -1], (2.73303222, -1.81938043))):
        assert found.tolist() == pytest.approx(point, abs=atol)
    total = sum(x.double().sum() for x in (first, second))
    assert float(total) == pytest.approx(5600.87747781, abs=2500 * atol)


def test_golden_loss(model, golden):
    data = model.data_preprocessor(golden.vectornet_batch())
    losses = model(**data, mode='loss')
    assert float(losses['loss_cls']) == pytest.approx(1.79150063, abs=2e-8)
    assert float(losses['loss_reg']) == pytest.approx(233.01580507, abs=2e-7)
    # In one frame, where the reference compares two (208.16080175).
    assert float(losses['loss_single']) == pytest.approx(
        single_by_hand(model, golden), rel=1e-9)


def single_by_hand(model, golden):
    """The single branch of each actor, moved to the city, step by step."""
    batch = golden.vectornet_batch()
    total, count = 0., 0
    for index, sample in enumerate(batch['data_samples']):
        one = {key: [value[index]] for key, value in batch['inputs'].items()}
        inputs = model.data_preprocessor(dict(inputs=one))['inputs']
        moves = model.single(model.encode(inputs))[0].unflatten(-1, (-1, 2))
        local = moves + inputs['ctrs'][0, :, None]
        t = sample.theta
        turn = torch.tensor([[math.cos(t), -math.sin(t)],
                             [math.sin(t), math.cos(t)]]).double()
        city = local @ turn + torch.as_tensor(sample.origin)
        apart = (city - sample.gt_trajs).abs()
        huber = torch.where(apart < 1, apart**2 / 2, apart - .5)
        total += float((huber * sample.gt_mask[..., None]).sum())
        count += int(sample.gt_mask.any(1).sum())
    return total / count


def test_parameters():
    def count(**kwargs):
        return sum(p.numel() for p in VectorNet(**kwargs).parameters())
    assert count(single_head=True) == 1_780_933
    assert count(single_head=False) == 1_780_933 - 147_516
    wide = dict(TINY, geometry=dict(width=4096, num_heads=32, head_dim=2,
                                    ffn_dim=64))
    maps = count(neck=dict(NECK, llm=wide)) - count()
    assert maps == 2_097_152


def alone(batch, index):
    return dict(
        inputs={key: [value[index]] for key, value in batch[
            'inputs'].items()},
        data_samples=[batch['data_samples'][index]])


@pytest.mark.parametrize('neck', [None, NECK], ids=['host', 'block'])
def test_padding_changes_nothing(golden, neck):
    """Check 19: a padded scene is the same scene run alone."""
    torch.manual_seed(0)
    model = VectorNet(neck=neck).double().eval()
    batch = golden.vectornet_batch()
    with torch.no_grad():
        together = list(in_city(model, batch))
        for index in range(2):
            (trajs, scores), = in_city(model, alone(batch, index))
            assert torch.allclose(trajs, together[index][0], atol=1e-9)
            assert torch.allclose(scores, together[index][1], atol=1e-9)


@pytest.mark.parametrize('neck', [None, NECK], ids=['host', 'block'])
def test_more_padding_changes_nothing(golden, neck):
    """Whatever it holds, in outputs, losses and gradients."""
    torch.manual_seed(0)
    model = VectorNet(neck=neck).double()
    data = model.data_preprocessor(golden.vectornet_batch())
    inputs = data['inputs']
    more = dict(inputs)
    for mask, keys in (('actor_mask', ('actors', 'ctrs')),
                       ('lane_mask', ('lanes', ))):
        for key in keys:
            junk = 100 * torch.ones_like(inputs[key][:, :2])
            more[key] = torch.cat([inputs[key], junk], 1)
        more[mask] = torch.cat(
            [inputs[mask], torch.zeros_like(inputs[mask][:, :2])], 1)
    found = []
    for one in (inputs, more):
        model.zero_grad()
        if one is more:
            for sample in data['data_samples']:
                extra = 5 - len(sample.gt_trajs)
                sample.gt_trajs = torch.cat(
                    [sample.gt_trajs, torch.ones(extra, 30, 2).double()])
                sample.gt_mask = torch.cat(
                    [sample.gt_mask, torch.zeros(extra, 30).bool()])
        losses = model(one, data['data_samples'], mode='loss')
        sum(losses.values()).backward()
        found.append(({k: float(v) for k, v in losses.items()},
                      [p.grad.clone() for p in model.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-9)
    for a, b in zip(found[0][1], found[1][1]):
        assert torch.allclose(a, b, atol=1e-8)


@pytest.mark.parametrize('neck', [None, NECK], ids=['host', 'block'])
def test_order_of_agents(golden, neck):
    torch.manual_seed(0)
    model = VectorNet(neck=neck).double().eval()
    batch = alone(golden.vectornet_batch(), 0)
    inputs = model.data_preprocessor(batch)['inputs']
    order = torch.tensor([2, 0, 1])
    turned = dict(inputs, lanes=inputs['lanes'].flip(1))
    for key in ('actors', 'ctrs', 'actor_mask'):
        turned[key] = inputs[key][:, order]
    with torch.no_grad():
        for a, b in zip(model(inputs), model(turned)):
            assert torch.allclose(a[:, order], b, atol=1e-9)


def test_prediction_is_of_the_target_in_the_city(golden):
    """Scores are probabilities, the most likely first; fp64 coordinates."""
    torch.manual_seed(0)
    model = VectorNet(neck=NECK).eval()
    batch = golden.vectornet_batch()
    batch['inputs'] = {key: [x.float() for x in value]
                       for key, value in batch['inputs'].items()}
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(origin=sample.origin + 1e5))
    samples = model.test_step(batch)
    whole = list(in_city(model, batch))
    for sample, (trajs, scores) in zip(samples, whole):
        assert sample.pred_trajs.shape == (6, 30, 2)
        assert sample.pred_trajs.dtype == torch.float64
        assert torch.allclose(
            sample.pred_trajs - 1e5, trajs[0].double() - 1e5, atol=2e-2)
        assert torch.allclose(
            sample.pred_scores, scores[0].double().softmax(-1), atol=1e-6)
        assert float(sample.pred_scores.sum()) == pytest.approx(1)


def test_keep_equals_slicing(golden):
    """The block computes only what is read, and says the same of it."""
    torch.manual_seed(0)
    model = VectorNet(neck=NECK).double().eval()
    inputs = model.data_preprocessor(golden.vectornet_batch())['inputs']
    asked = []
    layer = model.neck.layer
    forward = layer.forward
    layer.forward = lambda tokens, mask, keep: asked.append(
        (tokens, mask, keep)) or forward(tokens, mask, keep)
    with torch.no_grad():
        whole = model.encode(inputs)
        target = model.encode(inputs, target_only=True)
        tokens, mask, keep = asked[0]
        assert keep == slice(0, 3) and asked[1][2] == slice(0, 1)
        full = forward(tokens, mask)
    assert torch.allclose(full[:, :3], whole, atol=1e-9)
    assert torch.allclose(full[:, :1], target, atol=1e-9)
    padding = [[False] * 7 + [True], [False, False, True] + [False] * 5]
    assert mask.tolist() == padding


def test_host_computes_only_what_is_read(golden):
    torch.manual_seed(0)
    model = VectorNet().double().eval()
    inputs = model.data_preprocessor(golden.vectornet_batch())['inputs']
    with torch.no_grad():
        whole, target = (model.decode(inputs, only) for only in (False, True))
    for a, b in zip(whole, target):
        assert torch.allclose(a[:, :1], b, atol=1e-9)


def test_initialisation_leaves_the_block_alone():
    torch.manual_seed(0)
    model = VectorNet(neck=NECK)
    before = {k: v.clone() for k, v in model.neck.state_dict().items()}
    frozen = {k: v.clone()
              for k, v in model.neck.layer.frozen_tensors().items()}
    model.init_weights()
    for name, value in before.items():
        assert torch.equal(model.neck.state_dict()[name], value), name
    for name, value in frozen.items():
        assert torch.equal(
            model.neck.layer.frozen_tensors()[name], value), name
    model.neck.layer.check_digest()
    bias = model.graph.layers[0].query.bias
    assert 0 <= bias.min() and .3 < bias.mean() < .7 and bias.max() <= 1
    weight = model.head.modes[0][1].weight
    assert weight.abs().max() <= math.sqrt(6 / (256 + 60))
    assert torch.equal(model.head.modes[0][0].norm1.weight, torch.ones(256))


def test_no_known_future_is_no_loss(golden):
    """Of a batch in which nothing can be learnt; gradients are zero."""
    model = VectorNet().double()
    batch = golden.vectornet_batch()
    for sample in batch['data_samples']:
        sample.gt_mask[:] = False
    losses = model(**model.data_preprocessor(batch), mode='loss')
    total = sum(losses.values())
    total.backward()
    assert float(total) == 0
    assert all(torch.equal(p.grad, torch.zeros_like(p))
               for p in model.parameters() if p.grad is not None)


def test_scene_without_lanes(golden):
    """Beside one that has some, and alone."""
    torch.manual_seed(0)
    model = VectorNet(neck=NECK).double().eval()
    batch = golden.vectornet_batch()
    batch['inputs']['lanes'][0] = batch['inputs']['lanes'][0][:0]
    with torch.no_grad():
        together = list(in_city(model, batch))
        (trajs, _), = in_city(model, alone(batch, 0))
    assert torch.allclose(trajs, together[0][0], atol=1e-9)
    assert torch.isfinite(together[1][0]).all()


def test_rigid_motion(cases):
    """Check 18: predictions move with the scene, 1e-3 m."""
    from lm4ve_motion.datasets import PackScene, VectorNetFeatures
    from lm4ve_motion.datasets.frames import rotation
    from mmengine.dataset import pseudo_collate
    torch.manual_seed(0)
    model = VectorNet(neck=NECK).eval()
    scene, lanes = cases.scene_s(), cases.some_lanes()
    angle, shift = 2.1, np.array([3000., -1500.])
    turn = rotation(angle)
    points = lanes.points @ turn.T + shift
    moved = lanes._replace(points=points, boxes=np.concatenate(
        [points.min(1), points.max(1)], 1))
    made = [VectorNetFeatures()(scene, lanes),
            VectorNetFeatures()(cases.moved(scene, shift, angle), moved)]
    items = [PackScene().transform(dict(one, scene_id='1', path=''))
             for one in made]
    with torch.no_grad():
        first, second = model.test_step(pseudo_collate(items))
    wanted = first.pred_trajs.numpy() @ turn.T + shift
    assert np.allclose(wanted, second.pred_trajs.numpy(), atol=1e-3)
    assert torch.allclose(first.pred_scores, second.pred_scores, atol=1e-4)


def test_learns_from_the_target_alone(golden):
    """As if nothing were known of the others; only its token is computed."""
    torch.manual_seed(0)
    batch = golden.vectornet_batch()
    model = VectorNet(neck=NECK, learn_from='target').double()
    data = model.data_preprocessor(batch)
    found = model(**data, mode='loss')
    every = VectorNet(neck=NECK).double()
    every.load_state_dict(model.state_dict())
    for sample in data['data_samples']:
        sample.gt_mask[1:] = False
    wanted = every(**data, mode='loss')
    assert {k: float(v) for k, v in found.items()} == pytest.approx(
        {k: float(v) for k, v in wanted.items()}, rel=1e-9)
    with pytest.raises(ValueError, match="'all' or 'target', not 'some'"):
        VectorNet(learn_from='some')


def test_corrects_a_velocity(golden):
    """With modes of nothing: the mean of the last second, as far as seen."""
    model = VectorNet(correct_velocity=True).double().eval()
    for mode in model.head.modes:
        torch.nn.init.zeros_(mode[1].weight)
        torch.nn.init.zeros_(mode[1].bias)
    inputs = model.data_preprocessor(golden.vectornet_batch())['inputs']
    actors = inputs['actors'] = inputs['actors'].clone()
    actors[..., 4] = 1
    actors[0, 1, :14, 4] = 0  # seen at the last five steps
    with torch.no_grad():
        trajs, _ = model(inputs)
    for actor, rows in ((0, slice(9, 19)), (1, slice(15, 19))):
        velocity = actors[0, actor, rows, 2:4].mean(0)
        for step in (1, 30):
            wanted = inputs['ctrs'][0, actor] + step * velocity
            assert torch.allclose(trajs[0, actor, 2, step - 1], wanted)


def test_unknown_mode():
    with pytest.raises(ValueError, match="not 'train'"):
        VectorNet()({}, mode='train')
