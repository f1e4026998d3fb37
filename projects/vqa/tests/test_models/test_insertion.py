"""The block behind the fusion: which tokens it sees, and which it gives."""

import pytest
import torch

from lm4ve_mm.utils.errors import ConfigError, DataError


@pytest.fixture
def streams(golden):
    """Image (B, N, C), text (B, L, C) and its mask."""
    mask = golden.texts([3, 7, 10])[1]
    return (golden.sines(1, .1, 0, 3, 17, 64).float(),
            golden.sines(1, .13, 1, 3, 10, 64).float(), mask)


def built(golden, **options):
    return golden.meter(neck=golden.NECK, **options).eval()


def test_text_stream_is_untouched(golden, streams):
    """Check 18: the block changes the image's half alone."""
    torch.manual_seed(0)
    model = built(golden)
    image, text = model.insert(*streams)
    neck, model.neck = model.neck, None
    plain_image, plain_text = model.insert(*streams)
    assert torch.equal(text, plain_text)
    assert not torch.allclose(image, plain_image, atol=1e-2)
    pooled = [model.fusion.pool(image, text),
              model.fusion.pool(plain_image, plain_text)]
    assert torch.equal(pooled[0][:, :64], pooled[1][:, :64])
    assert torch.allclose(neck(streams[0])[:, 0], image, atol=1e-6)


def test_only_the_first_token_is_computed(golden, streams):
    """What is kept equals slicing the whole."""
    model = built(golden)
    asked = []
    model.neck.layer.register_forward_pre_hook(
        lambda _, args: asked.append(args[2]))
    image, _ = model.insert(*streams)
    assert asked == [slice(0, 1)]
    assert torch.allclose(image, model.neck(streams[0])[:, 0], atol=1e-6)


def test_swin_reads_the_mean(golden, streams):
    model = built(golden, image=golden.SWIN)
    image, text = model.insert(*streams)
    assert torch.allclose(
        image, model.neck(streams[0]).mean(1), atol=1e-6)
    assert torch.equal(text, streams[1][:, 0])


def test_no_order_among_image_tokens(golden, streams):
    """Neither positions nor a causal mask: patches may be exchanged."""
    image, text, mask = streams
    model = built(golden)
    mixed = image[:, [0, *range(16, 0, -1)]]
    assert torch.allclose(model.insert(image, text, mask)[0],
                          model.insert(mixed, text, mask)[0], atol=1e-5)


def test_both_streams(golden, streams):
    """The block sees both; padding of the text is looked at by none."""
    image, text, mask = streams
    model = built(golden, tokens='image_text')
    found = model.insert(image, text, mask)
    whole = model.neck(torch.cat([image, text], 1), torch.cat(
        [torch.ones(3, 17), mask], 1).bool())
    assert torch.allclose(found[0], whole[:, 0], atol=1e-6)
    assert torch.allclose(found[1], whole[:, 17], atol=1e-6)
    noisy = text + 5 * (1 - mask)[..., None]
    again = model.insert(image, noisy, mask)
    for one, other in zip(found, again, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert not torch.allclose(
        model.insert(image, text, torch.ones_like(mask))[0][0], found[0][0],
        atol=1e-4)


def test_both_streams_of_swin(golden, streams):
    """The mean is that of the image's tokens alone."""
    image, text, mask = streams
    model = built(golden, image=golden.SWIN, tokens='image_text')
    found = model.insert(image, text, mask)
    whole = model.neck(torch.cat([image, text], 1), torch.cat(
        [torch.ones(3, 17), mask], 1).bool())
    assert torch.allclose(found[0], whole[:, :17].mean(1), atol=1e-6)
    assert torch.allclose(found[1], whole[:, 17], atol=1e-6)


def test_padding_of_a_text_changes_nothing(golden):
    """Through the whole model; more padding, other ids in it."""
    model = built(golden)
    image = torch.randn(2, 3, 32, 32)
    ids, mask = golden.texts([4, 6], slots=6)
    more, longer = golden.texts([4, 6], slots=12)
    more[longer == 0] = 57
    first = model(image, golden.samples(ids, mask))
    second = model(image, golden.samples(more, longer))
    assert torch.allclose(first, second, atol=1e-5)


def test_gradients_reach_the_fusion_through_the_block(golden):
    """Check 19: the block stays, what is around it moves."""
    torch.manual_seed(0)
    model = built(golden).train()
    digest = model.neck.layer.digest()
    before = {n: p.clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids, mask = golden.texts([3, 7, 10])
    samples = golden.samples(ids, mask, gt_score=torch.rand(3, 13))
    for _ in range(3):
        optimizer.zero_grad()
        sum(model(torch.randn(3, 3, 32, 32), samples, mode='loss').values()
            ).backward()
        optimizer.step()
    assert model.neck.layer.digest() == digest
    for name in ('neck.layer.map_in.weight', 'neck.layer.map_out.weight',
                 'fusion.cross_modal_image_layers.1.output.dense.weight'):
        moved = dict(model.named_parameters())[name]
        assert not torch.equal(moved, before[name]), name


@pytest.mark.parametrize('leave_out', ['text_ids', 'text_mask'])
def test_image_without_a_text(golden, leave_out):
    samples = golden.samples(*golden.texts([3, 4]))
    for sample in samples:
        sample.pop(leave_out)
    with pytest.raises(DataError, match=f'no .*{leave_out}'):
        golden.meter()(torch.zeros(2, 3, 32, 32), samples)
    with pytest.raises(DataError, match='no text_ids'):
        golden.meter()(torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize('mode', ['tensor', 'loss', 'predict'])
def test_text_without_an_image(golden, mode):
    samples = golden.samples(*golden.texts([3, 4]))
    with pytest.raises(DataError, match='no images: a text goes with an im'):
        golden.meter()(None, samples, mode=mode)
    with pytest.raises(DataError, match='no text_ids'):
        golden.meter()(torch.zeros(2, 3, 32, 32), mode=mode)


def test_tokenizer_of_another_model(golden):
    ids, mask = golden.texts([3, 4])
    ids[1, 2] = 30000
    with pytest.raises(DataError, match='holds 30000, but the text encoder '
                       'knows 100 ids: the tokenizer'):
        golden.meter()(torch.zeros(2, 3, 32, 32), golden.samples(ids, mask))


def test_unknown_keywords(golden):
    with pytest.raises(ConfigError, match="'text' is unknown; known: image"):
        golden.meter(tokens='text')
    with pytest.raises(ValueError, match="not 'no'"):
        golden.meter()(torch.zeros(1, 3, 32, 32), [], mode='no')
