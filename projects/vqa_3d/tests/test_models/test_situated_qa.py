"""The whole model: golden numbers E.3, E.4, E.9."""

import pytest
import torch
from lm4ve_vqa3d.datasets.answers import write_answers
from lm4ve_vqa3d.published import translate

from lm4ve_mm.testing.clouds import golden_scenes
from lm4ve_mm.utils.errors import ConfigError, DataError


def load(model, golden, shapes, scale):
    """Fill a model through the published names."""
    model.double()
    found = translate(golden.filled(shapes, scale), model)
    model.load_state_dict(found.weights, strict=False)
    return model.eval()


def test_golden_fusion_and_losses(golden):
    model = load(golden.build(), golden, golden.sqa3d(with_detector=False),
                 .15)
    proposals = golden.wave(1, .29, .6, 2, 12, 16).requires_grad_()
    samples = golden.batch()
    scores, situations = model(proposals, samples)
    golden.close(scores[0], [
        -.15916339805, -.32251029938, -.36277344975, -.27091309616,
        -.097683897042, .072580102984, .16411733695, .14660537081,
        .048317997166, -.060778170006, -.10709842859])
    golden.close(situations[0], [
        -.12646317794, -.012959731271, .13485766264, .25783181682,
        .30349517461, .25125552108, .12245846013])
    # Every proposal of sample 1 is masked.
    golden.close(scores[1], [-.14190035116, -.27761165165, -.31290495304])
    golden.close(situations[1], [-.13963348245, -.023243096887])
    losses = model(proposals, samples, mode='loss')
    assert losses['loss_answer'].item() == pytest.approx(7.2596353479)
    assert losses['loss_position'].item() == pytest.approx(.51516504587)
    assert losses['loss_rotation'].item() == pytest.approx(.75140159345)
    total = sum(losses.values())
    assert total.item() == pytest.approx(8.5262019872, rel=1e-10)
    total.backward()
    golden.close(proposals.grad, [-.00073973612476, -.00070492948833],
                 norm=.0067488858098)
    assert proposals.grad[1].norm().item() == pytest.approx(.003578985864)
    for name, norm in {
            'fusion.texts.lstm.weight_ih_l0': .017233316373,
            'fusion.proposal_map.weight': .035603303651,
            'fusion.by_situation.0.cross_attn.key.weight': 5.0246322227e-05,
            'flatten.proposals.weigh.3.weight': .003370167228,
            'answer_head.0.weight': 2.0446416787,
            'situation_head.3.bias': 1.1991931415}.items():
        golden.close(model.get_parameter(name).grad, norm=norm)
    grads = [p.grad for p in model.parameters()]
    assert all(grad is not None for grad in grads)  # nothing is unused
    norm = torch.cat([grad.flatten() for grad in grads]).norm()
    assert norm.item() == pytest.approx(6.3534275388)
    torch.nn.utils.clip_grad_value_(model.parameters(), .05)
    norm = torch.cat([grad.flatten() for grad in grads]).norm()
    assert norm.item() == pytest.approx(3.2459725843)


def test_golden_fusion_in_float32(golden):
    model = load(golden.build(), golden, golden.sqa3d(with_detector=False),
                 .15).float()
    scores, situations = model(
        golden.wave(1, .29, .6, 2, 12, 16).float(), golden.batch())
    golden.close(scores[0], [-.15916339805, -.32251029938, -.36277344975],
                 tolerance=1e-5)
    golden.close(situations[1], [-.13963348245, -.023243096887],
                 tolerance=1e-5)


def test_weights_of_losses(golden):
    """Those given differ; the others are the reference's."""
    torch.manual_seed(0)
    usual, changed = (
        model(torch.ones(2, 12, 16), golden.batch(), mode='loss')
        for model in (load(golden.build(**keywords), golden, golden.sqa3d(
            with_detector=False), .15).float() for keywords in (
                {}, dict(weights=[('answer', .4)]))))
    assert changed['loss_answer'].item() == pytest.approx(
        4 * usual['loss_answer'].item())
    assert changed['loss_position'] == usual['loss_position']
    with pytest.raises(ConfigError, match='weights of answers: the losses '
                       'are vote, objectness'):
        golden.build(weights=[('answers', 1.)])


