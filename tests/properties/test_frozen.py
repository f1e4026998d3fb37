"""What holds of the frozen block in every host, whatever happens to it."""

import copy
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from lm4ve_mm.engine.hooks.ema_hook import RawEvalEMAHook
from lm4ve_mm.llm import BlockMismatchError, digest, read_blocks
from lm4ve_mm.llm.block.geometry import BlockGeometry
from lm4ve_mm.llm.weights.random_block import random_blocks
from lm4ve_mm.registry import MODELS

HOSTILE = dict(type='Constant', layer=['Linear', 'LayerNorm'], val=123.)


@contextmanager
def no_safe_globals():
    """Without the classes that lm4ve_mm.compat allows torch to load."""
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)


def wanted_digest(llm):
    """Read the block anew, without the layer."""
    if llm.get('init') == 'random':
        blocks = random_blocks(BlockGeometry.from_dict(llm['geometry']), 1, 0)
    else:
        blocks = read_blocks(llm['checkpoint'], llm['layers'])
    return digest(blocks.tensors)


def cloned(tensors):
    return {name: t.detach().clone() for name, t in dict(tensors).items()}


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(found[name], value), name


@pytest.fixture(scope='module')
def trained(host, tools, tmp_path_factory):
    """Three steps of training, and what there was before and after."""
    folder = tmp_path_factory.mktemp('trained')
    kept = SimpleNamespace(
        cfg=tools.config(host, folder), file=folder / 'epoch_1.pth')

    def note(runner):
        kept.parameters = cloned(runner.model.named_parameters())
        kept.frozen = cloned(tools.layer_of(runner.model).frozen_tensors())

    kept.runner = tools.build(kept.cfg, tools.Probe('before_train', note))
    kept.model = kept.runner.train()
    kept.layer = tools.layer_of(kept.model)
    with no_safe_globals():
        kept.checkpoint = torch.load(kept.file, weights_only=True)
    return kept


def test_digest_is_the_files_wherever_the_model_is(host, tools, tmp_path):
    """Under an initialiser that writes into everything it knows."""
    wanted = wanted_digest(host.llm)
    cfg = tools.config(host, tmp_path)
    runner = tools.build(cfg)
    # Not every toolbox's models take it as an argument.
    runner.model.init_cfg = HOSTILE
    layer = tools.layer_of(runner.model)
    built = cloned(layer.frozen_tensors())
    maps = cloned(layer.named_parameters())
    assert layer.digest() == wanted
    seen = []

    def after_initialising(runner):
        seen.append(layer.digest())
        assert any((module.weight == 123).all()
                   for module in runner.model.modules()
                   if isinstance(module, (nn.Linear, nn.LayerNorm)))
        assert_equal(cloned(layer.named_parameters()), maps)

    runner.register_hook(tools.Probe('before_train', after_initialising))
    runner.train()
    assert seen == [wanted]
    assert layer.digest() == wanted
    # Also what the digest does not cover, such as a norm of weight one.
    assert_equal(layer.frozen_tensors(), built)
    assert tools.layer_of(copy.deepcopy(runner.model)).digest() == wanted

    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    fresh = tools.build(cfg)
    fresh.register_hook(tools.Probe(
        'before_test_epoch',
        lambda runner: seen.append(tools.layer_of(runner.model).digest())))
    fresh.test()
    assert seen == [wanted] * 2
    assert tools.layer_of(fresh.model).digest() == wanted


def test_steps_move_what_is_trained_and_only_that(trained):
    assert trained.runner.iter == 3
    now = dict(trained.model.named_parameters())
    for name in ('map_in', 'map_out'):
        # The weight, or the two factors of its update.
        assert len([n for n in now if f'.{name}.' in n]) == 1 + hasattr(
            getattr(trained.layer, name), 'lora')
    for name, before in trained.parameters.items():
        assert torch.isfinite(now[name]).all(), name
        assert not torch.equal(now[name], before), name
    assert len(trained.frozen) >= 9
    assert_equal(trained.layer.frozen_tensors(), trained.frozen)


def test_checkpoint_is_safe_and_holds_no_frozen_tensor(host, trained):
    weights = trained.checkpoint['state_dict']
    average = trained.checkpoint['ema_state_dict']
    assert len(average) == len(weights) + 1  # and the number of steps
    for name, frozen in trained.frozen.items():
        key = f'{host.layer}.{name}'
        assert key not in weights and f'module.{key}' not in average
        for stored in (*weights.values(), *average.values()):
            # Under another name; two norms of weight one may be equal.
            assert frozen.dim() < 2 or frozen.shape != stored.shape or (
                not torch.equal(frozen.float(), stored.float())), name


