"""A published model of every family, for :mod:`list_families`."""

from typing import NamedTuple


def _sizes(width: int, heads: int, hidden: int, layers: int,
           **more) -> dict[str, object]:
    return dict(
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        **more)


class Example(NamedTuple):
    """A published model of a family.

    Args:
        model: Its name.
        config: What its configuration file says.
        licence: Of its weights.
        free: Its repository on the hub, if one asks for nothing.
        gated: One that asks to accept terms first, if there is.
    """

    model: str
    config: dict
    licence: str
    free: str = ''
    gated: str = ''


APACHE = 'Apache-2.0'
GEMMA = 'Gemma terms of use'
EXAMPLES: dict[str, Example] = dict(
    llama=Example('LLaMA 7B',
                  _sizes(4096, 32, 11008, 32, hidden_act='silu'),
                  'Meta, non-commercial; 2 and 3: community licences',
                  'huggyllama/llama-7b', 'meta-llama/Llama-2-7b-hf'),
    mistral=Example('Mistral 7B',
                    _sizes(4096, 32, 14336, 32, hidden_act='silu',
                           num_key_value_heads=8), APACHE,
                    gated='mistralai/Mistral-7B-v0.1'),
    qwen2=Example('Qwen2.5 0.5B',
                  _sizes(896, 14, 4864, 24, hidden_act='silu',
                         num_key_value_heads=2, rope_theta=1e6), APACHE,
                  'Qwen/Qwen2.5-0.5B'),
    qwen3=Example('Qwen3 0.6B',
                  _sizes(1024, 16, 3072, 28, hidden_act='silu',
                         num_key_value_heads=8, head_dim=128,
                         rope_theta=1e6), APACHE, 'Qwen/Qwen3-0.6B'),
    qwen2_vl=Example('Qwen2.5-VL 3B',
                     _sizes(2048, 16, 11008, 36, num_key_value_heads=2),
                     'Qwen research licence',
                     'Qwen/Qwen2.5-VL-3B-Instruct'),
    qwen3_vl=Example('Qwen3-VL 4B',
                     _sizes(2560, 32, 9728, 36, num_key_value_heads=8,
                            head_dim=128, rope_theta=5e6), APACHE,
                     'Qwen/Qwen3-VL-4B-Instruct'),
    gemma=Example('Gemma 2B',
                  _sizes(2048, 8, 16384, 18, num_key_value_heads=1,
                         head_dim=256), GEMMA, gated='google/gemma-2b'),
    gemma2=Example('Gemma 2 2B',
                   _sizes(2304, 8, 9216, 26, num_key_value_heads=4,
                          head_dim=256), GEMMA, gated='google/gemma-2-2b'),
    gemma3=Example('Gemma 3 1B',
                   _sizes(1152, 4, 6912, 26, num_key_value_heads=1,
                          head_dim=256), GEMMA,
                   gated='google/gemma-3-1b-pt'),
    phi=Example('Phi-2',
                _sizes(2560, 32, 10240, 32, hidden_act='gelu_new',
                       partial_rotary_factor=0.4), 'MIT',
                'microsoft/phi-2'),
    phi3=Example('Phi-3 mini',
                 _sizes(3072, 32, 8192, 32, hidden_act='silu'), 'MIT',
                 'microsoft/Phi-3-mini-4k-instruct'),
    smollm3=Example('SmolLM3 3B', _sizes(2048, 16, 11008, 36), APACHE,
                    'HuggingFaceTB/SmolLM3-3B'),
    ministral=Example('Ministral 8B', _sizes(4096, 32, 12288, 36,
                                             head_dim=128),
                      'Mistral research licence',
                      gated='mistralai/Ministral-8B-Instruct-2410'),
    stablelm=Example('StableLM 2 1.6B',
                     _sizes(2048, 32, 5632, 24, use_qkv_bias=True),
                     'Stability AI community licence',
                     'stabilityai/stablelm-2-1_6b'),
    helium=Example('Helium 1 2B',
                   _sizes(2048, 16, 8192, 28, num_key_value_heads=8),
                   'CC BY-SA 4.0', 'kyutai/helium-1-2b'),
    glm=Example('GLM-4 9B', _sizes(4096, 32, 13696, 40), 'GLM-4 licence',
                'THUDM/glm-4-9b-hf'),
    glm4=Example('GLM-4-0414 9B', _sizes(4096, 32, 13696, 40), 'MIT',
                 'THUDM/GLM-4-9B-0414'),
    opt=Example('OPT 125M',
                _sizes(768, 12, 3072, 12, ffn_dim=3072,
                       activation_function='relu'),
                'OPT, non-commercial research', 'facebook/opt-125m'),
    gpt2=Example('GPT-2',
                 dict(n_embd=768, n_head=12, n_layer=12,
                      activation_function='gelu_new'), 'MIT',
                 'openai-community/gpt2'),
    gptj=Example('GPT-J 6B', dict(n_embd=4096, n_head=16, n_layer=28),
                 APACHE, 'EleutherAI/gpt-j-6b'),
    codegen=Example('CodeGen 350M',
                    dict(n_embd=1024, n_head=16, n_layer=20, rotary_dim=32),
                    'BSD-3-Clause', 'Salesforce/codegen-350M-mono'),
    gpt_neo=Example('GPT-Neo 125M',
                    dict(hidden_size=768, num_heads=12, num_layers=12),
                    'MIT', 'EleutherAI/gpt-neo-125m'),
    gpt_neox=Example('Pythia 160M',
                     _sizes(768, 12, 3072, 12, hidden_act='gelu',
                            rotary_pct=0.25), APACHE,
                     'EleutherAI/pythia-160m'),
    falcon=Example('Falcon 7B', _sizes(4544, 71, 18176, 32), APACHE,
                   'tiiuae/falcon-7b'),
    bloom=Example('BLOOM 560M', dict(n_embed=1024, n_head=16, n_layer=24),
                  'BigScience RAIL 1.0', 'bigscience/bloom-560m'),
    xglm=Example('XGLM 564M',
                 dict(d_model=1024, attention_heads=16, num_layers=24,
                      ffn_dim=4096), 'MIT', 'facebook/xglm-564M'),
    bert=Example('BERT base',
                 _sizes(768, 12, 3072, 12, hidden_act='gelu'), APACHE,
                 'google-bert/bert-base-uncased'),
    roberta=Example('RoBERTa base',
                    _sizes(768, 12, 3072, 12, hidden_act='gelu'), 'MIT',
                    'FacebookAI/roberta-base'),
    electra=Example('ELECTRA base', _sizes(768, 12, 3072, 12), APACHE,
                    'google/electra-base-discriminator'),
    distilbert=Example('DistilBERT base',
                       dict(dim=768, n_heads=12, n_layers=6,
                            hidden_dim=3072), APACHE,
                       'distilbert/distilbert-base-uncased'))
