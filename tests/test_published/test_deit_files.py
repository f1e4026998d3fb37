"""Image checkpoints of timm, DeiT and the paper, everywhere as they are."""

import itertools
import runpy
import sys
from pathlib import Path

import mmpretrain
import pytest
import torch
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.llm import BlockMismatchError, CheckpointError
from lm4ve_mm.published.deit import DEIT, RENAMES, is_deit, translate
from lm4ve_mm.published.host_names import canonical
from lm4ve_mm.published.translate import our_names
from lm4ve_mm.published.videomae import is_videomae

from .deit_upstream import (
    CLASSES,
    DEPTH,
    HEADS,
    LLM_HEADS,
    PATCH,
    SIZE,
    WIDTH,
    logits,
    released,
    shapes,
    state,
)
from .videomae_upstream import finetuned

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'model_converters' / 'deit.py'
CONFIG = f"""
_base_ = ['{ROOT}/configs/vit_tiny_digits.py']
data_preprocessor = dict(num_classes={CLASSES})
model = dict(
    backbone=dict(
        arch=dict(embed_dims={WIDTH}, num_layers={DEPTH}, num_heads={HEADS},
                  feedforward_channels={4 * WIDTH}),
        img_size={SIZE}, patch_size={PATCH}, drop_path_rate=0.),
    head=dict(num_classes={CLASSES}, in_channels={WIDTH}))
"""
WITH_LLAMA = CONFIG + f"""
model['backbone'].update(out_type='raw', final_norm=False)
model['neck'] = dict(
    _delete_=True, type='lm4ve_mm.FrozenLLMNeck', in_channels={WIDTH},
    llm=dict(checkpoint='', layers=(31, )))
"""
count = itertools.count()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two configs and two files."""
    made = tmp_path_factory.mktemp('deit')
    (made / 'plain.py').write_text(CONFIG)
    (made / 'llama.py').write_text(WITH_LLAMA)
    torch.save(released(False), made / 'plain.pth')
    torch.save(released(True), made / 'llama.pth')
    return made


def convert(*words):
    """Run the converter; gives its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [TOOL.name, *map(str, words)])
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as end:
            return end.code
    return 0


@pytest.fixture(scope='module')
def block(folder):
    """The block out of the file."""
    path = folder / 'l31.safetensors'
    assert convert(folder / 'llama.pth', '--block', path, '--num-heads',
                   LLM_HEADS) == 0
    return path


@pytest.fixture()
def read(folder, block):
    """A config, ``'plain'`` or ``'llama'``."""
    def made(name):
        cfg = Config.fromfile(folder / f'{name}.py')
        if name == 'llama':
            cfg.model.neck.llm.checkpoint = str(block)
        return cfg
    return made


@pytest.fixture(scope='module')
def images():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 3, SIZE, SIZE, generator=generator,
                       dtype=torch.float64)


def wanted(images, kind):
    weights = {n: t.double() for n, t in state(kind == 'llama').items()}
    return logits(images, weights)


def found(model, images):
    return model.double().eval()(images, mode='tensor')


@pytest.mark.parametrize('kind', ['plain', 'llama'])
def test_get_model_gives_the_same_logits(kind, read, folder, images, capsys):
    model = mmpretrain.get_model(read(kind), str(folder / f'{kind}.pth'))
    assert torch.allclose(found(model, images), wanted(images, kind),
                          rtol=0, atol=1e-12)


@pytest.mark.parametrize('kind', ['plain', 'llama'])
def test_the_tool_of_tests_takes_it(kind, read, folder, tmp_path, images):
    """Strictly, as any file is tested."""
    read(kind).dump(tmp_path / 'config.py')
    args = apis.testing_parser().parse_args([
        str(tmp_path / 'config.py'), str(folder / f'{kind}.pth'),
        '--work-dir', str(tmp_path)])
    cfg = apis.configure_testing(apis.load_config(args.config), args)
    cfg.experiment_name, cfg.log_level = f'deit_{next(count)}', 'ERROR'
    runner = apis.load_strictly(apis.build_runner(cfg))
    runner.load_or_resume()
    assert torch.allclose(found(runner.model, images), wanted(images, kind),
                          rtol=0, atol=1e-12)


