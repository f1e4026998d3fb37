"""PointNet++, voting, proposals and their losses: golden numbers E.6 to E.8.
"""

import pytest
import torch
from lm4ve_vqa3d.models import (
    Detection,
    FeaturePropagation,
    ProposalHead,
    SetAbstraction,
    VoteNet,
    Voting,
    detection_losses,
)

from lm4ve_mm.ops import farthest_point_sample, gather_points
from lm4ve_mm.testing.clouds import golden_scenes

LEVEL = 'detector.backbone.levels.0.', 'detector.backbone.back.0.'


@pytest.fixture
def cloud(golden):
    """Points (2, 512, 3) and features (2, 512, 5), which want gradients."""
    points = torch.from_numpy(golden_scenes(512, near_origin=True))
    features = golden.wave(1, .013, .1, 2, 5, 512)
    return points.requires_grad_(), features.requires_grad_()


def abstraction(golden):
    return golden.fill(
        SetAbstraction(5, 64, .4, 16, (8, 8, 12)),
        golden.shared_mlp('mlp_module', (8, 8, 8, 12)),
        'detection_backbone.sa1.', LEVEL[0])


def propagation(golden):
    return golden.fill(
        FeaturePropagation(17, (10, 7)),
        golden.shared_mlp('mlp', (17, 10, 7)), 'detection_backbone.fp1.',
        LEVEL[1])


# Training -> head, sum and squares of the abstraction; the norms of its
# gradients; sum and squares of the propagation.
LAYERS = {
    False: ((0, 0, 0, 0), 116.37000964, 14.843664924, .10491444134,
            .34165793886, 943.09100727, 238.63648214),
    True: ((.77455321204, 1.078077178, 1.137585288, 1.006645036),
           2099.9629428, 3656.4219145, 493.75226191, 2012.6269486,
           3333.8812519, 3522.216655)}


@pytest.mark.parametrize('training', LAYERS)
def test_set_abstraction_and_propagation(golden, cloud, training):
    points, features = cloud
    head, total, squares, of_features, of_points, *carried = LAYERS[training]
    layer = abstraction(golden).train(training)
    centres, found, _ = layer(points, features.mT)
    golden.close(found.mT, head, total, squares)
    assert float(centres.detach().sum()) == pytest.approx(32.115709836)
    found.square().sum().backward(retain_graph=True)
    golden.close(features.grad, norm=of_features)
    golden.close(points.grad, norm=of_points)
    back = propagation(golden).train(training)
    golden.close(back(points, features.mT, centres, found), (), *carried)
    if training:
        golden.close(layer.mlp.norms[0].running_mean, [
            .0033157430922, -.0022313819559, .0010736409896])
        golden.close(layer.mlp.norms[2].running_var, [
            .90335967489, .90315018242, .90283729365])


@pytest.fixture
def votes(golden, cloud):
    """Seeds, and votes with their features."""
    points = cloud[0].detach()
    seeds = gather_points(points, farthest_point_sample(points, 64)).flip(1)
    layer = golden.fill(Voting(16), golden.voting('', 16), 'voting_net.',
                        'detector.voting.')
    features = golden.wave(1, .031, .8, 2, 16, 64).mT
    return seeds, *layer(seeds, features)


def test_votes(golden, votes):
    _, places, features = votes
    golden.close(places, [-.42129800681, -.3460193636, -.45475571956,
                          -.76767862544], 15.529387828, 135.11255741)
    golden.close(features.mT, [.26217413532, .26979278178, .27715223902,
                               .2842446501], 9.3318214595, 128)


def test_proposals(golden, votes):
    seeds, places, features = votes
    head = golden.fill(ProposalHead(16, 12, 16), golden.proposals('', 16, 16),
                       'proposal_net.', 'detector.head.')
    found = head(places, features)
    assert head.gather(places, features)[2].flatten().tolist() == [
        0, 43, 47, 38, 50, 40, 33, 46, 28, 17, 12, 20,
        0, 45, 34, 52, 21, 55, 49, 50, 18, 25, 63, 6]
    for name, values in dict(
            features=((0, 0), 36.520485537, 7.9489646932),
            objectness=((-.072855909714, -.048128820307), -3.0267665736,
                        .19846533075),
            centres=((-.43799175537, -.3289149233), 6.8821771073,
                     26.090501667),
            heading_scores=((.073390601978, ), 1.792279917, .13385597132),
            heading_residuals=((.088066481385, ), 2.1640688533,
                               .19514868968),
            size_scores=((.09056393387, .080513826639), 2.7153129426,
                         2.0565954871),
            size_residuals=((.078881311477, .055143765449), 2.3923418378,
                            11.090590948),
            class_scores=((.061539687358, -.0045571424816), 1.040638563,
                          6.6085180675)).items():
        golden.close(found[name], *values)
    assert Detection(seeds, None, places, **found).mask.all()


