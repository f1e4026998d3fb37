"""Files of VideoMAE that a backbone starts from."""

import pytest
import torch

from lm4ve_mm.llm import (
    CheckpointError,
    CheckpointNotFoundError,
)
from lm4ve_mm.published.translate import our_names
from lm4ve_mm.published.videomae import RENAMES, translate
from lm4ve_mm.registry import MODELS

from .videomae_models import build, saved, started
from .videomae_upstream import (
    DEPTH,
    FRAMES,
    HEADS,
    SIZE,
    WIDTH,
    encoder_shapes,
    filled,
    finetuned,
    pretraining,
)


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
