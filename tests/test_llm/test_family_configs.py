"""Configurations and files of the families: nested, old, faulty."""

import json
import re
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lm4ve_mm.llm import (
    BlockGeometry,
    CheckpointError,
    FrozenLLMLayer,
    read_blocks,
)
from lm4ve_mm.llm.weights.families import resolve_config

from .conftest import NUM_LAYERS
from .family_cases import CASES, COMMON, GEMMA3, LLAMA3_PHASE, WIDTH, model_of
from .test_checkpoint import edit_config
from .test_parity import build

ROOT = Path(__file__).parents[2]


@pytest.fixture()
def tokens():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 7, WIDTH, generator=generator)


def test_page_of_the_docs_is_up_to_date(run_tool):
    script = 'tools/misc/list_families.py'
    found = run_tool(ROOT / script).stdout
    page = 'docs/choosing_a_language_model.md'
    assert (ROOT / page).read_text() == found, (
        f'the family table has changed: python {script} > {page}')


def test_what_the_readme_downloads_is_said_to_be_free():
    """Its commands send no token, and come with no word about one."""
    page = (ROOT / 'docs/choosing_a_language_model.md').read_text()
    free = set(re.findall(r'no: `(\S+/\S+?)`', page))
    used = set(re.findall(r'hf download (\S+)',
                          (ROOT / 'README.md').read_text()))
    assert 'huggyllama/llama-7b' in used
    assert used <= free


class TestFaults:

    @pytest.mark.parametrize('name, changes, message', [
        ('bloom', dict(apply_residual_connection_post_layernorm=True),
         'apply_residual_connection_post_layernorm=True'),
        ('opt', dict(layer_norm_elementwise_affine=False),
         'layer_norm_elementwise_affine=False'),
        ('mistral', dict(attention_bias=True), 'attention_bias=True'),
        ('gemma3', dict(attn_logit_softcapping=50.), 'softcapping=50.0'),
        ('phi3', dict(num_key_value_heads=4), r'\(96, 48\).*for 144 rows'),
        ('pythia', dict(hidden_size=64), r'query_key_value.weight: its fused'),
        ('qwen2', dict(model_type='qwen3', head_dim=12),
         'q_norm.weight is missing'),
        ('qwen3', dict(model_type='llama'), 'q_norm.weight'),
        ('gpt2', dict(n_layer=2), 'no error'),
    ])
    def test_is_named(self, name, changes, message, tmp_path):
        model_of(name).save_pretrained(tmp_path)
        edit_config(tmp_path, **changes)
        if message == 'no error':
            assert read_blocks(str(tmp_path)).layers == (1, )
            return
        with pytest.raises(CheckpointError, match=message):
            read_blocks(str(tmp_path))

    def test_phase_of_layers_that_differ(self, tmp_path):
        build(model_of('gemma3'), tmp_path, layers=(0, 1))
        build(model_of('gemma3'), tmp_path, layers=(1, 2), rope=True)
        with pytest.raises(ValueError, match='differs from layer to layer'):
            build(model_of('gemma3'), tmp_path, layers=(0, 1), rope=True)

    def test_layers_of_different_scale(self, tmp_path):
        with pytest.raises(CheckpointError, match=r'\(0, 1\) differ'):
            build(model_of('gpt2-scaled-by-layer'), tmp_path, layers=(0, 1))

    @pytest.mark.parametrize('rope', [
        dict(rope_type='yarn', factor=2.),
        dict(rope_type='yarn', factor=1., attention_factor=2.),
        dict(type='longrope', short_factor=[2.] * 6, long_factor=[4.] * 6,
             factor=1., original_max_position_embeddings=4096),
        dict(type='longrope', short_factor=[1.] * 6, long_factor=[4.] * 6,
             factor=4., original_max_position_embeddings=4096),
        dict(type='longrope', short_factor=[1.] * 6, long_factor=[4.] * 6,
             factor=1., original_max_position_embeddings=64),
        dict(rope_type='another')], ids=str)
    def test_rescaled_phase_is_refused_when_asked_for(self, rope, tmp_path):
        model_of('llama').save_pretrained(tmp_path)
        edit_config(tmp_path, rope_parameters=rope)
        FrozenLLMLayer(WIDTH, str(tmp_path))
        with pytest.raises(ValueError, match='rope=False'):
            FrozenLLMLayer(WIDTH, str(tmp_path), rope=True)

    def test_dynamic_phase_of_a_short_model_is_refused(self, tmp_path):
        """It would change within the length of a host's tokens."""
        model_of('llama').save_pretrained(tmp_path)
        edit_config(tmp_path, max_position_embeddings=512,
                    rope_parameters=dict(rope_type='dynamic', factor=2.))
        with pytest.raises(ValueError, match='rope=False'):
            FrozenLLMLayer(WIDTH, str(tmp_path), rope=True)

    @pytest.mark.parametrize('switches, message', [
        (dict(parallel=True, placement='post'), "goes with placement='pre'"),
        (dict(shared_norm=True), 'goes with parallel=True'),
        (dict(norm_offset=1., norm='layer'), "goes with norm='rms'"),
        (dict(rope_dims=5), 'should be even'),
        (dict(rope_dims=20), 'at most head_dim=16'),
    ], ids=str)
    def test_switches_that_exclude_each_other(self, switches, message):
        with pytest.raises(ValueError, match=message):
            BlockGeometry(width=64, num_heads=4, ffn_dim=8, **switches)


