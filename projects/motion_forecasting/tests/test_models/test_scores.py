"""How probability is shared among modes, and padding that costs nothing."""

import pytest
import torch
from lm4ve_motion.models import VectorNet
from lm4ve_motion.models.losses import all_actors_loss
from lm4ve_motion.models.polylines import PolylineEncoder, encode_valid


def ends(*distances):
    """One actor, modes that end so far from the truth (0, 0), one step."""
    trajs = torch.tensor([[d, 0.] for d in distances], dtype=torch.float64)
    known = torch.ones(1, 1, 1, dtype=torch.bool)
    return trajs[None, None, :, None], torch.zeros(1, 1, 1, 2).double(), known


def test_nearly_as_near_is_nearly_as_right():
    trajs, truth, known = ends(1., 3., 5.)
    logits = torch.tensor([[[.3, -.2, .1]]], dtype=torch.float64)
    found = all_actors_loss(trajs, logits, truth, known, spread=2.)
    shares = torch.tensor([1., 1 / torch.e, 1 / torch.e**2]).double()
    shares /= shares.sum()
    wanted = -(shares * logits[0, 0].log_softmax(-1)).sum()
    assert found['loss_cls'].item() == pytest.approx(wanted.item())
    # The winner alone is regressed, whatever the scores learn.
    plain = all_actors_loss(trajs, logits, truth, known)
    assert found['loss_reg'] == plain['loss_reg']
    assert plain['loss_cls'].item() == pytest.approx(
        -logits[0, 0].log_softmax(-1)[0].item())


def test_a_tiny_spread_is_none():
    trajs, truth, known = ends(2., 1., 4.)
    logits = torch.tensor([[[.3, -.2, .1]]], dtype=torch.float64)
    for spread in (0., 1e-3):
        found = all_actors_loss(trajs, logits, truth, known, spread)
        assert found['loss_cls'].item() == pytest.approx(
            -logits[0, 0].log_softmax(-1)[1].item())


def test_the_model_spreads(golden):
    """The key reaches the loss of the target."""
    torch.manual_seed(0)
    model = VectorNet(learn_from='target').double()
    other = VectorNet(learn_from='target', score_spread=5.).double()
    other.load_state_dict(model.state_dict())
    data = model.data_preprocessor(golden.vectornet_batch())
    one, two = (m(**data, mode='loss') for m in (model, other))
    assert one['loss_reg'] == two['loss_reg']
    assert one['loss_cls'] != two['loss_cls']
    with pytest.raises(ValueError, match='score_spread=-1'):
        VectorNet(score_spread=-1)


def test_padding_is_not_encoded():
    """Zeros come out for it; values and gradients are the others'."""
    torch.manual_seed(0)
    encoder = PolylineEncoder(3, (4, 8)).double()
    lines = torch.randn(2, 3, 5, 3).double()
    valid = torch.tensor([[True, True, False], [True, False, False]])
    found = encode_valid(encoder, lines, valid)
    assert found.shape == (2, 3, 16)
    assert torch.equal(found[valid], encoder(lines)[valid])
    assert not found[~valid].any()
    seen = []
    handle = encoder.levels[0].register_forward_hook(
        lambda module, args, out: seen.append(len(out)))
    encode_valid(encoder, lines, valid).sum().backward()
    handle.remove()
    assert seen == [3]
    given = [p.grad.clone() for p in encoder.parameters()]
    encoder.zero_grad()
    encoder(lines)[valid].sum().backward()
    assert all(torch.allclose(a, p.grad) for a, p in zip(
        given, encoder.parameters(), strict=True))


def test_a_batch_of_padding_alone():
    """A batch without lanes has one lane of padding in each scene."""
    encoder = PolylineEncoder(3, (4, 8))
    found = encode_valid(encoder, torch.zeros(2, 1, 9, 3),
                         torch.zeros(2, 1, dtype=torch.bool))
    assert found.shape == (2, 1, 16) and not found.any()
    found.sum().backward()
    assert not any(p.grad.any() for p in encoder.parameters())


def test_the_likeliest_mode_learns_too():
    """A share of the regression is that of the highest score."""
    trajs, truth, known = ends(1., 3., 5.)
    trajs.requires_grad_()
    logits = torch.tensor([[[.3, -.2, .9]]], dtype=torch.float64)

    def loss(share):
        return all_actors_loss(trajs, logits, truth, known,
                               likeliest_share=share)['loss_reg']

    assert loss(0.).item() == pytest.approx(.5)
    assert loss(1.).item() == pytest.approx(4.5)
    found = loss(.25)
    assert found.item() == pytest.approx(.75 * .5 + .25 * 4.5)
    moved, = torch.autograd.grad(found, trajs)
    assert moved[0, 0, :, 0, 0].tolist() == pytest.approx([.75, 0, .25])
    with pytest.raises(ValueError, match='likeliest_share=2'):
        VectorNet(likeliest_share=2)
