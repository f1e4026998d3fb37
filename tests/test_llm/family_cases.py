"""A tiny model of every family, and how transformers runs its layers."""

from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter

import torch
import transformers

from .conftest import NUM_LAYERS, randomise
from .test_parity import relative_error

NUM_TOKENS = 7
WIDTH = 48
COMMON = dict(
    hidden_size=WIDTH,
    intermediate_size=96,
    num_attention_heads=4,
    num_hidden_layers=NUM_LAYERS,
    vocab_size=11,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    attn_implementation='eager')
LLAMA3_PHASE = dict(
    rope_type='llama3',
    rope_theta=100.,
    factor=8.,
    low_freq_factor=1.,
    high_freq_factor=4.,
    # Short, so that with a head of 12 all three bands occur.
    original_max_position_embeddings=64)


@dataclass(frozen=True)
class Case:
    """A tiny model and how transformers calls one of its layers.

    Args:
        family: Name of the entry that should read it.
        model: Class of the model in transformers.
        changes: What its configuration has beside ``COMMON``.
        layers: Where the model holds its layers.
        rope: Whether the layers have a rotary phase that we compute.
        norm: Where the model holds its final norm, if it has one.
        more: Further arguments of a layer.
    """

    family: str
    model: str
    changes: dict = field(default_factory=dict)
    layers: str = 'layers'
    rope: bool = True
    norm: str = 'norm'
    more: dict = field(default_factory=dict)


def gemma_like(**changes):
    return dict(num_key_value_heads=2, head_dim=16, **changes)


GEMMA3 = gemma_like(
    query_pre_attn_scalar=20,
    layer_types=['sliding_attention', 'full_attention', 'full_attention'],
    rope_parameters=dict(
        sliding_attention=dict(rope_type='default', rope_theta=100.),
        full_attention=dict(
            rope_type='linear', rope_theta=5000., factor=8.)))
VL = dict(
    num_key_value_heads=2,
    rope_parameters=dict(rope_type='default', rope_theta=100.,
                         mrope_section=[2, 2, 2]))
HALF = dict(rope_parameters=dict(
    rope_type='default', rope_theta=100., partial_rotary_factor=0.5))
OPT = dict(ffn_dim=96, word_embed_proj_dim=WIDTH)
GPT = dict(layers='h', norm='ln_f', rope=False)
# A row for each head of both samples.
NO_ALIBI = dict(more=dict(alibi=torch.zeros(
    2 * COMMON['num_attention_heads'], 1, NUM_TOKENS)))
FALCON = dict(layers='h', norm='ln_f', more=dict(alibi=None))

