"""Layers of MCAN and the texts: golden numbers E.1, E.2."""

import pytest
import torch
from lm4ve_vqa3d.models import (
    Flatten,
    GuidedLayer,
    SelfLayer,
    StdNorm,
    TextEncoder,
)


@pytest.fixture
def tokens(golden):
    """X (2, 9, 32) with sample 1 masked from 6 on, Y (2, 7, 32) from 4 on."""
    x, y = golden.wave(1, .11, .3, 2, 9, 32), golden.wave(1, .07, 1.1, 2, 7,
                                                         32)
    masks = (torch.arange(9) >= torch.tensor([[9], [6]]),
             torch.arange(7) >= torch.tensor([[7], [4]]))
    return x.requires_grad_(), y.requires_grad_(), *masks


def test_norm(golden, tokens):
    x = tokens[0]
    norm = golden.fill(StdNorm(32), {'a_2': (32, ), 'b_2': (32, )},
                       'dec_list.0.norm1.', 'fusion.by_situation.0.norms.0.')
    out = norm(x)
    golden.close(out, [-.41807412298, -.22376792272, -.047507777186,
                       .10858153109], -4.7626690191, 568.1504826)
    golden.close(out[1, -1, -4:], [1.5793626838, 1.8659818888, 2.1475417763,
                                   2.4072094545])
    out.square().sum().backward()
    golden.close(x.grad, [-.15134349016, -.13960257752, -.1781994649,
                          -.28908186824], norm=14.354553582)
    golden.close(norm.weight.grad, [83.803736475, 71.854527123],
                 norm=233.36965041)
    golden.close(norm.bias.grad, [1.3541767547], norm=21.770518079)
    x = x.detach().float()
    usual = torch.nn.functional.layer_norm(x, (32, ))
    ratio = (StdNorm(32)(x) / usual).mean().item()
    assert ratio == pytest.approx(.98427236, abs=1e-4)


def test_self_layer(golden, tokens):
    x, _, padding, _ = tokens
    layer = golden.fill(
        SelfLayer(32, 8), golden.bare(golden.mcan_layer('', 32, False)),
        'enc_list_s.0.', 'fusion.situation.0.')
    out = layer(x, padding)
    golden.close(out, [-1.2923463556, -.24408820726, -.59465041196,
                       .53983551397], 3.1623637522, 559.42197007)
    golden.close(out[1, -1, -4:], [.85803480622, 2.3501750262, 1.8003236167,
                                   2.1724581241])
    out.square().sum().backward()
    golden.close(x.grad, [-.32409174993, -.46088948576], norm=12.289076815)
    golden.close(layer.attn.query.weight.grad, [.1796808817, .21035472479],
                 norm=6.8477828115)
    golden.close(layer.ffn[0].weight.grad, [1.4316859527],
                 norm=41.410146937)
    # Everything of sample 1 masked: attention is uniform.
    x.grad = None
    padding = torch.tensor([[False], [True]]).expand(2, 9)
    out = layer(x, padding)
    golden.close(out, [-1.2923463556], 3.1708901603, 558.80408719)
    golden.close(out[1, -1, -4:], [1.0186492901, 2.5213738492, 1.8816707856,
                                   1.8738080459])
    out.square().sum().backward()
    golden.close(x.grad, [-.32409174993], norm=12.277164626)


def test_guided_layer(golden, tokens):
    x, y, padding, guide_padding = tokens
    shapes = golden.bare(golden.mcan_layer('', 32, True))
    layer = golden.fill(GuidedLayer(32, 8), shapes, 'dec_list.0.',
                        'fusion.by_situation.0.')
    out = layer(x, y, padding, guide_padding)
    golden.close(out, [-1.2754411821, -.35130588589, -.71166157894,
                       .69291916994], -6.1564391707, 552.67556181)
    golden.close(out[1, -1, -4:], [.58552412917, 1.8716626359, 1.5859110889,
                                   1.6163041533])
    out.square().sum().backward()
    golden.close(x.grad, [-.15926640035, .14233134702], norm=9.2283191469)
    golden.close(y.grad, [-.0050979841484], norm=.63971312845)
    golden.close(layer.cross_attn.key.weight.grad, [-.1856977269],
                 norm=3.1400593932)
    golden.close(layer.norms[1].weight.grad, [2.1695302285, .344329031],
                 norm=18.168587168)


