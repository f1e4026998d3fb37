"""Every leaf of configs/variants/: what it changes, and that it trains."""

import ast
import re
from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample

from lm4ve_mm.llm import BlockMismatchError
from lm4ve_mm.models import find_llm_layers
from lm4ve_mm.registry import MODELS
from lm4ve_mm.testing import differences, flat_config

transformers = pytest.importorskip('transformers')

CONFIGS = Path(__file__).parents[1] / 'configs'
VARIANTS = CONFIGS / 'variants'
NAMES = sorted(path.stem for path in VARIANTS.glob('*.py'))
every_variant = pytest.mark.parametrize('name', NAMES)
# Trained in their place: the twin of 300 epochs, the host, OPT-125M.
ALIKE = ('vit_s_llama_100e_in1k', 'vit_s_mlp_100e_in1k',
         'vit_s_llama_finetuned_100e_in1k', 'vit_s_llama_2_7b_in1k',
         'vit_s_opt_1_3b_100e_in1k', 'vit_s_opt_2_7b_100e_in1k',
         'vit_s_opt_6_7b_100e_in1k')

# Tables 6, A, B, C and D of arXiv 2310.12973; the other leaves are not there.
PAPER = {
    'vit_s_100e_in1k': 75.3,
    'vit_s_llama_100e_in1k': 75.84,
    'vit_s_mlp_in1k': 80.4,
    'vit_s_mlp_100e_in1k': 75.5,
    'vit_s_llama_finetuned_in1k': 78.9,
    'vit_s_llama_finetuned_100e_in1k': 76.8,
    'vit_s_llama_random_trained_in1k': 76.9,
    'vit_s_llama_two_blocks_100e_in1k': 77.10,
    'vit_s_llama_middle_100e_in1k': 75.55,
    'vit_s_llama_head_100e_in1k': 72.66,
    'vit_s_opt_125m_100e_in1k': 71.63,
    'vit_s_opt_350m_100e_in1k': 71.56,
    'vit_s_opt_1_3b_100e_in1k': 75.62,
    'vit_s_opt_2_7b_100e_in1k': 75.74,
    'vit_s_opt_6_7b_100e_in1k': 76.29,
}
ATTENTION = ('attn.q', 'attn.k', 'attn.v', 'attn.out')
# What follows `vit_s_` -> how its `llm` departs from vit_s_llama_in1k.py.
CHANGES = {
    'llama_100e': dict(),
    'llama_finetuned': dict(trainable=True),
    'llama_finetuned_100e': dict(trainable=True),
    'llama_random': dict(init='random'),
    'llama_random_trained': dict(init='random', trainable=True),
    'llama_two_blocks_100e': dict(layers=(30, 31)),
    'llama_norm_loaded': dict(final_norm='loaded'),
    'llama_norm_none': dict(final_norm='none'),
    'llama_rope': dict(rope=True),
    'llama_causal': dict(causal=True),
    'llama_rope_causal': dict(rope=True, causal=True),
    'llama_residual_in': dict(residual='in'),
    'llama_residual_out': dict(residual='out'),
    'llama_residual_hybrid': dict(residual='hybrid'),
    'llama_map_bias': dict(map_bias=True),
    'llama_default_init': dict(map_init='default'),
    'llama_xavier_init': dict(map_init='xavier'),
    'llama_zero_output': dict(map_init='zero_output', residual='out'),
    'llama_norm_in': dict(norm_in=True),
    'llama_norm_out': dict(norm_out=True),
    'llama_gate': dict(gate=True, residual='out'),
    'llama_lora': dict(lora=dict(rank=4, targets=ATTENTION)),
    'llama_lora_maps': dict(
        residual='in', lora=dict(rank=4, targets=('map_in', 'map_out'))),
    'llama_attention_free': dict(attention=False),
}
PLACES = ('vit_s_llama_middle_100e_in1k', 'vit_s_llama_head_100e_in1k')
# Name of the folder -> class, departures from a tiny model, layers.
MODELS_BY_FOLDER = {
    'llama-7b': ('Llama', dict(num_hidden_layers=32)),
    'llama-2-7b': ('Llama', dict()),
    'llama-3.1-8b': ('Llama', dict(num_key_value_heads=2)),
    'qwen2.5-0.5b': ('Qwen2', dict(num_key_value_heads=2)),
    'gpt2': ('GPT2', dict()),
    'opt-125m': ('OPT', dict()),
    'opt-350m': ('OPT', dict(do_layer_norm_before=False)),
    'opt-1.3b': ('OPT', dict()),
    'opt-2.7b': ('OPT', dict()),
    'opt-6.7b': ('OPT', dict()),
}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A tiny language model of each kind, as transformers saves it."""
    root = tmp_path_factory.mktemp('checkpoints')
    for folder, (kind, changes) in MODELS_BY_FOLDER.items():
        values = dict(hidden_size=32, num_attention_heads=4,
                      num_hidden_layers=2, vocab_size=11, bos_token_id=1,
                      eos_token_id=2, pad_token_id=0)
        if kind == 'OPT':
            values.update(ffn_dim=48, word_embed_proj_dim=32)
        elif kind != 'GPT2':
            values.update(intermediate_size=48)
        config = getattr(transformers, f'{kind}Config')(**values | changes)
        torch.manual_seed(0)
        getattr(transformers, f'{kind}Model')(config).save_pretrained(
            root / folder)
    return root


def short_of(name):
    return name.removeprefix('vit_s_').removesuffix('_in1k')


@every_variant
def test_number_is_the_papers_or_none(name):
    text = ast.get_docstring(ast.parse((VARIANTS / f'{name}.py').read_text()))
    given = re.search(r'Expected top-1: (\d[\d.]*)', text)
    if name in PAPER:
        assert float(given[1]) == PAPER[name]
        assert re.search(r'Expected top-1:[^:]*\(\*paper\*, table', text)
    else:
        assert given is None
        assert 'Expected top-1: not measured, and not in the paper' in text


def test_the_page_has_every_leaf_and_number():
    text = (CONFIGS.parent / 'docs/variants.md').read_text()
    start = text.index('configs/variants/vit_s_*_in1k.py')
    listed = text[start:text.index('## All of them on digits', start)]
    assert set(re.findall('`([a-z0-9_]+)`', listed)) == set(
        map(short_of, NAMES))
    for number in PAPER.values():
        assert re.search(rf'\b{number}', listed)


@every_variant
def test_length_is_in_the_name(name, read_config):
    cfg = read_config(VARIANTS / f'{name}.py')
    epochs = 100 if '_100e_' in name else 300
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.param_scheduler.max_epochs == epochs
    assert cfg.param_scheduler.warmup_epochs == 20


def test_the_baseline_of_100_epochs(read_config):
    plain = read_config(CONFIGS / 'vit_s_in1k.py')
    assert differences(
        read_config(VARIANTS / 'vit_s_100e_in1k.py'), plain) == {
            'train_cfg.max_epochs': 100, 'param_scheduler.max_epochs': 100}


@every_variant
def test_nothing_else_is_changed(name, read_config):
    """Of the twin of the same length, but what the table says."""
    cfg = read_config(VARIANTS / f'{name}.py')
    short = short_of(name)
    twin = read_config(CONFIGS / 'vit_s_llama_in1k.py')
    twin.train_cfg = cfg.train_cfg
    twin.param_scheduler = cfg.param_scheduler
    found = differences(cfg, twin)
    if short in CHANGES:
        wanted = flat_config(CHANGES[short], 'model.neck.llm')
        wanted.pop('model.neck.llm', None)
        if 'causal' in short:
            wanted['model.neck.pooling'] = 'mean'
        assert found == wanted
    elif 'mlp' in short:
        assert cfg.model.neck.llm == dict(
            type='lm4ve_mm.MLPLayer', hidden_dims=4096)
        assert all(key.startswith('model.neck.llm.') for key in found)
    elif name not in PLACES and name != 'vit_s_100e_in1k':
        folder = found['model.neck.llm.checkpoint'].split('/')[1]
        assert folder.replace('.', '_').replace('-', '_') in name
        # Two of them need a smaller rate (paper, table C).
        small = {'optim_wrapper.optimizer.lr': 2e-4} if folder in (
            'opt-125m', 'opt-350m') else {}
        assert found.pop('model.neck.llm.obtain').endswith(
            ' --local-dir {checkpoint}')
        assert found == {
            'model.neck.llm.checkpoint': f'checkpoints/{folder}', **small}


@pytest.mark.parametrize('name', PLACES)
def test_places_wrap_the_baselines_host(name, read_config):
    cfg = read_config(VARIANTS / f'{name}.py')
    plain = read_config(VARIANTS / 'vit_s_100e_in1k.py')
    wrapper = cfg.model.pop('backbone')
    assert wrapper.backbone == plain.model.pop('backbone')
    assert wrapper.position == name.split('_')[3]
    assert wrapper.llm == cfg.pop('llm')
    assert differences(cfg, plain) == {}


def shrink(cfg, folders):
    """The config with a narrow host of two blocks and a tiny block."""
    host = cfg.model.backbone
    llm = (cfg.model.neck or {}).get('llm')
    if 'backbone' in host:
        host, llm = host.backbone, host.llm
    host.arch = dict(embed_dims=384, num_layers=2, num_heads=6,
                     feedforward_channels=384)
    host.img_size = 32
    if llm and 'checkpoint' in llm:
        llm.checkpoint = str(folders / Path(llm.checkpoint).name)
    cfg.model.head.num_classes = cfg.data_preprocessor.num_classes = 10
    return cfg


def build(cfg):
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(
        {**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    model.init_weights()
    return model.train()


def batch_of(images, classes):
    generator = torch.Generator().manual_seed(1)
    return dict(
        inputs=list(torch.randint(0, 256, (images, 3, 32, 32),
                                  generator=generator, dtype=torch.uint8)),
        data_samples=[DataSample().set_gt_label(i % classes)
                      for i in range(images)])


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else [])
    for name in NAMES])
def test_trains(name, folders, read_config, tmp_path):
    """Two steps move all that is trained; only that is saved."""
    cfg = shrink(read_config(VARIANTS / f'{name}.py'), folders)
    model = build(cfg)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    for _ in range(2):
        losses = model.train_step(batch_of(4, 10), wrapper)
        assert torch.isfinite(losses['loss'])
    for key, parameter in model.named_parameters():
        assert parameter.requires_grad, key
        assert torch.isfinite(parameter).all(), key
        assert not torch.equal(parameter, before[key]), key
    for layer in find_llm_layers(model).values():
        layer.check_digest()
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    again = build(cfg)
    again.load_state_dict(
        torch.load(tmp_path / 'weights.pth', weights_only=True))
    image = torch.randn(
        2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        found, wanted = (m.eval()(image, mode='tensor')
                         for m in (again, model))
    assert torch.equal(found, wanted)


def test_with_a_zero_output_it_starts_as_the_host(folders, read_config):
    """The residual and a map out of zero: the norm of the host's token."""
    cfg = shrink(
        read_config(VARIANTS / 'vit_s_llama_zero_output_in1k.py'), folders)
    model = build(cfg).eval()
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        tokens = model.backbone(image)[-1]
        out = model.neck((tokens, ))[-1]
    torch.testing.assert_close(
        out, torch.nn.functional.layer_norm(tokens[:, 0], (384, ), eps=1e-6))


def test_weights_of_another_variant_are_refused(folders, read_config):
    """Even by a loader that is not strict."""
    states = {}
    for short in ('lora', 'lora_maps', 'finetuned', 'norm_in', 'map_bias'):
        path = VARIANTS / f'vit_s_llama_{short}_in1k.py'
        states[short] = build(shrink(read_config(path), folders)).state_dict()
    plain = build(shrink(read_config(CONFIGS / 'vit_s_llama_in1k.py'),
                         folders))
    for short, words in (
            ('lora', 'LoRA updates'), ('lora_maps', 'LoRA updates'),
            ('finetuned', 'trainable=True'), ('norm_in', 'norm_in=True'),
            ('map_bias', 'map_bias=True')):
        with pytest.raises(BlockMismatchError, match=words):
            plain.load_state_dict(states[short], strict=False)
