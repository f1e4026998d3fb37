"""Published files of VideoMAE and of the paper's video models."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint

import lm4ve_mm.video  # noqa: F401  (registers the backbone)
from lm4ve_mm.apis import build_model, load_model
from lm4ve_mm.llm import (
    BlockMismatchError,
    CheckpointError,
    CheckpointNotFoundError,
)
from lm4ve_mm.published.translate import our_names
from lm4ve_mm.published.videomae import RENAMES, is_videomae, translate
from lm4ve_mm.registry import MODELS

from .videomae_upstream import (
    CLASSES,
    DEPTH,
    FRAMES,
    HEADS,
    LLM_HEADS,
    SIZE,
    WIDTH,
    classifier_shapes,
    encoder_shapes,
    filled,
    finetuned,
    positions,
    pretraining,
    upstream_logits,
)

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'model_converters' / 'videomae.py'
CONFIG = f"""
_base_ = ['{ROOT}/configs/_base_/hosts/videomae_tiny.py',
          '{ROOT}/configs/_base_/video_runtime.py']
model = dict(
    backbone=dict(
        img_size={SIZE}, embed_dims={WIDTH}, depth={DEPTH}, num_heads={HEADS},
        num_frames={FRAMES}, drop_path_rate=0.),
    cls_head=dict(num_classes={CLASSES}, in_channels={WIDTH}))
"""
WITH_LLAMA = CONFIG + f"""
model['backbone']['type'] = 'lm4ve_mm.TokenVisionTransformer'
model['neck'] = dict(
    type='lm4ve_mm.FrozenLLMVideoNeck', in_channels={WIDTH},
    llm=dict(checkpoint='', layers=(15, ), map_init='default'))
"""


def logits(model, clips):
    """Ours: one clip a video."""
    feats, _ = model.extract_feat(clips[:, None], test_mode=True)
    return model.cls_head(feats)


@pytest.fixture(scope='module')
def clips():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 3, FRAMES, SIZE, SIZE, generator=generator,
                       dtype=torch.float64)


@pytest.fixture()
def call(monkeypatch, capsys):
    """Run the converter: its exit status, what it printed, its errors."""

    def run(*words):
        monkeypatch.setattr(sys, 'argv', [TOOL.name, *map(str, words)])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope='module')
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    (folder / 'plain.py').write_text(CONFIG)
    (folder / 'llama.py').write_text(WITH_LLAMA)
    return folder


def saved(folder, content):
    torch.save(content, folder / 'published.pth')
    return folder / 'published.pth'


def read(config, options):
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    return cfg


def build(config, **options):
    return build_model(read(config, options))


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


@pytest.fixture()
def llama_twin(call, configs, tmp_path):
    """The paper's file taken apart: the block, the weights, the model."""
    file = saved(tmp_path, finetuned(True))
    block = tmp_path / 'l15.safetensors'
    code, out, err = call(file, '--block', block, '--num-heads', LLM_HEADS)
    assert code == 0 and 'layer 15' in out, err

    def make(**llm):
        options = {'model.neck.llm.checkpoint': str(block),
                   **{f'model.neck.llm.{k}': v for k, v in llm.items()}}
        model = build(configs / 'llama.py', **options)
        found = translate(torch.load(file, weights_only=False), model)
        model.load_state_dict(found.weights)
        return model.double()

    make.file, make.block = file, block
    return make


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


def started(config, file, **options):
    options = {'model.backbone.init_cfg': dict(
        type='lm4ve_mm.StrictPretrained', checkpoint=str(file)), **options}
    model = build(config, **options)
    model.init_weights()
    return model


@pytest.mark.parametrize('config', ['plain.py', 'llama.py'])
def test_pretraining_file_starts_the_backbone(config, configs, tmp_path,
                                              llama_twin):
    """After which nothing is initialised anew; the head is at its start."""
    block = {'model.neck.llm.checkpoint': str(llama_twin.block)}
    model = started(configs / config, saved(tmp_path, pretraining()),
                    **(block if config == 'llama.py' else {}))
    own = model.state_dict()
    for name, tensor in filled(encoder_shapes()).items():
        [ours] = our_names(name, RENAMES)
        assert torch.equal(own[ours], tensor), name
    assert .01 < model.cls_head.fc_cls.weight.std() < .03


