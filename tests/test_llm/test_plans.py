"""Which way is chosen, by hand and by cost."""

import pytest
from torch.testing import assert_close

from lm4ve_mm.llm.block.geometry import BlockGeometry
from lm4ve_mm.llm.shortcuts.plans import Call, Plan, cheapest, choose_plans

from .ways import NO_ABSORPTION, build, forbid, some_tokens

LLAMA = BlockGeometry(width=4096, num_heads=32, ffn_dim=11008)


class TestCostModel:

    @pytest.mark.parametrize('call, plan', [
        # ViT-S, class token: folding pays for many images a step only.
        (Call(384, 32, 197, 1, training=True), Plan(absorb=True)),
        (Call(384, 256, 197, 1, training=True), Plan(True, True)),
        (Call(384, 8, 197, 1, cached=True), Plan(True, True)),
        # All tokens: 65 of 32 point clouds, 1568 of a clip, 196 of an image.
        (Call(384, 32, 65, 65, training=True), Plan(fold=True)),
        (Call(384, 1, 1568, 1568, training=True), Plan(fold=True)),
        (Call(384, 1, 196, 196, training=True), Plan()),
        (Call(384, 1, 196, 196, cached=True), Plan(fold=True)),
        # Hardly any tokens: nothing is worth a product of weights.
        (Call(384, 1, 4, 1), Plan()),
        # Behind another block: keys of its own width.
        (Call(None, 8, 197, 1, training=True), Plan(absorb=True)),
        (Call(None, 8, 197, 197, training=True), Plan()),
        # Between 16 and 32 kept ones, since small products are slow.
        (Call(None, 8, 65, 16, training=True), Plan(absorb=True)),
        (Call(None, 8, 65, 32, training=True), Plan()),
    ])
    def test_choice(self, call, plan):
        plans = [Plan(f, a) for a in (False, True) for f in (False, True)]
        if call.embed_dims is None:
            plans = [Plan(), Plan(absorb=True)]
        assert cheapest(LLAMA, call, plans) == plan

    def test_several_blocks(self):
        call = Call(384, 32, 197, 1, training=True)
        assert choose_plans('auto', LLAMA, True, call, 2) == (
            Plan(fold=True), Plan(absorb=True))
        assert choose_plans('auto', LLAMA, False, call, 2) == (
            Plan(fold=True), Plan())
        assert choose_plans('fold_absorb', LLAMA, True, call, 2) == (
            Plan(fold=True), Plan(absorb=True))


@pytest.mark.parametrize('name, options', NO_ABSORPTION)
def test_absorption_is_refused_where_it_does_not_hold(name, options):
    tokens = some_tokens()
    layer = build(name, 'auto', **options)
    assert_close(layer(tokens, keep=[0]), layer(tokens)[:, [0]])
    for way in ('absorb', 'fold_absorb'):
        with pytest.raises(ValueError, match='norms of keys'):
            build(name, way, **options)


def test_the_way_can_be_changed_later():
    layer = build('grouped', 'absorb')
    forbid(layer, 'attn.k')
    layer(some_tokens(), keep=[0])
    layer.shortcut = 'fold'
    assert layer.shortcut == 'fold'
    with pytest.raises(ValueError, match="'nonsense' is unknown; known: auto"):
        layer.shortcut = 'nonsense'
    with pytest.raises(ValueError, match='rotary phase'):
        build('grouped', 'off', rope=True).shortcut = 'absorb'
