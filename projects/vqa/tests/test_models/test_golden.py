"""METER's own numbers, in fp64 and in fp32: checks 1 to 3, 6, 12."""

from typing import NamedTuple

import pytest
import torch
from lm4ve_vqa.upstream import RENAMES, split

from lm4ve_mm.published.translate import our_names

# Sums over all elements, and the first three logits of the first sample.
SUMS = dict(
    text_layer1=83.387983589, image_enc=78.845698104,
    fusion1_text=30.691099695, fusion1_image=25.038485213,
    pool_text=-2.6238632088, pool_image=-1.8263115676)
SQUARES = dict(
    text_layer1=1954.8096436, image_enc=6655.9948698,
    pool_text=9.1353853398, pool_image=2.5488095758)
LOGITS = (0.4690432139, -0.72081812752, 1.0394561293)
RANKS = (0.071966803647, 0.073083378534, 0.069446107627)
IRTR = (
    0.071966803647, 0.07025037389, 0.072696359198, 0.070655551451,
    0.073083378534, 0.0706544749, 0.070918313361, 0.073088012333,
    0.069446107627, 0.072011339555, 0.07133585929, 0.070880241806)
MATCHING = (
    -0.024118637747, 0.077380543761, -0.025036079717, 0.078143419352,
    -0.022720995536, 0.076566859078)
# Parameter of ours -> norm of its gradient, first elements.
GRADIENTS = {
    'fusion.cross_modal_image_transform.weight': (
        5.6725506018, (0.09634593553, 0.043682392059, 0.13346387798)),
    'image_encoder.model.embeddings.patch_embedding.weight': (
        0.06536630552, (-0.00040451249378, -0.00039733103658)),
    'image_encoder.model.embeddings.class_embedding': (
        0.63299755025, (-0.012213944917, -0.019645946468)),
    'fusion.cross_modal_image_layers.1.intermediate.dense.weight': (
        0.64241404165, (-0.0001796089556, 0.00027871143811)),
}
TOTAL_NORM = 58.491652381
SWIN_LOGITS = (0.385111912, -0.60813328485, 0.88546786749)


class Precision(NamedTuple):
    """What numbers are computed in, and how near they come to METER's.

    Those of METER are printed with eleven digits. fp32 is for the code: a
    wrong epsilon in the fusion would not be seen in it.
    """

    dtype: torch.dtype
    forward: float
    gradient: float

    def value(self, wanted):
        """Of a forward pass."""
        return pytest.approx(wanted, rel=self.forward, abs=self.forward)

    def grad(self, wanted):
        """Of a backward pass; small ones are as exact as large ones."""
        return pytest.approx(wanted, rel=self.gradient, abs=0)

    def loaded(self, golden, swin=False, **options):
        """A model with METER's weights, in eval mode."""
        shapes = golden.reference_shapes(
            golden.swin_shapes() if swin else None, not swin)
        image = golden.SWIN if swin else golden.CLIP
        model = golden.meter(image=image, **options).to(self.dtype).eval()
        model.load_state_dict(golden.filled(shapes))
        return model

    def image(self, golden, size=32, frequency=.013, phase=0):
        """Three golden images."""
        return golden.sines(1.5, frequency, phase, 3, 3, size, size).to(
            self.dtype).requires_grad_()


@pytest.fixture(params=[
    Precision(torch.float64, 1e-8, 1e-7),
    Precision(torch.float32, 1e-5, 1e-3)],
    ids=lambda one: str(one.dtype).removeprefix('torch.'))
def exact(request):
    return request.param


@pytest.fixture(scope='module')
def texts(golden):
    """Data samples, and their ids and masks."""
    ids, mask = golden.texts([3, 7, 10])
    return golden.samples(ids, mask), ids, mask


def targets():
    scores = torch.zeros(3, 13, dtype=torch.float64)
    given = (((2, 1.), (4, .3)), ((0, .6), ),
             ((12, .9), (7, .3), (3, .3)))
    for row, pairs in enumerate(given):
        for label, score in pairs:
            scores[row, label] = score
    return scores


def test_forward(golden, texts, exact):
    data_samples, ids, mask = texts
    image, model = exact.image(golden), exact.loaded(golden)
    text = model.encode_text(ids, mask)
    seen = model.encode_image(image)
    fused_image, fused_text = model.fusion(seen, text, mask)
    pooled = model.fusion.pool(fused_image[:, 0], fused_text[:, 0])
    found = dict(
        text_layer1=model.text_encoder(ids, mask),
        image_enc=model.image_encoder(image), fusion1_text=fused_text,
        fusion1_image=fused_image, pool_text=pooled[:, :64],
        pool_image=pooled[:, 64:])
    assert {name: value.double().sum().item()
            for name, value in found.items()} == exact.value(SUMS)
    assert {name: value.double().square().sum().item()
            for name, value in found.items()
            if name in SQUARES} == exact.value(SQUARES)
    assert fused_image[2, 16, :2].tolist() == exact.value(
        [1.4867563066, -0.63279133426])
    logits = model(image, data_samples)
    assert logits[0, :3].tolist() == exact.value(LOGITS)
    assert logits.sum().item() == exact.value(0.36510478475)