CASES = {
    'llama': Case('llama', 'LlamaModel', dict(num_key_value_heads=2)),
    'llama-3.1': Case(
        'llama', 'LlamaModel',
        dict(num_key_value_heads=2, rope_parameters=LLAMA3_PHASE)),
    'llama-linear': Case(
        'llama', 'LlamaModel',
        dict(rope_parameters=dict(
            rope_type='linear', factor=2., rope_theta=100.))),
    'llama-biases': Case(
        'llama', 'LlamaModel', dict(attention_bias=True, mlp_bias=True)),
    'llama-wide-heads': Case('llama', 'LlamaModel', dict(head_dim=20)),
    'mistral': Case('mistral', 'MistralModel', dict(num_key_value_heads=2)),
    'qwen2': Case('qwen2', 'Qwen2Model', dict(num_key_value_heads=2)),
    'qwen3': Case(
        'qwen3', 'Qwen3Model', dict(num_key_value_heads=2, head_dim=20)),
    'qwen3-biases': Case(
        'qwen3', 'Qwen3Model',
        dict(num_key_value_heads=2, head_dim=20, attention_bias=True)),
    'qwen2-vl': Case('qwen2_vl', 'Qwen2VLTextModel', VL),
    'qwen3-vl': Case('qwen3_vl', 'Qwen3VLTextModel', dict(VL, head_dim=12)),
    'gemma': Case('gemma', 'GemmaModel', gemma_like()),
    'gemma2': Case(
        'gemma2', 'Gemma2Model', gemma_like(query_pre_attn_scalar=20)),
    'gemma2-low-cap': Case(
        'gemma2', 'Gemma2Model', gemma_like(attn_logit_softcapping=20.)),
    'gemma2-no-cap': Case(
        'gemma2', 'Gemma2Model', gemma_like(attn_logit_softcapping=None)),
    'gemma3': Case('gemma3', 'Gemma3TextModel', GEMMA3),
    'phi': Case('phi', 'PhiModel', norm='final_layernorm'),
    'phi-key-norms': Case(
        'phi', 'PhiModel',
        dict(
            qk_layernorm=True,
            rope_parameters=dict(
                rope_type='default',
                rope_theta=100.,
                partial_rotary_factor=0.34)),
        norm='final_layernorm'),
    'phi3': Case('phi3', 'Phi3Model', dict(num_key_value_heads=2)),
    'phi4-mini': Case(
        'phi3', 'Phi3Model',
        dict(
            num_key_value_heads=2,
            rope_parameters=dict(
                rope_type='default',
                rope_theta=100.,
                partial_rotary_factor=0.67))),
    'smollm3': Case('smollm3', 'SmolLM3Model', dict(num_key_value_heads=2)),
    'ministral': Case(
        'ministral', 'MinistralModel',
        dict(num_key_value_heads=2, head_dim=12)),
    'stablelm': Case(
        'stablelm', 'StableLmModel',
        dict(num_key_value_heads=2, use_qkv_bias=True, **HALF)),
    'stablelm-parallel': Case(
        'stablelm', 'StableLmModel',
        dict(num_key_value_heads=4, use_parallel_residual=True, **HALF)),
    'helium': Case(
        'helium', 'HeliumModel', dict(num_key_value_heads=2, head_dim=12)),
    'glm': Case(
        'glm', 'GlmModel', dict(num_key_value_heads=2, head_dim=16)),
    'glm4': Case(
        'glm4', 'Glm4Model', dict(num_key_value_heads=2, head_dim=16)),
    'gptj': Case('gptj', 'GPTJModel', dict(rotary_dim=8), 'h',
                 norm='ln_f'),
    'codegen': Case('codegen', 'CodeGenModel', dict(rotary_dim=8), 'h',
                    norm='ln_f'),
    'gpt-neo': Case('gpt_neo', 'GPTNeoModel',
                    dict(attention_types=[[['global', 'local', 'global'], 1]]),
                    **GPT),
    'xglm': Case('xglm', 'XGLMModel', dict(ffn_dim=96), 'layers', False,
                 'layer_norm'),
    'opt': Case(
        'opt', 'OPTModel', OPT, 'decoder.layers', False,
        'decoder.final_layer_norm'),
    'opt-350m': Case(
        'opt', 'OPTModel', dict(OPT, do_layer_norm_before=False),
        'decoder.layers', False, None),
    'opt-no-biases': Case(
        'opt', 'OPTModel', dict(OPT, enable_bias=False), 'decoder.layers',
        False, 'decoder.final_layer_norm'),
    'gpt2': Case('gpt2', 'GPT2Model', **GPT),
    'gpt2-scaled-by-layer': Case(
        'gpt2', 'GPT2Model',
        dict(scale_attn_by_inverse_layer_idx=True, n_inner=80), **GPT),
    'gpt2-unscaled': Case(
        'gpt2', 'GPT2Model', dict(scale_attn_weights=False), **GPT),
    'pythia': Case('gpt_neox', 'GPTNeoXModel', norm='final_layer_norm',
                   changes=dict(rope_parameters=dict(
                       rope_type='default', rope_theta=100.,
                       partial_rotary_factor=0.5))),
    'gpt-neox-serial': Case(
        'gpt_neox', 'GPTNeoXModel',
        dict(
            use_parallel_residual=False,
            attention_bias=False,
            hidden_act='gelu_fast',
            rope_parameters=dict(rope_type='default', rope_theta=100.,
                                 partial_rotary_factor=1.0)),
        norm='final_layer_norm'),
    'falcon-7b': Case('falcon', 'FalconModel', **FALCON),
    'falcon-40b': Case(
        'falcon', 'FalconModel',
        dict(new_decoder_architecture=True, num_kv_heads=2), **FALCON),
    'falcon-11b': Case(
        'falcon', 'FalconModel',
        dict(
            new_decoder_architecture=True,
            num_kv_heads=2,
            num_ln_in_parallel_attn=1,
            ffn_hidden_size=80), **FALCON),
    'falcon-rw': Case(
        'falcon', 'FalconModel',
        dict(alibi=True, bias=True, multi_query=False, parallel_attn=False),
        **GPT, **NO_ALIBI),
    'bloom': Case('bloom', 'BloomModel', **GPT, **NO_ALIBI),
    'bert': Case('bert', 'BertModel', layers='encoder.layer', rope=False,
                 norm=None),
    'roberta': Case('roberta', 'RobertaModel', layers='encoder.layer',
                    rope=False, norm=None),
    'electra': Case('electra', 'ElectraModel', dict(embedding_size=WIDTH),
                    'encoder.layer', False, None),
    'distilbert': Case('distilbert', 'DistilBertModel', dict(hidden_dim=96),
                       'transformer.layer', False, None),
}
# Older versions of transformers take this word of Gemma's first files
# literally, so that there is nothing to compare with.
if transformers.GemmaConfig(hidden_act='gelu').hidden_act != 'gelu':
    CASES['gemma-legacy-gelu'] = Case(
        'gemma', 'GemmaModel', gemma_like(hidden_act='gelu'))