def test_pretraining_file_lists_what_it_drops(configs, tmp_path):
    found = translate(pretraining(), build(configs / 'plain.py'))
    assert found.kind == 'pretraining'
    assert found.missing == [
        'backbone.fc_norm.weight', 'backbone.fc_norm.bias',
        'cls_head.fc_cls.weight', 'cls_head.fc_cls.bias']
    assert found.unexpected == [
        'norm.weight', 'norm.bias', 'encoder_to_decoder.weight', 'mask_token',
        'decoder.blocks.0.norm1.weight', 'decoder.norm.weight',
        'decoder.head.weight']


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


@pytest.mark.parametrize('llama', [False, True])
def test_final_norm_of_a_fine_tuned_file_reaches_the_neck(
        llama, configs, tmp_path, llama_twin):
    content = finetuned(llama)
    model = started(configs / 'llama.py', saved(tmp_path, content),
                    **{'model.neck.llm.checkpoint': str(llama_twin.block)})
    for part in ('weight', 'bias'):
        assert torch.equal(getattr(model.neck.norm, part),
                           content['model'][f'fc_norm.{part}'])


def test_pretrained_of_a_token_vit(configs, tmp_path):
    """MMAction2's own class forgets that argument."""
    model = MODELS.build(dict(
        type='lm4ve_mm.TokenVisionTransformer', img_size=SIZE, depth=DEPTH,
        embed_dims=WIDTH, patch_size=8, num_heads=HEADS, num_frames=FRAMES,
        pretrained=str(saved(tmp_path, pretraining()))))
    model.init_weights()
    wanted = filled(encoder_shapes())['blocks.1.attn.qkv.weight']
    assert torch.equal(model.blocks[1].attn.qkv.weight, wanted)


def damaged(kind, change):
    content = pretraining() if kind == 'pretraining' else finetuned(False)
    change(content['model'])
    return content


@pytest.mark.parametrize('kind', ['pretraining', 'fine-tuned'])
@pytest.mark.parametrize(('change', 'words'), [
    (lambda s: s.pop(next(n for n in s if 'blocks.1.attn.q_bias' in n)),
     'lacks backbone.blocks.1.attn.q_bias'),
    (lambda s: s.update(surprise=torch.zeros(1)), 'no surprise'),
    (lambda s: s.update({n: t[:-1] for n, t in s.items()
                         if n.endswith('blocks.0.mlp.fc1.bias')}),
     r'\(191,\) in the file, \(192,\) in the model'),
])
def test_what_does_not_fit_is_named(kind, change, words, configs, tmp_path):
    content = damaged(kind, change)
    with pytest.raises(CheckpointError, match=words):
        translate(content, build(configs / 'plain.py'))
    with pytest.raises(CheckpointError, match=words):
        started(configs / 'plain.py', saved(tmp_path, content))


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


def test_checkpoints_of_ours_start_a_backbone(configs, tmp_path):
    """The same model again; one that lacks a tensor is refused."""
    torch.manual_seed(5)
    trained = build(configs / 'plain.py')
    trained.init_weights()
    content = dict(state_dict=trained.state_dict(), meta={})
    model = started(configs / 'plain.py', saved(tmp_path, content))
    for name, tensor in trained.backbone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], tensor), name
    del content['state_dict']['backbone.blocks.1.norm2.bias']
    with pytest.raises(CheckpointError, match='lacks blocks.1.norm2.bias'):
        started(configs / 'plain.py', saved(tmp_path, content))
    with pytest.raises(CheckpointError, match="nothing under 'backbone.'"):
        started(configs / 'plain.py', saved(tmp_path, dict(a=torch.ones(1))))


def test_initialiser_has_the_last_word(tmp_path):
    """Children with an init_cfg of their own do not run after it."""
    from mmengine.model import BaseModule

    class Child(BaseModule):
        def __init__(self):
            super().__init__(dict(type='Constant', layer='Linear', val=9.))
            self.map = torch.nn.Linear(2, 2)

    class Backbone(BaseModule):
        def __init__(self, file):
            super().__init__(
                dict(type='lm4ve_mm.StrictPretrained', checkpoint=str(file)))
            self.child = Child()

    file = saved(tmp_path, {
        'backbone.child.map.weight': torch.full((2, 2), 4.),
        'backbone.child.map.bias': torch.full((2, ), 3.)})
    backbone = Backbone(file)
    backbone.init_weights()
    assert backbone.child.map.weight.unique().tolist() == [4.]


def test_missing_file_says_where_to_get_it(configs):
    with pytest.raises(CheckpointNotFoundError,
                       match='MODEL_ZOO.md.*checkpoint=None'):
        started(configs / 'plain.py', 'gone.pth')


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
