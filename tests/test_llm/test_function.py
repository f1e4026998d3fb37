"""What a layer computes is compared wherever its weights are loaded."""

import logging

import pytest
import torch

from lm4ve_mm.llm import BlockMismatchError, FrozenLLMLayer, MLPLayer
from lm4ve_mm.llm.block.geometry import BlockGeometry
from lm4ve_mm.llm.weights.identity import to_tensor

GEOMETRY = dict(width=32, num_heads=4, ffn_dim=64, rope_theta=100.)
NORM = dict(norm='layer', qkv_bias=True)


def build(geometry=None, **options):
    torch.manual_seed(7)
    options.setdefault('geometry', {**GEOMETRY, **(geometry or {})})
    return FrozenLLMLayer(12, init='random', **options)


def load(state, layer, strict=True):
    return layer.load_state_dict(state, strict=strict)


# What the layer was trained as, what it is now, which key that is.
OTHERS = [
    (dict(), dict(rope=True), 'rope was False in training and is True here'),
    (dict(rope=True), dict(), 'rope was True in training and is False'),
    (dict(), dict(causal=True), 'causal was False .* True'),
    (dict(), dict(final_norm='none'), "final_norm was 'ones' .* 'none'"),
    (dict(), dict(attention=False), 'attention was True .* False'),
    (dict(attention=False), dict(), 'attention was False .* True'),
    (dict(), dict(residual='in'), "residual was 'none' .* 'in'"),
    (dict(residual='out'), dict(residual='hybrid'), "'out' .* 'hybrid'"),
    (dict(), dict(gate=True), 'gate was False .* True'),
    (dict(), dict(norm_in=True), 'norm_in was False .* True'),
    (dict(), dict(norm_out=True), 'norm_out was False .* True'),
    (dict(), dict(geometry=dict(num_heads=8)), 'num_heads was 4 .* is 8'),
    (dict(), dict(geometry=dict(norm_eps=1e-5)), 'eps was 1e-06 .* 1e-05'),
    (dict(), dict(geometry=dict(activation='relu')), "'silu' .* 'relu'"),
    (dict(), dict(geometry=dict(placement='post')), "'pre' .* 'post'"),
    (dict(), dict(geometry=dict(norm_offset=1.)), 'norm_offset was 0.0'),
    (dict(), dict(geometry=dict(softcap=20.)), 'softcap was None .* 20.0'),
    (dict(), dict(geometry=dict(attention_scale=1.)),
     'attention_scale was 0.3535.* 1.0'),
    (dict(rope=True), dict(rope=True, geometry=dict(rope_theta=1e4)),
     'rope_theta was 100.0 .* 10000.0'),
    (dict(rope=True), dict(rope=True, geometry=dict(rope_dims=4)),
     'rope_dims was 8 .* 4'),
    (dict(rope=True), dict(rope=True, geometry=dict(rope_factor=2.)),
     'rope_factor was 1.0 .* 2.0'),
    (dict(rope=True), dict(rope=True, geometry=dict(rope_bands=[1, 4, 9])),
     r'rope_bands was None .* \[1, 4, 9\]'),
]


@pytest.mark.parametrize('strict', [True, False])
@pytest.mark.parametrize('trained, here, words', OTHERS, ids=str)
def test_another_function_is_refused(trained, here, words, strict):
    state, layer = build(**trained).state_dict(), build(**here)
    # Blocks whose norm stores a distance from one: the same values here.
    state['block_identity'] = layer.block_identity
    before = {n: p.clone() for n, p in layer.named_parameters()}
    with pytest.raises(BlockMismatchError, match=words) as refused:
        load({**state, 'map_in.weight': torch.ones(32, 12)}, layer, strict)
    assert 'llm.accept_other_function=True' in str(refused.value)
    for name, parameter in layer.named_parameters():
        assert torch.equal(parameter, before[name]), name


def test_every_key_that_differs_is_listed():
    state = build().state_dict()
    with pytest.raises(BlockMismatchError) as refused:
        load(state, build(rope=True, causal=True, residual='out'))
    message = str(refused.value)
    assert all(f'{key} was' in message
               for key in ('rope', 'causal', 'residual'))
    # The phase's own numbers say nothing where one layer has no phase.
    assert 'rope_theta' not in message and 'gate' not in message


@pytest.mark.parametrize('here', [
    dict(shortcut='off'), dict(with_cp=True), dict(dtype='float16'),
    dict(geometry=dict(rope_theta=5.)), dict(geometry=dict(head_dim=8)),
    dict(geometry=dict(attention_scale=8**-0.5 * (1 + 1e-8))),
    dict(trainable=True)], ids=str)