WITH_ROPE = [name for name, case in CASES.items() if case.rope]


@cache
def model_of(name):
    """The model of a case, its weights drawn at random; do not change it."""
    case = CASES[name]
    make = getattr(transformers, case.model)
    config = getattr(transformers, case.model.replace('Model', 'Config'))
    model = randomise(make(config(**{**COMMON, **case.changes})))
    for buffer in model.buffers():
        if buffer.dtype == torch.bool:
            buffer.fill_(True)  # GPT-Neo's causal mask; ours is an argument
    return model


def phase_of(model, x, index, native):
    """What transformers calls position embeddings, or the neutral ones."""
    if getattr(model.config, 'rotary_dim', None):  # its layers make it
        positions = torch.arange(NUM_TOKENS)[None].expand(2, -1)
        return dict(position_ids=positions * native)
    if not hasattr(model, 'rotary_emb'):
        return {}
    kinds = getattr(model.config, 'layer_types', None)
    apart = model.config.model_type == 'gemma3_text'
    positions = torch.arange(NUM_TOKENS)[None]
    if 'mrope_section' in (model.config.rope_parameters or {}):
        positions = positions.expand(3, 1, -1)  # as of a text
    phase = model.rotary_emb(x, positions,
                             *([kinds[index]] if apart else []))
    if not native:
        phase = [torch.ones_like(phase[0]), torch.zeros_like(phase[1])]
    return dict(position_embeddings=tuple(phase))


def reference(case, model, x, index, native=False, causal=False):
    """transformers' layer; ``native`` brings its phase and causality."""
    layer = attrgetter(case.layers)(model)[index]
    allowed = torch.ones(NUM_TOKENS, NUM_TOKENS, dtype=torch.bool)
    if native or causal:
        allowed = allowed.tril()
    bias = torch.zeros(2, 1, NUM_TOKENS, NUM_TOKENS).masked_fill(
        ~allowed, torch.finfo(torch.float32).min)
    out = layer(
        x,
        attention_mask=bias,
        **phase_of(model, x, index, native),
        **case.more)
    return out[0] if isinstance(out, tuple) else out


def errors(layer, wanted_of, tokens):
    """Relative errors of the output and of the gradient of the input."""
    ours, theirs = (tokens.clone().requires_grad_() for _ in range(2))
    found, wanted = layer(ours), wanted_of(theirs)
    weight = torch.randn(
        found.shape, generator=torch.Generator().manual_seed(2))
    (found * weight).sum().backward()
    (wanted * weight).sum().backward()
    return (relative_error(found, wanted),
            relative_error(ours.grad, theirs.grad))
