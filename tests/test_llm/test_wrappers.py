"""The layer inside of what people wrap models in."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.testing import assert_close

from lm4ve_mm.llm import FrozenLLMLayer, ignore_in_ddp

GEOMETRY = dict(width=64, num_heads=4, ffn_dim=96, num_kv_heads=2,
                rope_theta=100.)
LAYERS = {
    'off': dict(shortcut='off'),
    'absorb': dict(shortcut='absorb'),
    'fold': dict(shortcut='fold'),
    'fold_absorb': dict(shortcut='fold_absorb'),
    'two blocks': dict(layers=(0, 1)),
    'rope': dict(rope=True, causal=True),
    'recomputed': dict(with_cp=True),
    'trained': dict(shortcut='fold_absorb', trainable=True),
    'lora': dict(map_bias=True, lora=dict(
        rank=2, targets=['attn.q', 'ffn.up', 'map_in'])),
}
CASES = [*((name, slice(0, 1)) for name in LAYERS),
         ('fold_absorb', [0, 3]), ('fold', None), ('two blocks', None)]


def build(name):
    torch.manual_seed(0)
    layer = FrozenLLMLayer(24, init='random', geometry=GEOMETRY,
                           **LAYERS[name])
    for module in layer.modules():  # an update that is not zero
        if hasattr(module, 'up') and hasattr(module, 'down'):
            if isinstance(module.up, nn.Parameter):
                nn.init.normal_(module.up, std=0.2)
    return layer


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()


def tokens_and_mask(batch=2):
    tokens = torch.randn(batch, 9, 24,
                         generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(batch, 9, dtype=torch.bool)
    mask[0, 5:] = True
    return tokens, mask


def gradients(layer, call, keep):
    tokens, mask = tokens_and_mask()
    tokens.requires_grad_()
    layer.zero_grad()
    out = call(tokens, mask, keep)
    out.square().sum().backward()
    return [out, tokens.grad, *(p.grad.clone() for p in layer.parameters())]


class Keeping(nn.Module):
    """A model in which the kept tokens are fixed."""

    def __init__(self, layer, keep):
        super().__init__()
        self.layer, self.keep = layer, keep

    def forward(self, tokens, mask):
        return self.layer(tokens, mask, self.keep)


@pytest.mark.parametrize('name, keep', CASES, ids=str)
class TestCompile:
    """Whole graphs, no break; the backward pass is traced too."""

    def test_training(self, name, keep):
        layer = build(name)
        compiled = torch.compile(layer, backend='aot_eager', fullgraph=True)
        assert_close(gradients(layer, compiled, keep),
                     gradients(layer, layer, keep))

    def test_a_compiled_layer_sees_changed_weights(self, name, keep):
        layer = build(name).eval()
        compiled = torch.compile(layer, backend='aot_eager', fullgraph=True)
        tokens, mask = tokens_and_mask()
        with torch.no_grad():
            first = compiled(tokens, mask, keep)
            assert_close(first, layer(tokens, mask, keep))
            layer.map_out.weight.data.mul_(2)
            for parameter in layer.map_in.parameters():
                parameter.data.mul_(1.5)
            second = compiled(tokens, mask, keep)
            assert_close(second, layer(tokens, mask, keep))
        assert not torch.allclose(first, second)

    def test_export_for_any_batch_size(self, name, keep):
        model = Keeping(build(name), keep).eval()
        batch = torch.export.Dim('batch', max=64)
        program = torch.export.export(
            model, tokens_and_mask(),
            dynamic_shapes=({0: batch}, {0: batch}))
        inputs = tokens_and_mask(5)
        with torch.no_grad():
            assert_close(program.module()(*inputs), model(*inputs))


@pytest.mark.slow
def test_inductor():
    """The default backend, which writes code of its own."""
    layer = build('absorb')
    compiled = torch.compile(layer, fullgraph=True)
    assert_close(gradients(layer, compiled, [0]),
                 gradients(layer, layer, [0]))


@pytest.mark.parametrize('name', LAYERS)
class TestWeightAveraging:

    def test_average_shares_the_block_and_nothing_else(self, name):
        layer = build(name)
        average = AveragedModel(layer)
        held = average.module.blocks[0].attn.q.weight
        shared = held.data_ptr() == layer.blocks[0].attn.q.weight.data_ptr()
        assert shared != layer.trainable
        before = copy.deepcopy(average.module)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(0.1)
        average.update_parameters(layer)  # the first update copies
        tokens, mask = tokens_and_mask()
        with torch.no_grad():
            found = average.eval()(tokens, mask, [0])
            assert_close(found, layer.eval()(tokens, mask, [0]))
            assert not torch.allclose(found, before(tokens, mask, [0]))

    def test_swapped_weights_are_seen_in_eval(self, name):
        """Hooks write averages through ``.data`` without changing modes."""
        layer, other = build(name).eval(), build(name).eval()
        tokens, mask = tokens_and_mask()
        with torch.no_grad():
            layer(tokens, mask, [0])
            for mine, its in zip(layer.parameters(), other.parameters(),
                                 strict=True):
                its.data.add_(0.1)
                mine.data.copy_(its.data)
            assert_close(layer(tokens, mask, [0]), other(tokens, mask, [0]))


@pytest.fixture
def one_rank(tmp_path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


class Host(nn.Module):

    def __init__(self, layer):
        super().__init__()
        self.norm = nn.BatchNorm1d(24)
        self.layer = layer

    def forward(self, tokens, *args):
        return self.layer(self.norm(tokens.mT).mT, *args)


class TestDDP:

    @pytest.mark.parametrize('name', LAYERS)
    def test_same_gradients(self, name, one_rank):
        """No parameter is left without a gradient, or DDP would complain."""
        model = Host(build(name))
        plain = gradients(model, model, [0])
        wrapped = DistributedDataParallel(ignore_in_ddp(model))
        for _ in range(2):
            assert_close(gradients(model, wrapped, [0]), plain)

    def test_frozen_tensors_are_not_sent(self, one_rank):
        model = Host(build('off'))
        sent = DistributedDataParallel(model).modules_buffers
        assert any(x.shape == (96, 64) for x in sent)  # what torch does
        wrapped = DistributedDataParallel(ignore_in_ddp(model))
        frozen = {x.data_ptr() for x in model.layer.frozen_tensors().values()}
        assert not frozen & {x.data_ptr() for x in wrapped.modules_buffers}
        assert any(x is model.norm.running_mean
                   for x in wrapped.modules_buffers)

    def test_every_layer_and_what_was_ignored_before(self):
        model = nn.ModuleList([build('off'), Host(build('lora'))])
        model._ddp_params_and_buffers_to_ignore = ['mine']
        names = ignore_in_ddp(model)._ddp_params_and_buffers_to_ignore
        assert {'mine', '0.blocks.0.attn.q.weight', '1.layer.map_in.weight',
                '1.layer.blocks.0.ffn.up.weight'} <= set(names)
        # Small, and saved: everything else is sent as ever.
        assert not any(name.endswith(('block_identity', 'layer_function'))
                       for name in names)