class TestOldFiles:

    @pytest.mark.parametrize('name, extra', [
        ('gpt2', ['attn.bias', 'attn.masked_bias']),
        ('pythia', ['attention.bias', 'attention.masked_bias',
                    'attention.rotary_emb.inv_freq']),
    ])
    def test_constant_tables_are_no_left_over(self, name, extra,
                                              tmp_path):
        model_of(name).save_pretrained(tmp_path)
        wanted = read_blocks(str(tmp_path)).identity().sha256
        path = tmp_path / 'model.safetensors'
        tensors = load_file(path)
        stem = f'{CASES[name].layers}.{NUM_LAYERS - 1}.'
        for key in extra:
            tensors[stem + key] = torch.ones(3)
        save_file(tensors, path)
        assert read_blocks(str(tmp_path)).identity().sha256 == wanted

    @pytest.mark.parametrize('name, old', [
        ('pythia', dict(rotary_pct=0.5, rotary_emb_base=100)),
        ('phi', dict(partial_rotary_factor=0.5, rope_theta=10000.)),
        ('llama-3.1', dict(rope_theta=100., rope_scaling=LLAMA3_PHASE)),
        ('gemma3', dict(
            rope_theta=5000., rope_local_base_freq=100.,
            rope_scaling=dict(factor=8., rope_type='linear'))),
    ])
    def test_phase_in_the_words_of_transformers_4(self, name, old,
                                                  tmp_path):
        model_of(name).save_pretrained(tmp_path)
        wanted = [read_blocks(str(tmp_path), (i, )).geometry for i in (0, 1)]
        edit_config(tmp_path, rope_parameters=None, **old)
        found = [read_blocks(str(tmp_path), (i, )).geometry for i in (0, 1)]
        assert found == wanted and wanted[0].rope_theta is not None

    @pytest.mark.parametrize('words', ['rope_scaling', 'rope_parameters'])
    @pytest.mark.parametrize('rope', [
        dict(type='mrope', mrope_section=[2, 2, 2]),
        dict(rope_type='dynamic', factor=2.),
        dict(rope_type='yarn', factor=1.,
             original_max_position_embeddings=2048),
        dict(type='longrope', short_factor=[1.] * 6, long_factor=[4.] * 6,
             attention_factor=1., original_max_position_embeddings=4096),
    ], ids=str)
    def test_phase_that_is_the_plain_one(self, rope, words, tmp_path):
        """Compared with the frequencies that transformers computes."""
        model_of('llama').save_pretrained(tmp_path)
        wanted = read_blocks(str(tmp_path)).geometry
        edit_config(tmp_path, **{
            'rope_parameters': None, 'rope_theta': 1e4,
            'max_position_embeddings': 4096, words: rope})
        assert read_blocks(str(tmp_path)).geometry == wanted
        kind = rope.get('rope_type', rope.get('type'))
        if kind == 'mrope':
            return
        config = model_of('llama').config.__class__.from_pretrained(tmp_path)
        config.rope_parameters = dict(rope, rope_type=kind, rope_theta=1e4)
        turned, factor = ROPE_INIT_FUNCTIONS[kind](config, 'cpu', seq_len=196)
        plain = 1e4**(-torch.arange(0, 12, 2) / 12)
        torch.testing.assert_close(turned * factor, plain)

    @pytest.mark.parametrize('name, keys', [
        ('llama', ['partial_rotary_factor', 'attention_bias', 'mlp_bias',
                   'head_dim', 'rope_scaling', 'pretraining_tp']),
        ('mistral', ['attention_bias', 'mlp_bias', 'sliding_window']),
        ('pythia', ['partial_rotary_factor']),
        ('falcon-7b', ['num_kv_heads', 'ffn_hidden_size', 'rope_scaling']),
        ('gpt2', ['n_inner']),
        ('gemma2-no-cap', ['attn_logit_softcapping', 'rope_scaling']),
    ])
    def test_null_is_the_default(self, name, keys, tmp_path):
        model_of(name).save_pretrained(tmp_path)
        wanted = read_blocks(str(tmp_path))
        edit_config(tmp_path, **dict.fromkeys(keys))
        found = read_blocks(str(tmp_path))
        assert found.identity() == wanted.identity()
        assert found.geometry == wanted.geometry

    @pytest.mark.parametrize('name, absent, wanted', [
        ('pythia', ['rope_parameters'], dict(rope_dims=6, rope_theta=1e4)),
        ('phi', ['rope_parameters', 'num_key_value_heads'],
         dict(rope_dims=12, rope_theta=1e4, num_kv_heads=2)),
        ('falcon-40b', ['num_ln_in_parallel_attn', 'ffn_hidden_size'],
         dict(shared_norm=False, ffn_dim=192)),
        ('falcon-7b', ['multi_query', 'parallel_attn', 'bias', 'activation'],
         dict(num_kv_heads=1, shared_norm=True, activation='gelu')),
        ('gemma2', ['query_pre_attn_scalar', 'attn_logit_softcapping'],
         dict(attention_scale=1 / 16, softcap=50.)),
        ('opt', ['do_layer_norm_before', 'enable_bias',
                 '_remove_final_layer_norm'],
         dict(placement='pre', qkv_bias=True, final_norm=True)),
    ])
    def test_absent_keys_mean_what_they_mean_to_transformers(
            self, name, absent, wanted, tmp_path):
        model_of(name).save_pretrained(tmp_path)
        config = json.loads((tmp_path / 'config.json').read_text())
        config = {k: v for k, v in config.items() if k not in absent}
        config['num_attention_heads'] = 2  # a quarter of 24 is even
        family, config = resolve_config(config, 'config.json')
        geometry = family.geometry(config)
        assert {key: getattr(geometry, key) for key in wanted} == wanted

    @pytest.mark.parametrize('pattern', [{}, dict(sliding_window_pattern=3)],
                             ids=str)
    def test_far_layers_where_the_file_only_counts(self, pattern):
        made = transformers.Gemma3TextConfig(**COMMON | GEMMA3 | dict(
            num_hidden_layers=8, layer_types=None, **pattern))
        config = made.to_dict() | dict(rope_parameters=None, layer_types=None)
        family, config = resolve_config({**config, **pattern}, 'config.json')
        bases = [family.layer_geometry(config, i).rope_theta for i in range(8)]
        assert bases == [1e4 if kind == 'sliding_attention' else 1e6
                         for kind in made.layer_types]
        assert set(bases) == {1e4, 1e6}

    def test_geometry_of_a_block_file_from_before(self):
        old = dict(width=64, num_heads=4, ffn_dim=8, num_kv_heads=4,
                   head_dim=16, norm='rms', norm_eps=1e-6, placement='pre',
                   activation='silu', gated=True, qkv_bias=False,
                   out_bias=False, ffn_bias=False, final_norm=True,
                   rope_theta=1e4)
        assert BlockGeometry.from_dict(old) == BlockGeometry(
            width=64, num_heads=4, ffn_dim=8, rope_theta=1e4)

    def test_geometry_survives_json(self):
        new = BlockGeometry(
            width=64, num_heads=4, ffn_dim=8, placement='sandwich',
            norm_offset=1., qk_norm=True, attention_scale=.1, softcap=50.,
            rope_theta=1e4, rope_dims=8, rope_factor=8.,
            rope_bands=(1., 4., 8192.))
        text = json.dumps(new.to_dict())
        assert BlockGeometry.from_dict(json.loads(text)) == new