def test_loss_at_zero_logits(golden):
    """490.06 of the 707 answers, weighted by 0.1 and 10."""
    model = golden.build()
    for part in (model.answer_head[-1], model.situation_head[-1]):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    losses = model(torch.rand(2, 12, 16), golden.batch(), mode='loss')
    assert losses['loss_answer'].item() / 11 == pytest.approx(
        490.05505666 / 707)
    assert losses.keys() == {'loss_answer', 'loss_position', 'loss_rotation'}


DETECTOR = dict(type='lm4ve_mm.VoteNet', num_proposals=12, out_channels=16)
# Run -> values of the model with every batch norm in that mode.
WHOLE = dict(
    eval=dict(
        seeds=(24993.668739, 3164.7971822),
        votes=((-.28971099181, -.3106205654), -478.65001306, 5037.3783219),
        features=((.043401815874, .045018328422), 5.0302778152,
                  .17826416897),
        objectness=((.050681890877, .035995579527), None, .092748368842),
        centres=((-.27327185512, -.31598294545), -7.5091279013,
                 59.168378397),
        mask=[0] * 24,
        scores=(-.044734323972, -.039773590417, -.027976343967),
        situations=(-.025342247908, -.0025467583154),
        grads=dict(points=3.2283637215e-06, sa1=1.3662032096e-10,
                   vote3=1.5741411468e-05, lstm=4.9149062379e-05)),
    bn=dict(
        seeds=(199835.55978, 264613.25733),
        votes=((.29530548072, .15943875877), 1343.9873655, 5772.7576968),
        features=((.97019183763, .5132098169), 412.83958195, 803.49054174),
        objectness=((.084939764959, -.06895195052), None, 1.7776221477),
        centres=((.081283143037, -.17183302501), 20.116258549,
                 97.62369512),
        mask=[0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1,
              0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1],
        scores=(-.056230153742, -.061260967316, -.048608002491),
        situations=(-.015467914018, .0030489435927),
        grads=dict(points=27.226516354, sa1=63.645316785,
                   vote3=.13195807403, lstm=9.8443946335e-05)))
WEIGHTS = dict(sa1='detector.backbone.levels.0.mlp.maps.0.weight',
               vote3='detector.voting.mlp.6.weight',
               lstm='fusion.texts.lstm.weight_hh_l0')


def inputs_of(golden):
    """The cloud of E.9: coordinates and four features."""
    return torch.cat([torch.from_numpy(golden_scenes(2500, 1.5)),
                      golden.wave(1, .0137, .3, 2, 2500, 4)], -1)


# The parts have golden numbers of their own in the quick suite.
@pytest.mark.slow
@pytest.mark.parametrize('run', ['bn', 'eval'])
def test_golden_model(golden, run):
    expected = WHOLE[run]
    model = load(golden.build(detector=DETECTOR), golden, golden.sqa3d(), .05)
    assert sum(p.numel() for p in model.parameters()) == 988001
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.train(run == 'bn')
    points = inputs_of(golden).requires_grad_()
    seeds = []
    model.detector.backbone.register_forward_hook(
        lambda module, given, out: seeds.append(out))
    scores, situations, found = model.decode(points, golden.batch(False))
    golden.close(seeds[0].features, (), *expected['seeds'])
    assert seeds[0].places.sum().item() == pytest.approx(1296.6395505)
    assert seeds[0].indices[:, :8].flatten().tolist() == [
        0, 1508, 1621, 2461, 1501, 406, 1614, 464,
        0, 1558, 1582, 2477, 1661, 456, 1740, 425]
    for name in ('votes', 'features', 'objectness', 'centres'):
        golden.close(getattr(found, name), *expected[name])
    assert found.mask.int().flatten().tolist() == expected['mask']
    golden.close(scores[0], expected['scores'])
    golden.close(situations[1], expected['situations'])
    scores.square().sum().backward()
    grads = {name: model.get_parameter(path).grad
             for name, path in WEIGHTS.items()}
    for name, grad in dict(grads, points=points.grad).items():
        assert grad.norm().item() == pytest.approx(
            expected['grads'][name], rel=1e-6), name