def test_flatten(golden, tokens):
    x, _, padding, _ = tokens
    shapes = golden.bare(golden.flatten('', 32, 24, 40))
    flatten = golden.fill(Flatten(32, 24, 40), shapes, 'attflat_s.',
                          'flatten.situation.')
    out, weights = flatten(x, padding)
    golden.close(out, [.15480840276, .1368039582, .1014088443,
                       .055747337469], .78029485243, .89779936629)
    golden.close(weights, [.1072842973, .11222671563], 2, .27801676726)
    assert weights[1, 6:].tolist() == [0, 0, 0]
    out.square().sum().backward()
    golden.close(x.grad, [.0048847392941], norm=.59550675884)
    golden.close(flatten.weigh[3].weight.grad, [-.30872585632],
                 norm=1.8159400326)
    golden.close(flatten.out.weight.grad, [-.0062076047336],
                 norm=.74555964991)
    x.grad = None
    out, weights = flatten(x, torch.tensor([[False], [True]]).expand(2, 9))
    assert weights[1].tolist() == pytest.approx([1 / 9] * 9)
    golden.close(out, [.15480840276], .80607282029, .86010800227)
    out.square().sum().backward()
    golden.close(x.grad, [.0048847392941], norm=.28977359425)


def test_texts(golden):
    shapes = golden.bare(golden.lstm('lstm', 12, 32))
    encoder = golden.fill(TextEncoder(12, 32), shapes, 'lang_net.',
                          'fusion.texts.')
    given = golden.texts()
    given['situation'].requires_grad_()
    states, padding = encoder(given['situation'])
    assert states.shape == (2, 8, 32)
    assert padding.int().flatten().tolist() == [0] * 5 + [1] * 3 + [0] * 8
    golden.close(states[0, 0], [.19690996197, .061941328759, -.090308237831,
                                .14657146111])
    golden.close(states, (), 13.807217031, 7.6199103597)
    assert not states[0, 5:].any()
    asked, padding = encoder(given['question'])
    assert padding.int().flatten().tolist() == [0] * 9 + [1] * 3
    golden.close(asked, [.19766204924, -.077196455445], 7.3905380369,
                 4.2515834788)
    (states.square().sum() + asked.square().sum()).backward()
    golden.close(given['situation'].grad, [.00012904658611, -.015239620133],
                 norm=.65698613101)
    golden.close(encoder.lstm.weight_hh_l0.grad, [-.019868772869],
                 norm=4.7159894457)


def test_word_of_zeros_and_empty_text():
    """Zeros inside are a word; a text without words is one of zeros."""
    encoder = TextEncoder(3, 4)
    vectors = torch.zeros(2, 6, 3)
    vectors[0, [0, 2]] = 1.
    states, padding = encoder(vectors)
    assert padding.tolist() == [[False] * 3, [False, True, True]]
    assert states[0, 1].any() and states[1, 0].any()


def test_heads_have_to_fit():
    with pytest.raises(ValueError, match='30 channels cannot be divided'):
        SelfLayer(30, 8)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_all_masked_in_half_precision(dtype):
    """float16 cannot hold the score of padding."""
    tokens = torch.linspace(-1, 1, 48).view(1, 6, 8).to(dtype)
    padding = torch.ones(1, 6, dtype=torch.bool)
    out = SelfLayer(8, 2).eval().to(dtype)(tokens, padding)
    assert out.dtype == dtype and out.isfinite().all()
    _, weights = Flatten(8, 4, 4).eval().to(dtype)(tokens, padding)
    assert weights.float().tolist() == [pytest.approx([1 / 6] * 6, abs=1e-3)]