@pytest.mark.parametrize('kind', ['plain', 'llama'])
def test_converted_file_gives_the_same_logits(kind, read, folder, block,
                                              tmp_path, images, capsys):
    words = ['--cfg-options', f'model.neck.llm.checkpoint={block}']
    code = convert(folder / f'{kind}.pth', '--config', folder / f'{kind}.py',
                   '--out', tmp_path / 'ours.pth',
                   *(words if kind == 'llama' else []))
    assert code == 0
    assert 'missing: nothing\nunused: nothing' in capsys.readouterr().out
    model = apis.load_model(read(kind), str(tmp_path / 'ours.pth'))
    assert torch.allclose(found(model, images), wanted(images, kind),
                          rtol=0, atol=1e-12)


@pytest.mark.parametrize('shortcut', ['off', 'auto'])
@pytest.mark.parametrize('kind', ['plain', 'llama'])
def test_gradients_are_upstreams(kind, shortcut, read, folder, images):
    """Of every trained weight, and of the images."""
    cfg = read(kind)
    if kind == 'llama':
        cfg.model.neck.llm.shortcut = shortcut
    model = mmpretrain.get_model(cfg, str(folder / f'{kind}.pth'))
    model.double().train()
    weights = {n: t.double().requires_grad_(not n.startswith('llama.'))
               for n, t in state(kind == 'llama').items()}
    factors = torch.linspace(-1, 2, 2 * CLASSES).double().view(2, CLASSES)
    theirs, ours = images.clone(), images.clone()
    (logits(theirs.requires_grad_(), weights) * factors).sum().backward()
    (model(ours.requires_grad_(), mode='tensor') * factors).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, rtol=0, atol=1e-12)
    named, seen = dict(model.named_parameters()), set()
    for name, tensor in weights.items():
        if not tensor.requires_grad:
            continue
        places = [p for p in our_names(name, RENAMES) if p in named]
        if name.startswith('norm.') and kind == 'llama':
            places = [f'neck.{name}']
        [place] = places
        seen.add(place)
        assert torch.allclose(named[place].grad, tensor.grad, rtol=1e-9,
                              atol=1e-12), name
    assert seen == set(named)


def test_every_name_has_one_partner(read):
    model = apis.build_model(read('plain'))
    given = translate(released(False), model)
    assert not given.missing and not given.unexpected
    assert len(given.weights) == len(shapes(False))
    assert is_deit(released(False)) and not is_videomae(released(False))
    assert is_videomae(finetuned(False)) and not is_deit(finetuned(False))
    assert not is_deit(dict(state_dict=model.state_dict()))
    assert len(set(RENAMES)) == len(RENAMES) and DEIT.renames is RENAMES


def test_names_of_a_wrapped_host():
    assert canonical('backbone.backbone.layers.0') == 'backbone.layers.0'
    assert canonical('backbone.timm_model.norm') == 'backbone.norm'
    assert canonical('head.backbone.fc') == 'head.backbone.fc'


@pytest.mark.parametrize(('change', 'words'), [
    (lambda s: s.pop('blocks.1.attn.qkv.bias'),
     r'lacks backbone\.layers\.1\.attn\.qkv\.bias'),
    (lambda s: s.update(surprise=torch.zeros(1)), 'no surprise'),
    (lambda s: s.update({'head.bias': torch.zeros(3)}),
     r'head\.bias: \(3,\) in the file, \(5,\) in the model'),
])
def test_the_converter_names_what_does_not_fit(change, words, read):
    content = released(False)
    change(content['model'])
    with pytest.raises(CheckpointError, match=words):
        translate(content, apis.build_model(read('plain')))


def test_another_block_is_refused(read, folder, tmp_path):
    content = released(True)
    content['model']['llama.layers.0.attention.wq.weight'] += 1
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(BlockMismatchError, match='deit.py FILE --block'):
        mmpretrain.get_model(read('llama'), str(tmp_path / 'other.pth'))
    with pytest.raises(CheckpointError, match='use the .LLaMA config'):
        mmpretrain.get_model(read('plain'), str(folder / 'llama.pth'))


def test_pretrained_that_fills_nothing(read, tmp_path):
    torch.save({'net.conv1.weight': torch.ones(3)}, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match=(
            r'other\.pth fills 0 of the 32 tensors.*leaves out 30 of the host'
            r'.*backbone\.cls_token.*It holds net\.conv1\.weight')):
        mmpretrain.get_model(read('plain'), str(tmp_path / 'other.pth'))
