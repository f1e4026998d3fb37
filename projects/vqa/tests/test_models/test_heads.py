"""Predictions, losses, and what is drawn for them."""

import json

import pytest
import torch
from lm4ve_vqa.models.retrieval import draw_images

from lm4ve_mm.utils.errors import ConfigError, DataError


@pytest.fixture
def inputs():
    return torch.randn(4, 3, 32, 32, generator=torch.manual_seed(0))


def test_answers(golden, inputs, tmp_path):
    file = tmp_path / 'answers.json'
    words = [f'word {i}' for i in range(13)]
    file.write_text(json.dumps(words))
    head = dict(golden.HEADS['VQA'], answers=str(file))
    model = golden.meter(head=head).eval()
    model.init_weights()
    samples = golden.samples(*golden.texts([3, 4, 5, 6]))
    logits = model(inputs, samples)
    for sample, row in zip(model(inputs, samples, mode='predict'), logits,
                           strict=True):
        assert torch.allclose(sample.pred_score, row.sigmoid())
        assert sample.pred_label == int(row.argmax())
        assert sample.pred_answer == words[sample.pred_label]
    file.write_text(json.dumps(words[:12]))
    with pytest.raises(ConfigError, match='holds 12 answers, and the head '
                       r'has 13 outputs: set model\.head\.num_answers=12'):
        golden.meter(head=head).init_weights()


def test_predicts_without_a_list(golden, inputs):
    samples = golden.samples(*golden.texts([3, 4, 5, 6]))
    found = golden.meter().eval()(inputs, samples, mode='predict')
    assert all('pred_answer' not in sample for sample in found)
    assert found[0].pred_score.shape == (13, )


def test_targets_of_another_vocabulary(golden, inputs):
    samples = golden.samples(*golden.texts([3, 4, 5, 6]),
                             gt_score=torch.zeros(4, 12))
    with pytest.raises(ConfigError, match=r'\(4, 12\), the head gives '
                       r'\(4, 13\)'):
        golden.meter()(inputs, samples, mode='loss')
    for sample in samples:
        sample.pop('gt_score')
    with pytest.raises(DataError, match='no gt_score to learn from'):
        golden.meter()(inputs, samples, mode='loss')


def test_half_of_the_images_stay():
    torch.manual_seed(0)
    drawn = [draw_images([None] * 7) for _ in range(200)]
    for labels, which in drawn:
        assert labels.sum() == 3
        assert torch.equal(which == torch.arange(7), labels.bool())
    stays = torch.stack([labels for labels, _ in drawn]).float().mean(0)
    assert ((stays - 3 / 7).abs() < .15).all()
    assert torch.stack([which for _, which in drawn]).unique().numel() == 7


def test_a_false_image_is_not_the_same_one():
    """Of five captions of an image two may be in a batch."""
    for _ in range(50):
        labels, which = draw_images([1, 1, 2, 2])
        for own, (label, other) in enumerate(zip(labels, which, strict=True)):
            assert bool(label) == (own // 2 == int(other) // 2)
    with pytest.raises(DataError, match='batch of 3 has texts of one image'):
        draw_images([5, 5, 5])
    with pytest.raises(DataError, match='batch of 1'):
        draw_images([None])


def test_ranks(golden, inputs):
    """From features that were encoded once, in any order."""
    model = golden.meter('Retrieval', neck=golden.NECK).eval()
    ids, mask = golden.texts([3, 4, 5, 6])
    images, texts = model.encode_image(inputs), model.encode_text(ids, mask)
    assert (images.shape, texts.shape) == ((4, 17, 64), (4, 10, 64))
    pairs = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    ranks = model.match(images[pairs[:, 0]], texts[pairs[:, 1]],
                        mask[pairs[:, 1]]).view(4, 4)
    own = model(inputs, golden.samples(ids, mask))
    assert torch.allclose(ranks.diagonal(), own, atol=1e-5)
    found = model(inputs, golden.samples(ids, mask), mode='predict')
    assert torch.allclose(torch.cat([s.pred_score for s in found]), own,
                          atol=1e-5)


def test_retrieval_starts_near_chance(golden, inputs):
    """Check 12: ln 16 + ln 2; the rank starts as the frozen matching."""
    torch.manual_seed(0)
    model = golden.meter('Retrieval').eval()
    model.init_weights()
    head = model.head
    assert torch.equal(head.rank_output.weight, head.itm_score.fc.weight[1:])
    assert head.rank_output.weight.std().item() == pytest.approx(.02, rel=.3)
    assert not head.itm_score.fc.weight.requires_grad
    ids, mask = golden.texts([3, 4, 5, 6])
    false = [golden.texts([5, 6, 7, 8], row) for row in range(4, 19)]
    samples = golden.samples(
        ids, mask, false_text_ids=torch.stack([i for i, _ in false], 1),
        false_text_mask=torch.stack([m for _, m in false], 1))
    losses = model(inputs, samples, mode='loss')
    assert losses['loss_irtr'].item() == pytest.approx(2.77, abs=.05)
    assert losses['loss_itm'].item() == pytest.approx(.69, abs=.05)


def test_initialisation_of_new_parts(golden):
    """N(0, 0.02), biases zero, norms one."""
    torch.manual_seed(0)
    model = golden.meter()
    model.init_weights()
    layer = model.fusion.cross_modal_text_layers[0]
    for weight in (layer.crossattention.self.query.weight,
                   model.fusion.cross_modal_image_transform.weight,
                   model.head.vqa_classifier[0].weight):
        assert weight.std().item() == pytest.approx(.02, rel=.05)
    assert layer.output.dense.bias.abs().max() == 0
    assert (layer.output.LayerNorm.weight == 1).all()


@pytest.mark.parametrize('task', ['VQA', 'Retrieval'])
def test_bfloat16(golden, inputs, task):
    """As the recipes train: losses in fp32, near those without autocast."""
    torch.manual_seed(0)
    model = golden.meter(task, neck=golden.NECK).eval()
    ids, mask = golden.texts([3, 4, 5, 6])
    samples = golden.samples(
        ids, mask, gt_score=torch.rand(4, 13), false_text_ids=ids[:, None],
        false_text_mask=mask[:, None])
    found = []
    for enabled in (False, True):
        torch.manual_seed(1)  # of the false images
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            found.append(model(inputs, samples, mode='loss'))
    for name, loss in found[1].items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(found[0][name].item(), rel=.02)
    sum(found[1].values()).backward()
    grad = model.neck.layer.map_in.weight.grad
    assert grad.isfinite().all()
    assert grad.abs().max() > 0