def test_loss_and_gradients(golden, texts, exact):
    _, ids, mask = texts
    image, model = exact.image(golden), exact.loaded(golden)
    learnt = golden.samples(ids, mask, gt_score=targets().to(exact.dtype))
    loss, = model(image, learnt, mode='loss').values()
    assert loss.item() == exact.value(9.7460011689)
    loss.backward()
    assert image.grad.norm().item() == exact.grad(0.0020353102613)
    parameters = dict(model.named_parameters())
    for name, (length, head) in GRADIENTS.items():
        grad = parameters[name].grad
        assert grad.norm().item() == exact.grad(length), name
        assert grad.flatten()[:len(head)].tolist() == exact.grad(head), name
    words = 'text_encoder.model.embeddings.word_embeddings.weight'
    assert parameters[words].grad[0].norm().item() == exact.grad(
        0.42143831725)
    types = parameters['fusion.token_type_embeddings.weight'].grad
    assert types[1].norm().item() == exact.grad(0.58749227558)
    assert all(p.grad is not None for p in parameters.values())
    total = sum(p.grad.square().sum() for p in parameters.values()).sqrt()
    assert total.item() == exact.grad(TOTAL_NORM)


def test_zero_logits(golden):
    """Check 6: 3129 ln 2, whatever the targets."""
    head = golden.meter(head=dict(type='lm4ve_mm.VQAHead')).head
    torch.nn.init.zeros_(head.vqa_classifier[3].weight)
    torch.nn.init.zeros_(head.vqa_classifier[3].bias)
    loss = head.loss(torch.rand(2, 128), torch.rand(2, 3129))['loss_vqa']
    assert loss.item() == pytest.approx(2168.86, abs=.01)


def test_retrieval(golden, texts, exact):
    data_samples, ids, mask = texts
    image, model = exact.image(golden), exact.loaded(golden, task='Retrieval')
    assert model(image, data_samples).tolist() == exact.value(RANKS)
    found = [golden.texts(lengths, row, 0) for lengths, row in (
        ([7, 3, 6], 3), ([9, 5, 8], 6), ([3, 7, 10], 9))]
    false_ids, false_mask = (torch.stack(parts, 1) for parts in zip(
        *found, strict=True))
    learnt = golden.samples(ids, mask, false_text_ids=false_ids,
                            false_text_mask=false_mask)
    losses = model(image, learnt, mode='loss')
    assert losses['loss_irtr'].item() == exact.value(1.3862116965)
    features = model.encode_image(image)
    scores = [model.match(features, model.encode_text(i, m), m)
              for i, m in ((ids, mask), *found)]
    assert torch.stack(scores, 1).flatten().tolist() == exact.value(IRTR)
    losses['loss_irtr'].backward()
    rank = model.head.rank_output.weight.grad
    assert rank.norm().item() == exact.grad(0.0068475957589)
    projection = model.fusion.cross_modal_image_transform.weight
    assert projection.grad.norm().item() == exact.grad(0.00024128317218)


def test_matching(golden, texts, exact):
    """The golden draw: the second keeps its image."""
    _, ids, mask = texts
    image, model = exact.image(golden), exact.loaded(golden, task='Retrieval')
    labels = torch.tensor([0, 1, 0])
    false = exact.image(golden, frequency=.017, phase=1)
    mixed = torch.where(labels.bool()[:, None, None, None], image, false)
    pooled = model.join(model.encode_image(mixed),
                        model.encode_text(ids, mask), mask)
    assert model.head.itm_score.fc(pooled).flatten().tolist() == exact.value(
        MATCHING)
    loss = model.head.loss_matching(pooled, labels)
    assert loss.item() == exact.value(0.71069814449)
    loss.backward()
    assert model.head.itm_score.fc.weight.grad is None
    projection = model.fusion.cross_modal_image_transform.weight
    assert projection.grad.norm().item() == exact.grad(0.11746578364)


def test_swin(golden, texts, exact):
    _, ids, mask = texts
    image, model = exact.image(golden, 64), exact.loaded(golden, swin=True)
    encoded = model.image_encoder(image)
    assert encoded.shape == (3, 4, 128)
    assert encoded.double().sum().item() == exact.value(9.9979939559)
    learnt = golden.samples(ids, mask, gt_score=targets().to(exact.dtype))
    assert model(image, learnt)[0, :3].tolist() == exact.value(SWIN_LOGITS)
    loss, = model(image, learnt, mode='loss').values()
    assert loss.item() == exact.value(9.5186441744)
    loss.backward()
    assert image.grad.norm().item() == exact.grad(0.00029609276888)
    bias, = (p.grad for name, p in model.named_parameters() if name.endswith(
        'layers.0.blocks.1.attention.relative_position_bias'
        '.relative_position_bias_table'))
    assert bias.norm().item() == exact.grad(3.8269411055e-06)


def test_every_published_name_has_a_place(golden):
    """Check 2, of the names: our own are all reached, once."""
    for swin in (False, True):
        model = golden.meter(image=golden.SWIN if swin else golden.CLIP)
        shapes = golden.reference_shapes(
            golden.swin_shapes() if swin else None, False)
        assert len(shapes) == (277 if swin else 204)
        own = model.state_dict()
        reached = [next(n for n in our_names(name, RENAMES) if n in own)
                   for name in split(golden.filled(shapes))
                   if any(n in own for n in our_names(name, RENAMES))]
        assert sorted(reached) == sorted(own)