def test_checkpoint_names_the_block(host, trained):
    described = trained.checkpoint['meta']['frozen_llm'][host.layer]
    assert described['identity']['sha256'] == wanted_digest(host.llm)
    assert described['identity'] == trained.layer.identity.to_dict()
    assert described['checkpoint'] == host.llm.get('checkpoint')
    assert described['trainable'] is False


def test_optimizer_state_is_that_of_trained_parameters(trained):
    parameters = list(trained.model.parameters())
    state = trained.checkpoint['optimizer']['state']
    assert len(state) == len(parameters)
    shapes = [tuple(held['exp_avg'].shape) for held in state.values()]
    assert sorted(shapes) == sorted(tuple(p.shape) for p in parameters)


def test_checkpoint_is_complete(trained):
    """Bitwise the same function without the block in the file."""
    fresh = MODELS.build(trained.cfg.model).eval()
    load_checkpoint(fresh, str(trained.file), strict=True)
    loader = trained.runner.build_dataloader(trained.cfg.test_dataloader)
    batch = next(iter(loader))
    outputs = []
    for model in (trained.model.eval(), fresh):
        data = model.data_preprocessor(batch, False)
        with torch.no_grad():
            outputs.append(model(data['inputs'], mode='tensor'))
    assert torch.equal(torch.as_tensor(outputs[0][-1]),
                       torch.as_tensor(outputs[1][-1]))


def frozen_pointers(layer):
    """Of the block; maps that LoRA updates are small, and copied."""
    return {name: t.data_ptr() for name, t in layer.frozen_tensors().items()
            if not name.startswith('map_')}


def test_average_shares_the_block(trained, tools):
    hook, = (h for h in trained.runner.hooks if isinstance(h, RawEvalEMAHook))
    average = tools.layer_of(hook.ema_model.module)
    assert average is not trained.layer
    assert frozen_pointers(average) == frozen_pointers(trained.layer)
    own = dict(trained.layer.named_parameters())
    for name, parameter in average.named_parameters():
        assert parameter.data_ptr() != own[name].data_ptr()
        assert not torch.equal(parameter, own[name])
    average.check_digest()


def test_mmengines_average_of_buffers_leaves_it_alone(host, tools, tmp_path):
    hooks = [dict(type='mmengine.EMAHook', momentum=0.1, update_buffers=True),
             *tools.HOOKS[1:]]
    runner = tools.build(tools.config(host, tmp_path, hooks=hooks))
    layer = tools.layer_of(runner.model)
    built = cloned(layer.frozen_tensors())
    pointers = frozen_pointers(layer)
    runner.train()
    assert_equal(layer.frozen_tensors(), built)
    hook, = (h for h in runner.hooks if type(h).__name__ == 'EMAHook')
    average = tools.layer_of(hook.ema_model.module)
    assert frozen_pointers(average) == pointers == frozen_pointers(layer)


def by_runner(tools, cfg, file):
    cfg.load_from = file
    tools.build(cfg).test()


def by_resume(tools, cfg, file):
    cfg.load_from, cfg.resume = file, True
    tools.build(cfg).train()


def by_load_checkpoint(tools, cfg, file):
    load_checkpoint(MODELS.build(cfg.model), file, strict=False)


def by_state_dict(tools, cfg, file):
    state = torch.load(file, weights_only=True)['state_dict']
    MODELS.build(cfg.model).load_state_dict(state, strict=False)


def by_init_cfg(tools, cfg, file):
    model = MODELS.build(cfg.model)
    model.init_cfg = dict(type='Pretrained', checkpoint=file)
    model.init_weights()


@pytest.mark.parametrize('load', [
    by_runner, by_resume, by_load_checkpoint, by_state_dict, by_init_cfg])
def test_weights_of_another_block_are_refused(host, trained, tools, tmp_path,
                                              load):
    other = dict(host.llm, init='random', seed=99)
    cfg = tools.config(host, tmp_path, llm=other)
    with pytest.raises(BlockMismatchError) as refused:
        load(tools, cfg, str(trained.file))
    message = str(refused.value)
    assert f'trained with {trained.layer.identity}' in message
    assert "holds random block from 'seed 99'" in message
