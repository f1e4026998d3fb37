"""What holds of the frozen block in every host, whatever happens to it."""

import copy
from contextlib import contextmanager

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from lm4ve_mm.engine.hooks.ema_hook import RawEvalEMAHook
from lm4ve_mm.llm import BlockMismatchError, digest, read_blocks
from lm4ve_mm.llm.block.geometry import BlockGeometry
from lm4ve_mm.llm.weights.random_block import random_blocks
from lm4ve_mm.registry import MODELS

from .runs import HOOKS, PowerCut, build_runner, layer_of, probe, run_config

HOSTILE = dict(type='Constant', layer=['Linear', 'LayerNorm'], val=123.)


@contextmanager
def _no_safe_globals():
    """Without the classes that lm4ve_mm.compat allows torch to load."""
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)


def _wanted_digest(llm) -> str:
    """Read the block anew, without the layer."""
    if llm.get('init') == 'random':
        blocks = random_blocks(BlockGeometry.from_dict(llm['geometry']), 1, 0)
    else:
        blocks = read_blocks(llm['checkpoint'], llm['layers'])
    return digest(blocks.tensors)


def _clones(tensors) -> dict:
    return {name: t.detach().clone() for name, t in dict(tensors).items()}


def _assert_equal(found, wanted) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(found[name], value), name


def _pointers(layer) -> dict:
    """Of the block; maps that LoRA updates are small, and copied."""
    return {name: t.data_ptr() for name, t in layer.frozen_tensors().items()
            if not name.startswith('map_')}


def nudge(tensor) -> None:
    """Change one value by the least there is in its type."""
    flat = tensor.view(-1)
    flat[0] = torch.nextafter(flat[0], torch.tensor(9e3, dtype=tensor.dtype))


def _by_runner(cfg, file):
    cfg.load_from = file
    build_runner(cfg).test()


def _by_resume(cfg, file):
    cfg.load_from, cfg.resume = file, True
    build_runner(cfg).train()


def _by_load_checkpoint(model, file):
    load_checkpoint(model, file, strict=False)


def _by_state_dict(model, file):
    state = torch.load(file, weights_only=True)['state_dict']
    model.load_state_dict(state, strict=False)


def _by_init_cfg(model, file):
    model.init_cfg = dict(type='Pretrained', checkpoint=file)
    model.init_weights()


def _assert_refused(load, target, trained) -> None:
    """Loading the weights of another block says which two blocks differ."""
    with pytest.raises(BlockMismatchError) as refused:
        load(target, str(trained.file))
    message = str(refused.value)
    assert f'trained with {trained.layer.identity}' in message
    assert "holds random block from 'seed 99'" in message