def case(golden):
    """The closed-form predictions and targets of E.8."""
    wave = golden.wave
    points = torch.from_numpy(golden_scenes(512, near_origin=True))
    indices = farthest_point_sample(points, 64).flip(1)
    seeds = gather_points(points, indices)
    anchors = wave(2.5, 1.9, .1, 2, 12, 3)
    found = Detection(
        seeds, indices, seeds + wave(.2, .37, .2, 2, 64, 3), anchors, None,
        wave(1, .8, .3, 2, 12, 2), anchors + wave(.1, .9, .4, 2, 12, 3),
        wave(1, .5, .1, 2, 12, 1), wave(2, .6, .2, 2, 12, 1),
        wave(1, .41, .5, 2, 12, 18), wave(2, .33, .6, 2, 12, 18, 3),
        wave(1, .47, .7, 2, 12, 18))
    found = found._replace(**{
        name: getattr(found, name).detach().requires_grad_() for name in
        ('votes', 'centres', 'objectness', 'size_scores', 'size_residuals',
         'class_scores', 'heading_residuals')})
    slots = torch.arange(6)
    shift = (slots[:, None] + 1) / 3 * .25 * wave(1, 1.3, .5, 2, 6, 3)
    centres = anchors[:, [1, 4, 5, 8, 9, 0]] + shift
    kinds = (3 * slots + 5 * torch.arange(2)[:, None] + 2) % 18
    sizes = wave(.4, .77, .3, 2, 6, 3)
    for padded in (centres, kinds, sizes):
        padded[:, 5] = 0
    i, b = torch.arange(512), torch.arange(2)[:, None]
    zeros = torch.zeros(2, 6)
    return found, dict(
        center_label=centres, box_mask=torch.tensor([[1, 1, 1, 1, 1, 0]] * 2),
        heading_class=zeros.long(), heading_residual=zeros.double(),
        size_class=kinds, size_residual=sizes, sem_class=kinds,
        vote_label=wave(.3, .017, .9, 2, 512, 3).repeat(1, 1, 3),
        vote_mask=((i + b) % 3 != 0).long())


def test_losses(golden):
    found, targets = case(golden)
    losses = detection_losses(
        found, targets, VoteNet().mean_sizes.double())
    for name, value in dict(
            vote=.69915616911, objectness=.2994861436, centre=.18368303758,
            heading_class=0, heading_residual=.8737394775,
            size_class=3.229022072, size_residual=.86273965479,
            box=2.2430643771).items():
        assert losses[name].item() == pytest.approx(value, abs=1e-7), name
    assert losses['class'].item() == pytest.approx(3.0625392254, abs=1e-8)
    # As in training: weighted, times ten.
    total = 10 * (losses['vote'] + .5 * losses['objectness'] + losses['box']
                  + .1 * losses['class'])
    total.backward()
    assert total.item() + 8.5262019872 == pytest.approx(42.508377392)
    for name, norm, head in (
            ('votes', 1.8677183974, (0, 0, 0, 0)),
            ('centres', 3.6850084017, (0, 0, 0, -.21476433605)),
            ('objectness', .40833724518, (-.033929944329, .033929944329)),
            ('size_residuals', 2.3214169472, (0, 0, 0, 0)),
            ('class_scores', .43970562301, (0, )),
            ('size_scores', .44293345132, (0, )),
            ('heading_residuals', 4.260153046, (0, 1.9999996, 0, 0))):
        golden.close(getattr(found, name).grad, head, norm=norm)


def test_mean_sizes():
    """Those of the reference, as it rounds them."""
    sizes = VoteNet().mean_sizes
    assert sizes.dtype == torch.float32 and sizes.shape == (18, 3)
    assert float(sizes.double().sum()) == pytest.approx(51.054639025)
    assert sizes[17].tolist() == pytest.approx(
        [.43294385021, .51933507119, .48437456029])


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match=r'\(1, 50, 6\), but the detector '
                       r'takes \(B, N, 7\)'):
        VoteNet()(torch.rand(1, 50, 6))
    with pytest.raises(ValueError, match='levels are four, not 1'):
        VoteNet(levels=[(8, .2, 4, (8, ))])
