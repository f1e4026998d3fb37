"""Published files of VideoMAE and of the paper's video models."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint

from lm4ve_mm.apis import load_model
from lm4ve_mm.llm import BlockMismatchError, CheckpointError
from lm4ve_mm.published.videomae import RENAMES, is_videomae, translate

from .videomae_models import build, logits, read, saved
from .videomae_upstream import (
    CLASSES,
    classifier_shapes,
    filled,
    finetuned,
    positions,
    upstream_logits,
)


@pytest.mark.parametrize('container', ['model', 'module'])
def test_baseline_file_gives_the_same_logits(call, configs, clips, tmp_path,
                                             container):
    file = saved(tmp_path, finetuned(False, container))
    code, out, err = call(file, '--config', configs / 'plain.py', '--out',
                          tmp_path / 'ours.pth')
    assert code == 0, err
    assert 'missing: nothing\nunused: nothing' in out
    model = load_model(Config.fromfile(configs / 'plain.py'),
                       str(tmp_path / 'ours.pth'))
    state = {n: t.double() for n, t in filled(classifier_shapes(False)
                                              ).items()}
    assert torch.allclose(logits(model.double(), clips),
                          upstream_logits(clips, state), rtol=0, atol=1e-12)


def test_llama_file_gives_the_same_logits(call, configs, clips, tmp_path,
                                          llama_twin):
    code, out, err = call(
        llama_twin.file, '--config', configs / 'llama.py', '--out',
        tmp_path / 'ours.pth', '--cfg-options',
        f'model.neck.llm.checkpoint={llama_twin.block}')
    assert code == 0, err
    assert 'missing: nothing\nunused: nothing' in out
    block = {'model.neck.llm.checkpoint': str(llama_twin.block)}
    model = load_model(read(configs / 'llama.py', block),
                       str(tmp_path / 'ours.pth'))
    written = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert written['meta']['frozen_llm']['neck.layer']['identity'][
        'layers'] == [15]
    state = {n: t.double() for n, t in filled(classifier_shapes(True)
                                              ).items()}
    assert torch.allclose(logits(model.double(), clips),
                          upstream_logits(clips, state), rtol=0, atol=1e-12)


@pytest.mark.parametrize('llm', [
    dict(shortcut='off'), dict(shortcut='fold'), dict(shortcut='absorb'),
    dict(), dict(with_cp=True)], ids=str)
def test_every_path_has_upstreams_gradients(clips, llama_twin, llm):
    """Of every trained weight, and of the clips."""
    model = llama_twin(**llm).train()
    state = {n: t.double().requires_grad_(not n.startswith('llama.'))
             for n, t in filled(classifier_shapes(True)).items()}
    weights = torch.linspace(-1, 2, 2 * CLASSES).double().view(2, CLASSES)
    theirs, ours = clips.clone(), clips.clone()
    wanted = upstream_logits(theirs.requires_grad_(), state)
    (wanted * weights).sum().backward()
    found = logits(model, ours.requires_grad_())
    (found * weights).sum().backward()
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    assert torch.allclose(ours.grad, theirs.grad, rtol=0, atol=1e-12)
    gradients = {n: t.grad for n, t in state.items() if t.requires_grad}
    mine = translate(dict(model=gradients), WithoutBlock(model))
    named = dict(model.named_parameters())
    assert mine.weights.keys() == named.keys()
    for name, gradient in mine.weights.items():
        assert torch.allclose(named[name].grad, gradient, rtol=1e-9,
                              atol=1e-12), name


class WithoutBlock(torch.nn.Module):
    """A model as :func:`translate` sees it, but for the block."""

    def __init__(self, model):
        super().__init__()
        self.names = {name: tensor for name, tensor in
                      model.state_dict().items()
                      if not name.endswith(('block_identity', 'pos_embed'))}

    def state_dict(self):
        return self.names


def test_every_name_has_one_partner(configs):
    """Ours has the computed table of positions besides."""
    model = build(configs / 'plain.py')
    own = model.state_dict()
    found = translate(finetuned(False), model)
    assert own.keys() == found.weights.keys() and not found.missing
    assert len(found.weights) == len(classifier_shapes(False)) + 1
    assert torch.equal(found.weights['backbone.pos_embed'],
                       positions().float()[None])
    assert len(set(RENAMES)) == len(RENAMES)
    assert not is_videomae(dict(model=own))


def test_published_files_are_read_as_they_are(configs, clips, tmp_path,
                                              llama_twin):
    """As load_from, by the inferencers and in tests."""
    block = {'model.neck.llm.checkpoint': str(llama_twin.block)}
    for llama, options in ((False, {}), (True, block)):
        config = configs / ('llama.py' if llama else 'plain.py')
        model = build(config, **options)
        file = str(saved(tmp_path, finetuned(llama)))
        load_checkpoint(model, file, map_location='cpu', strict=True)
        state = {n: t.double() for n, t in filled(classifier_shapes(llama)
                                                  ).items()}
        assert torch.allclose(logits(model.double(), clips),
                              upstream_logits(clips, state), rtol=0,
                              atol=1e-12)


def test_a_head_that_is_lost_is_named(configs):
    content = finetuned(False)
    del content['model']['head.bias']
    with pytest.raises(CheckpointError, match='lacks cls_head.fc_cls.bias'):
        translate(content, build(configs / 'plain.py'))


def test_twins_do_not_take_each_others_files(configs, llama_twin):
    with pytest.raises(CheckpointError, match='use the .LLaMA config'):
        translate(finetuned(True), build(configs / 'plain.py'))
    with pytest.raises(CheckpointError, match='lacks neck.layer'):
        translate(finetuned(False), llama_twin())
    content = finetuned(True)
    content['model']['llama.layers.0.attention.wq.weight'] += 1
    with pytest.raises(BlockMismatchError, match='videomae.py FILE --block'):
        translate(content, llama_twin())


def test_converter_explains(call, configs, tmp_path):
    file = saved(tmp_path, dict(model=dict(weight=torch.ones(1))))
    for words, said in (
            ([file], 'give --block'),
            ([file, '--config', configs / 'plain.py', '--out',
              tmp_path / 'x.pth'], 'no file of VideoMAE'),
            ([tmp_path / 'gone.pth', '--block', tmp_path / 'b.safetensors'],
             'there is no file')):
        code, _, err = call(*words)
        assert code == 2 and said in err, err
    file = saved(tmp_path, finetuned(False))
    code, _, err = call(file, '--block', tmp_path / 'b.safetensors')
    assert code == 2 and 'one block, llama.layers.0' in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ['published.pth']