class FrozenBlock:
    """Properties of a frozen block: subclass it with a ``HOST``."""

    def test_digest_after_initialising(self, host, tmp_path):
        """Under an initialiser that writes into everything it knows."""
        wanted = _wanted_digest(host.llm)
        seen = []

        def after_initialising(runner):
            seen.append(layer.digest())
            assert any((module.weight == 123).all()
                       for module in runner.model.modules()
                       if isinstance(module, (nn.Linear, nn.LayerNorm)))
            _assert_equal(_clones(layer.named_parameters()), maps)
            # Also what the digest does not cover, as a norm of weight one.
            _assert_equal(layer.frozen_tensors(), built)
            raise PowerCut

        runner = build_runner(run_config(host, tmp_path),
                              probe('before_train', after_initialising))
        # Not every toolbox's models take it as an argument.
        runner.model.init_cfg = HOSTILE
        layer = layer_of(runner.model)
        built = _clones(layer.frozen_tensors())
        maps = _clones(layer.named_parameters())
        assert layer.digest() == wanted
        with pytest.raises(PowerCut):
            runner.train()
        assert seen == [wanted]

    def test_digest_after_training_copying_and_loading(self, host, trained,
                                                       tmp_path):
        wanted = _wanted_digest(host.llm)
        assert trained.layer.digest() == wanted
        assert layer_of(copy.deepcopy(trained.model)).digest() == wanted
        cfg = run_config(host, tmp_path)
        cfg.load_from = str(trained.file)
        seen = []
        fresh = build_runner(cfg, probe(
            'before_test_epoch',
            lambda runner: seen.append(layer_of(runner.model).digest())))
        fresh.test()
        assert seen == [wanted]
        assert layer_of(fresh.model).digest() == wanted

    def test_steps_move_what_is_trained_and_only_that(self, trained):
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
        _assert_equal(trained.layer.frozen_tensors(), trained.frozen)

    def test_checkpoint_is_safe_and_holds_no_frozen_tensor(self, host,
                                                           trained):
        with _no_safe_globals():
            checkpoint = torch.load(trained.file, weights_only=True)
        weights = checkpoint['state_dict']
        average = checkpoint['ema_state_dict']
        assert len(average) == len(weights) + 1  # and the number of steps
        for name, frozen in trained.frozen.items():
            key = f'{host.layer}.{name}'
            assert key not in weights and f'module.{key}' not in average
            for stored in (*weights.values(), *average.values()):
                # Under another name; two norms of weight one may be equal.
                assert (frozen.dim() < 2 or frozen.shape != stored.shape
                        or not torch.equal(frozen.float(),
                                           stored.float())), name

    def test_checkpoint_names_the_block(self, host, trained):
        meta = torch.load(trained.file, weights_only=True)['meta']
        described = meta['frozen_llm'][host.layer]
        assert described['identity']['sha256'] == _wanted_digest(host.llm)
        assert described['identity'] == trained.layer.identity.to_dict()
        assert described['checkpoint'] == host.llm.get('checkpoint')
        assert described['trainable'] is False

    def test_optimizer_state_is_that_of_trained_parameters(self, trained):
        parameters = list(trained.model.parameters())
        state = torch.load(
            trained.file, weights_only=True)['optimizer']['state']
        assert len(state) == len(parameters)
        shapes = [tuple(held['exp_avg'].shape) for held in state.values()]
        assert sorted(shapes) == sorted(tuple(p.shape) for p in parameters)

    def test_checkpoint_is_complete(self, trained):
        """Bitwise the same function without the block in the file."""
        fresh = MODELS.build(trained.cfg.model).eval()
        load_checkpoint(fresh, str(trained.file), strict=True)
        loader = trained.runner.build_dataloader(trained.cfg.test_dataloader)
        batch = next(iter(loader))
        outputs = []
        for model in (trained.model.eval(), fresh):
            data = model.data_preprocessor(batch, False)
            with torch.no_grad():
                outputs.append(model(**data, mode='tensor'))
        assert torch.equal(torch.as_tensor(outputs[0][-1]),
                           torch.as_tensor(outputs[1][-1]))

    def test_average_shares_the_block(self, trained):
        hook, = (h for h in trained.runner.hooks
                 if isinstance(h, RawEvalEMAHook))
        average = layer_of(hook.ema_model.module)
        assert average is not trained.layer
        assert _pointers(average) == _pointers(trained.layer)
        own = dict(trained.layer.named_parameters())
        for name, parameter in average.named_parameters():
            assert parameter.data_ptr() != own[name].data_ptr()
            assert not torch.equal(parameter, own[name])
        average.check_digest()

    def test_mmengines_average_of_buffers_leaves_it_alone(self, host,
                                                          tmp_path):
        ema = dict(type='mmengine.EMAHook', momentum=0.1, update_buffers=True)
        averages = []

        def at_the_second_step(runner):
            if runner.iter == 1:
                hook, = (h for h in runner.hooks
                         if type(h).__name__ == 'EMAHook')
                averages.append(layer_of(hook.ema_model.module))
                raise PowerCut

        runner = build_runner(
            run_config(host, tmp_path, hooks=[ema, *HOOKS[1:]]),
            probe('after_train_iter', at_the_second_step))
        layer = layer_of(runner.model)
        built = _clones(layer.frozen_tensors())
        pointers = _pointers(layer)
        with pytest.raises(PowerCut):
            runner.train()
        _assert_equal(layer.frozen_tensors(), built)
        assert _pointers(averages[0]) == pointers == _pointers(layer)

    def test_a_write_before_the_test_is_noticed(self, host, tmp_path):
        runner = build_runner(run_config(host, tmp_path))
        tensors = layer_of(runner.model).frozen_tensors()
        nudge(tensors['blocks.0.attn.v.weight'])
        with pytest.raises(BlockMismatchError, match='have changed'):
            runner.test()

    def test_weights_of_another_block_are_refused(self, host, trained,
                                                  tmp_path):
        """However they are loaded."""
        other = dict(host.llm, init='random', seed=99)
        cfg = run_config(host, tmp_path, llm=other)
        for load in (_by_runner, _by_resume):
            _assert_refused(load, cfg, trained)
        model = MODELS.build(cfg.model)
        for load in (_by_load_checkpoint, _by_state_dict, _by_init_cfg):
            _assert_refused(load, model, trained)
