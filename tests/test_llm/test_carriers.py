"""Language models inside multimodal checkpoints."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from lm4ve_mm.llm import FAMILIES, CheckpointError, FrozenLLMLayer, read_blocks
from lm4ve_mm.llm.weights.families import CARRIERS, resolve_config
from lm4ve_mm.llm.weights.families.values import checked

from .conftest import randomise
from .family_cases import (
    CASES,
    COMMON,
    GEMMA3,
    WIDTH,
    errors,
    model_of,
    reference,
)
from .test_checkpoint import edit_config
from .test_parity import TOLERANCE


@pytest.fixture()
def tokens():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 7, WIDTH, generator=generator)


class TestNested:
    """A language model inside a multimodal checkpoint."""

    def llava(self):
        text = transformers.LlamaConfig(**COMMON, num_key_value_heads=2)
        vision = transformers.CLIPVisionConfig(
            hidden_size=16, intermediate_size=16, num_hidden_layers=1,
            num_attention_heads=2, image_size=8, patch_size=4)
        config = transformers.LlavaConfig(
            vision_config=vision, text_config=text)
        model = transformers.LlavaForConditionalGeneration(config)
        return randomise(model), model.model.language_model

    def gemma3(self):
        text = transformers.Gemma3TextConfig(**{**COMMON, **GEMMA3})
        vision = transformers.SiglipVisionConfig(
            hidden_size=16, intermediate_size=16, num_hidden_layers=1,
            num_attention_heads=2, image_size=8, patch_size=4)
        config = transformers.Gemma3Config(
            text_config=text, vision_config=vision, mm_tokens_per_image=4)
        model = transformers.Gemma3ForConditionalGeneration(config)
        return randomise(model), model.model.language_model

    @pytest.mark.parametrize('inner', ['as saved', 'language_model.model.',
                                       'model.language_model.'])
    @pytest.mark.parametrize('name', ['llava', 'gemma3'])
    def test_is_the_language_model(self, name, inner, tokens, tmp_path):
        model, language = getattr(self, name)()
        language.config._attn_implementation = 'eager'
        model.save_pretrained(tmp_path)
        if inner != 'as saved':
            path = tmp_path / 'model.safetensors'
            tensors = {}
            for key, tensor in load_file(path).items():
                for old in ('language_model.model.', 'model.language_model.'):
                    key = key.replace(old, inner)
                tensors[key] = tensor
            assert any(key.startswith(inner) for key in tensors)
            save_file(tensors, path)
        layer = FrozenLLMLayer(WIDTH, str(tmp_path), final_norm='loaded',
                               rope=True, causal=True)
        for mapping in (layer.map_in, layer.map_out):
            mapping.weight.data.copy_(torch.eye(WIDTH))
        case = CASES['llama' if name == 'llava' else name]
        found = errors(
            layer, lambda x: language.norm(
                reference(case, language, x, -1, native=True)), tokens)
        assert max(found) < TOLERANCE

    @pytest.mark.parametrize('outer, inner, parameters', [
        ('llava', 'llama', 202_383_360),
        ('llava_next', 'mistral', 218_112_000),
    ])
    def test_short_file(self, outer, inner, parameters):
        """llava-hf/llava-1.5-7b-hf says little more than this."""
        family, config = resolve_config(
            dict(model_type=outer, text_config=dict(model_type=inner)),
            'config.json')
        assert family.name == inner
        assert family.geometry(config).num_parameters() == parameters

    def test_short_file_means_the_defaults_of_the_library(self):
        checked = 0
        for family in FAMILIES:
            for kind in family.model_types:
                made = transformers.AutoConfig.for_model(kind)
                made.rope_theta = (made.to_dict().get('rope_parameters') or
                                   {}).get('rope_theta')
                for key, value in {**family.defaults, **family.sizes}.items():
                    assert getattr(made, key) == value, (kind, key)
                    checked += 1
        assert checked > 100

    @pytest.mark.parametrize('outer', ['llava', 'someone_elses'])
    @pytest.mark.parametrize('key', ['text_config', 'llm_config',
                                     'language_config'])
    def test_whatever_the_whole_is_called(self, outer, key):
        """The short words of transformers 4, which leave defaults out."""
        inner = dict(model_type='qwen2', hidden_size=896,
                     intermediate_size=4864, num_attention_heads=14,
                     num_hidden_layers=24, num_key_value_heads=2)
        family, config = resolve_config({'model_type': outer, key: inner},
                                        'config.json')
        assert family.name == 'qwen2'
        geometry = family.geometry(config)
        assert geometry.activation == 'silu' and geometry.qkv_bias
        assert geometry.num_parameters() == 14_912_384
        assert 'language_model.model.layers.{i}.' in family.prefixes

    @pytest.mark.parametrize('outer', sorted(CARRIERS))
    def test_defaults_of_every_carrier(self, outer):
        """Of an inner configuration that says only what it is, or nothing.

        Known to transformers under that name, or to nobody but its authors.
        """
        if outer not in CONFIG_MAPPING:
            assert outer in ('llava_llama', 'llava_mistral', 'llava_qwen')
            return
        for inner in ({}, dict(model_type=CARRIERS[outer])):
            made = CONFIG_MAPPING[outer](text_config=dict(inner)).text_config
            family, config = resolve_config(
                dict(model_type=outer, text_config=inner), 'config.json')
            given = made.to_dict()
            if 'activation_function' not in given:
                assert family.layer_geometry(config, 5) == \
                    family.layer_geometry(checked(
                        {**family.defaults, **given}), 5)

    @pytest.mark.parametrize('prefix', [
        '', 'model.', 'language_model.model.', 'model.language_model.',
        'model.text_model.', 'thinker.model.', 'llm.model.', 'vlm.model.'])
    @pytest.mark.parametrize('flat', [True, False], ids=['flat', 'nested'])
    def test_names_inside_a_whole(self, flat, prefix, tmp_path):
        """A vision tower with layers of its own stands beside them."""
        model_of('qwen2-vl').save_pretrained(tmp_path)
        wanted = read_blocks(str(tmp_path))
        path = tmp_path / 'config.json'
        inner = json.loads(path.read_text())
        whole = dict(inner, model_type='qwen2_vl', vision_config={})
        if not flat:
            whole = dict(model_type='new', thinker_config=dict(
                model_type='newer', text_config=inner))
        path.write_text(json.dumps(whole))
        file = tmp_path / 'model.safetensors'
        tensors = {prefix + n: t for n, t in load_file(file).items()}
        save_file(tensors | {
            'visual.layers.2.mlp.up_proj.weight': torch.ones(2),
            'vision_tower.encoder.layers.2.mlp.weight': torch.ones(2)}, file)
        found = read_blocks(str(tmp_path))
        assert found.identity().sha256 == wanted.identity().sha256
        assert found.geometry == wanted.geometry
        assert torch.equal(found.final_norm['weight'],
                           wanted.final_norm['weight'])

    def test_inner_model_that_is_not_known(self):
        with pytest.raises(CheckpointError,
                           match="language model in config.json.*'fancy_te"):
            resolve_config(dict(model_type='clip', text_config=dict(
                model_type='fancy_text_model')), 'config.json')

    def test_first_llava_files_are_flat(self, tmp_path):
        model_of('llama').save_pretrained(tmp_path)
        wanted = read_blocks(str(tmp_path)).identity().sha256
        edit_config(tmp_path, model_type='llava')
        assert read_blocks(str(tmp_path)).identity().sha256 == wanted