def test_what_does_not_change_the_function(here):
    layer = build(**here)
    state = {**build().state_dict(), 'map_in.weight': torch.ones(32, 12)}
    if 'dtype' in here:  # rounded, so the block's digest is another
        state['block_identity'] = layer.block_identity
    load(state, layer, strict=not layer.trainable)
    assert (layer.map_in.weight == 1).all()


@pytest.mark.parametrize('trainable', [True, False])
def test_an_accepted_change_is_said(trainable, caplog):
    state = build(trainable=trainable).state_dict()
    layer = build(trainable=trainable, causal=True, gate=True,
                  accept_other_function=True)
    load(state, layer)
    line, = caplog.messages
    assert 'accept_other_function=True' in line
    assert 'causal was False in training and is True here; gate was' in line
    # From now on its weights are those of its own function.
    caplog.clear()
    load(layer.state_dict(), build(trainable=trainable, causal=True,
                                   gate=True))
    assert not caplog.messages
    with pytest.raises(BlockMismatchError, match='causal was True'):
        load(layer.state_dict(), build(trainable=trainable))


def test_a_trained_block_has_a_function_too():
    state = build(trainable=True).state_dict()
    for change in (dict(causal=True), dict(geometry=dict(num_heads=2))):
        with pytest.raises(BlockMismatchError, match='(causal|heads) was'):
            load(state, build(trainable=True, **change))
    two = build(trainable=True, layers=(0, 1))
    with pytest.raises(BlockMismatchError, match='num_blocks was 2 .* 1'):
        load(two.state_dict(), build(trainable=True), strict=False)


@pytest.mark.parametrize('trainable', [True, False])
def test_files_without_a_function_load_and_that_is_said(trainable, caplog):
    layer = build(trainable=trainable, causal=True)
    state = layer.state_dict()
    own = state.pop('layer_function')
    assert load(state, layer) == ([], [])
    line, = caplog.messages
    assert 'do not say which function' in line and '0.1' in line
    assert torch.equal(layer.state_dict()['layer_function'], own)


def test_a_file_without_the_layer_says_nothing(caplog):
    host = torch.nn.ModuleDict(dict(
        layer=build(), head=torch.nn.Linear(2, 2)))
    head = {f'head.{name}': value
            for name, value in host['head'].state_dict().items()}
    found = host.load_state_dict(head, strict=False)
    assert 'layer.map_in.weight' in found.missing_keys
    assert not caplog.messages


def test_keys_of_the_future_and_of_the_past():
    """A key that a file lacks has its default; an unknown one differs."""
    layer = build(geometry=NORM)
    values = dict(layer.function)
    for key in ('softcap', 'parallel', 'gate', 'num_blocks'):
        del values[key]
    state = layer.state_dict()
    load({**state, 'layer_function': to_tensor(values)}, layer)
    values['warp'] = 3
    with pytest.raises(BlockMismatchError, match='warp was 3 .* is None'):
        load({**state, 'layer_function': to_tensor(values)}, layer)


def test_it_is_described():
    layer = build(rope=True, geometry=dict(rope_bands=(1, 4, 9)))
    described = layer.describe()['function']
    assert described['rope'] is True and described['num_heads'] == 4
    assert described['rope_bands'] == [1, 4, 9]
    assert 'rope_theta' not in build().describe()['function']


def test_every_field_of_the_geometry_is_in_it():
    """But for the phase where there is none."""
    layer = build(rope=True)
    # A limit is kept to, and changes nothing below it.
    names = set(BlockGeometry(**GEOMETRY).to_dict()) - {'rope_longest'}
    assert names <= set(layer.function)


@pytest.mark.parametrize('strict', [True, False])
class TestMLPControl:
    """Its maps have the same names and shapes."""

    def test_into_a_frozen_layer(self, strict):
        with pytest.raises(BlockMismatchError, match='belong to an MLPLayer'):
            load(MLPLayer(12, 32).state_dict(), build(), strict)

    @pytest.mark.parametrize('trainable', [True, False])
    def test_from_a_frozen_layer(self, trainable, strict):
        with pytest.raises(BlockMismatchError,
                           match='belong to a FrozenLLMLayer'):
            load(build(trainable=trainable).state_dict(), MLPLayer(12, 32),
                 strict)

    def test_its_own(self, strict):
        layer = MLPLayer(12, 32)
        load({**layer.state_dict(), 'norm.bias': torch.ones(32)}, layer,
             strict)
        assert (layer.norm.bias == 1).all()


def test_log_is_of_this_package(caplog):
    state = build().state_dict()
    del state['layer_function']
    load(state, build())
    record, = caplog.records
    assert record.name.startswith('lm4ve_mm.llm')
    assert record.levelno == logging.WARNING
