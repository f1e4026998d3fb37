"""The layer inside of what people wrap models in."""

import ast
import copy
from pathlib import Path

import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from torch import nn
from torch.func import functional_call, grad, jvp, vmap
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.testing import assert_close

from lm4ve_mm import llm
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


# Compiling costs seconds: each way meets one of three uses.
TRAINED = ('fold_absorb', 'recomputed', 'lora')
CHANGED = ('off', 'two blocks', 'trained')
EXPORTED = ('absorb', 'fold', 'rope')


def cases(quick):
    """Every case; those of other names than these are slow.

    A quick one has the first tokens kept, or others where there are.
    """
    last = dict(CASES)
    return pytest.mark.parametrize('name, keep', [
        pytest.param(name, keep, id=f'{name}-{keep}', marks=[]
                     if name in quick and keep == last[name]
                     else pytest.mark.slow) for name, keep in CASES])


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


class TestCompile:
    """Whole graphs, no break; the backward pass is traced too."""

    @cases(TRAINED)
    def test_training(self, name, keep):
        layer = build(name)
        compiled = torch.compile(layer, backend='aot_eager', fullgraph=True)
        assert_close(gradients(layer, compiled, keep),
                     gradients(layer, layer, keep))

    @cases(CHANGED)
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

    @cases(EXPORTED)
    def test_export_for_any_batch_size(self, name, keep):
        layer = build(name)
        if torch.__version__ < '2.10' and layer.shortcut == 'auto':
            # Its choice depends on the batch, which the older exporter
            # does not allow: docs/shortcut.md.
            layer.shortcut = 'fold'
        model = Keeping(layer, keep).eval()
        batch = torch.export.Dim('batch', max=64)
        program = torch.export.export(
            model, tokens_and_mask(),
            dynamic_shapes=({0: batch}, {0: batch}))
        inputs = tokens_and_mask(5)
        with torch.no_grad():
            assert_close(program.module()(*inputs), model(*inputs))


def test_what_the_compiler_of_torch_2_9_cannot_trace():
    """It fails on ``slice.indices`` and on ``min(..., key=...)``."""
    root = Path(llm.__file__).parent
    files = [*root.glob('*.py'), *root.glob('block/*.py'),
             *root.glob('shortcuts/*.py')]
    assert len(files) > 20
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and 'NamedTuple' in map(
                    ast.unparse, node.bases):
                # Nor, on 2.6, properties of a tuple.
                assert '@property' not in ast.unparse(node), (
                    f'{file}:{node.lineno}')
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
            keyed = any(keyword.arg == 'key' for keyword in node.keywords)
            assert name != 'indices', f'{file}:{node.lineno}'
            assert not (keyed and name in ('min', 'max')), (
                f'{file}:{node.lineno}')


@pytest.mark.parametrize('keep', [
    slice(-3, None), slice(1, 8, 3), slice(-99, 99, 2),
    *(pytest.param(keep, marks=pytest.mark.slow) for keep in (
        slice(0, 1), slice(None, -2), slice(4, 99), [0, -1]))], ids=str)
def test_every_kind_of_keep_is_compiled(keep):
    layer = build('off')
    compiled = torch.compile(layer, backend='eager', fullgraph=True)
    tokens, mask = tokens_and_mask()
    found = compiled(tokens, mask, keep)
    assert_close(found, layer(tokens, mask)[:, keep])


@pytest.mark.parametrize('mode', ['train', 'eval'])
@pytest.mark.parametrize('name', LAYERS)
class TestTransforms:
    """``torch.func`` on a CPU, where frozen products are oneDNN's."""

    def test_gradients_per_sample(self, name, mode):
        layer = getattr(build(name), mode)()
        parameters = dict(layer.named_parameters())
        tokens, mask = tokens_and_mask(3)

        def loss(parameters, tokens, mask):
            args = (tokens[None], mask[None], slice(0, 1))
            return functional_call(layer, parameters, args).square().sum()

        found = vmap(grad(loss), (None, 0, 0))(parameters, tokens, mask)
        for index in range(3):
            wanted = torch.autograd.grad(
                loss(parameters, tokens[index], mask[index]),
                list(parameters.values()))
            for key, value in zip(parameters, wanted, strict=True):
                assert_close(found[key][index], value, rtol=1e-4, atol=1e-5)

    def test_ensembles_leave_nothing_behind(self, name, mode):
        """Products of one call under ``vmap`` are not those of another."""
        layer = getattr(build(name), mode)()
        tokens, mask = tokens_and_mask()
        with torch.no_grad():
            plain = layer(tokens, mask, [0])
            stacked = {key: torch.stack([value, 1.5 * value])
                       for key, value in layer.named_parameters()}
            found = vmap(lambda held: functional_call(
                layer, held, (tokens, mask, [0])))(stacked)
            assert_close(found[0], plain, rtol=1e-4, atol=1e-5)
            assert not torch.allclose(found[1], plain)
            assert_close(layer(tokens, mask, [0]), plain)


@pytest.mark.parametrize('name', ['absorb', 'fold_absorb'])
def test_forward_mode(name):
    """The derivative along the tokens, against a difference quotient."""
    layer = build(name).double()
    tokens = tokens_and_mask()[0].double()
    step = torch.linspace(-1, 1, tokens.numel()).double().view_as(tokens)

    def call(tokens):
        return layer(tokens, keep=[0])

    _, found = jvp(call, (tokens, ), (step, ))
    wanted = (call(tokens + 1e-6 * step) - call(tokens - 1e-6 * step)) / 2e-6
    assert_close(found, wanted, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize('name', LAYERS)
def test_toolboxes_count_operations(name):
    """MMEngine's counter walks every module by name."""
    layer = build(name)
    assert all(child is not None for module in layer.modules()
               for child in module._modules.values())
    counted = get_model_complexity_info(
        layer, inputs=(tokens_and_mask()[0], ), show_table=False,
        show_arch=False)
    trained = sum(p.numel() for p in layer.parameters())
    assert counted['params'] == trained and counted['flops'] > 0


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