BLOCK = dict(type='lm4ve_mm.TokenInsertNeck', llm=dict(
    init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64)))


def test_the_block_looks_at_objects_alone(golden):
    """What is masked changes nothing; a scene without objects is whole."""
    torch.manual_seed(0)
    model = golden.build(neck=BLOCK).double().eval()
    proposals = golden.wave(1, .29, .6, 2, 12, 16)
    scores, situations = model(proposals, golden.batch())
    assert scores.isfinite().all() and situations.isfinite().all()
    changed = proposals.clone()
    changed[0, [1, 2, 5]] += 1
    again = model(changed, golden.batch())[0]
    torch.testing.assert_close(again[0], scores[0])
    # Nothing of sample 1 is an object: all of it counts, as without a mask.
    changed = proposals.clone()
    changed[1, 3] += 1
    assert (model(changed, golden.batch())[0][1] != scores[1]).any()


def test_order_of_proposals_does_not_matter(golden):
    torch.manual_seed(0)
    model = golden.build(neck=BLOCK).double().eval()
    proposals, samples = golden.wave(1, .29, .6, 2, 12, 16), golden.batch()
    scores, _ = model(proposals, samples)
    for sample in samples:
        sample.objectness_mask = sample.objectness_mask.flip(0)
    torch.testing.assert_close(model(proposals.flip(1), samples)[0], scores)


def test_blind_model_sees_no_scene(golden):
    model = golden.build(blind=True).eval()
    samples = golden.batch(False)
    scores, _ = model(torch.rand(2, 50, 7), samples)
    assert torch.equal(scores, model(torch.rand(2, 9, 7), samples)[0])
    sample = model(torch.rand(2, 9, 7), samples, mode='predict')[0]
    assert sample.pred_label == int(scores[0].argmax())
    assert 'proposals' not in sample and 'pred_answer' not in sample


@pytest.mark.parametrize(('keywords', 'inputs', 'change', 'message'), [
    ({}, (2, 12, 16), 'question',
     'sample 1 of the batch has no question: word vectors come from'),
    ({}, (2, 12, 16), 'objectness_mask',
     'sample 1 of the batch has no objectness_mask: proposals go with'),
    ({}, (2, 12, 16), 'gt_position',
     'sample 1 of the batch has no gt_position: a training set tells'),
    ({}, (2, 12, 9), None, r'inputs are \(2, 12, 9\); without a detector'),
    (dict(num_answers=9), (2, 12, 16), None,
     'the data set has 11 answers, the model 9: set model.num_answers')])
def test_bad_batches(golden, keywords, inputs, change, message):
    model = golden.build(**keywords)
    samples = golden.batch()
    if change:
        delattr(samples[1], change)
    with pytest.raises(DataError, match=message):
        model(torch.rand(inputs), samples, mode='loss')


def test_detector_wants_targets(golden):
    small = dict(DETECTOR, levels=[(16, 1., 4, (8, 8))] * 4, seed_channels=8)
    model = golden.build(detector=small)
    with pytest.raises(DataError, match='sample 0 of the batch has no '
                       'center_label.*lm4ve_mm.DetectionTargets'):
        model(torch.rand(2, 40, 7), golden.batch(False), mode='loss')


def test_bad_settings(golden, tmp_path):
    with pytest.raises(ConfigError, match='a blind model needs no detector'):
        golden.build(blind=True, detector=DETECTOR)
    write_answers(tmp_path / 'answer_dict.json', ['red', 'two'])
    with pytest.raises(ConfigError, match='num_answers=11, but .*makes 3'):
        golden.build(answers=tmp_path / 'answer_dict.json')
    with pytest.raises(ValueError, match="mode is 'tensor'.*not 'guess'"):
        golden.build()(torch.rand(2, 12, 16), golden.batch(), mode='guess')
    preprocessor = golden.build().data_preprocessor
    with pytest.raises(ValueError, match='scenes of a batch are of shapes'):
        preprocessor(dict(inputs=[torch.rand(5, 7), torch.rand(6, 7)]))
