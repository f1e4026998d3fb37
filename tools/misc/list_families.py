"""Print the table of language-model families, as a page of the docs.

    python tools/misc/list_families.py > docs/choosing_a_language_model.md

Every line is computed from the family's entry and the published
configuration of one of its models.
"""

from collections.abc import Iterator
from typing import NamedTuple

try:
    from lm4ve_mm.llm import FAMILIES, BlockGeometry, Family
    from lm4ve_mm.llm.weights.families import CARRIERS, resolve_config
except ModuleNotFoundError as error:
    if error.name != 'lm4ve_mm':
        raise
    raise SystemExit(
        'lm4ve_mm is not installed. In the checkout: '
        "pip install -e '.[all]' -c requirements/constraints.txt") from error


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

NORMS = dict(rms='RMSNorm', layer='LayerNorm')
PLACEMENTS = dict(pre='before', post='after', sandwich='around')
HEADER = ('family', '`model_type`', 'norm', 'activation', 'rotary phase',
          'note')
SIZES = ('model', 'width', 'heads', 'parameters of a block', 'in 16 bits',
         'licence', 'gated on the hub')

HEAD = """# Choosing a language model

<!-- Made by tools/misc/list_families.py; edit the family table instead. -->

Any checkpoint of these families gives a block: point `checkpoint` at its
folder and choose `layers`, the last one by default. Only the bytes of those
layers are read.

    llm=dict(checkpoint='checkpoints/opt-125m', layers=(-1, ))

Or name it [on the Hugging Face hub](#from-the-hub), without downloading it:

    llm=dict(checkpoint='hf://facebook/opt-125m', layers=(-1, ))

All of them are tested against the layer of transformers: outputs and
gradients agree within 1e-5 of the largest value in fp32. Positions are off, as
in the paper; `rope=True` turns the rotary phase on where a family has one
that is computed here, and is an error elsewhere.
"""

MIDDLE = """
The norm stands before each part, after it, or around it (both). The
rotary phase turns a whole head, or some of its dimensions.

One block of one model of each family, computed from its published
configuration. Licences and gates are as their model pages are known to state
them; none was reachable from here, so read the page before you build on it.
"""

TAIL = """
LLaMA is also read from Meta's own files (`params.json`), however many shards
they have. Inside a multimodal checkpoint the language model is found by its
`text_config` (or `llm_config`, `language_config`) and read by its own family's
entry, whatever `model_type` the whole has. Where the inner configuration does
not say which language model it is, these are known: {carriers}.

What a configuration leaves out, or says null of, means what it means to
transformers. Of the rotary phase, `mrope` is the plain one (all three
positions of a token are equal); `dynamic` is plain up to the trained length,
which has to be 2048 tokens or more; `yarn` and `longrope` are read where they
stretch nothing. Any other phase is an error with `rope=True`.

Quantised checkpoints (GPTQ, AWQ, bitsandbytes, fp8, MLX and others, or
anything stored as integers or 8-bit floats) are refused before their weights
are read: take the unquantised checkpoint. Adapters have to be merged first.
`model.safetensors` comes before an index beside it, as in transformers, and
`transformers_weights` of the configuration names another file.

Sliding windows (Mistral, Gemma 2 and 3, Phi-3) are not applied: every token
sees all others, or with `causal=True` all before it.

The cost grows with the block (7 million parameters at width 768, 202 million
in LLaMA 7B) and with the tokens that the head reads: see
[shortcut.md](shortcut.md).

A family that is not listed is an error that names those that are. To add
one from a package of your own, hand its entry to
`lm4ve_mm.llm.register_family()`; here, write it in
`lm4ve_mm/llm/weights/families/`, with a case in
`tests/test_llm/family_cases.py`.

## From the hub

`hf://OWNER/MODEL`, or `hf://OWNER/MODEL@REVISION` with a branch, a tag or a
commit, needs huggingface_hub: in the checkout,
`pip install -e '.[hf]' -c requirements/constraints.txt`. Of safetensors, the
bytes of the layer and of the final norm are fetched, 0.4 of LLaMA 7B's 13 GB,
and kept: later runs and the other ranks transfer nothing. Of `.bin` files the
shards that hold them are downloaded whole, of Meta's files all, and so are
shards from a server that serves no parts of files; a warning says how many
bytes that takes. A path without `hf://` never goes to the network.

The variables of Hugging Face mean what they always do:

- `HF_TOKEN`, or `hf auth login`: for gated and private models. The token goes
  to the hub alone, not to the servers that it redirects to.
- `HF_HUB_OFFLINE=1`: only the cache is used; what it lacks is an error.
- `HF_HOME`: where the caches lie, `~/.cache/huggingface` by default.
- `HF_HUB_CACHE`: configurations and whole files. A model that any program has
  downloaded is used from there.
- `HF_ASSETS_CACHE`: the layers, each in a file of its own under
  `lm4ve_mm/OWNER--MODEL/COMMIT/`, with a sha256 that is checked whenever it
  is read.
- `HF_ENDPOINT`: a mirror of the hub.

A branch may move, and the digest in a checkpoint then refuses the new block:
give the commit to pin it, which also saves the request that asks for the
branch. `file_sha256` is that of a whole file, and an error here.

## What reading costs

A layer is mapped, not copied, and all processes of a machine share its
pages; what is written into a tensor never reaches the file. Measured here by
`python tools/analysis_tools/benchmark_reading.py` (fp16, 8 layers of LLaMA
7B's width, 404.8 MB each; one thread of an x86-64 CPU that others used too, so
CPU time; median of 3):

| | CPU time | memory added | at the peak |
|---|---|---|---|
| one layer of the checkpoint | 0.03 s | 408 MB | 408 MB |
| the same from a block file, its sha256 checked | 0.53 s | 409 MB | 409 MB |
| the whole, copied into memory | 3.55 s | 3,239 MB | 6,477 MB |
| the whole, mapped, each byte looked at | 0.23 s | 3,239 MB | 3,239 MB |

Two processes that hold the layer share all of its pages. A family that
stores a tensor in another layout than ours (GPT-2's transposed maps, the
joined queries, keys and values of others) takes a copy of those tensors.
"""


def _blocks() -> Iterator[tuple[Family, BlockGeometry]]:
    """Each family with the last block of its example.

    Meta's files are a form of one of them, without a row of their own.
    """
    for family in FAMILIES:
        if not family.model_types:
            continue
        config = EXAMPLES[family.name].config
        given = dict(config, model_type=family.model_types[0])
        _, settings = resolve_config(given, family.config_file)
        last = int(settings[family.num_layers_key]) - 1
        yield family, family.layer_geometry(settings, last)


def rows() -> Iterator[tuple[str, ...]]:
    """What is special about each family."""
    for family, block in _blocks():
        norm = f'{NORMS[block.norm]} {PLACEMENTS[block.placement]}'
        gate = ', gated' if block.gated else ''
        phase = 'none'
        if block.rope_theta is not None:
            phase = f'{block.rope_dims} of {block.head_dim}'
        yield (family.name,
               ', '.join(f'`{name}`' for name in family.model_types), norm,
               block.activation + gate, phase, family.note)


def sizes() -> Iterator[tuple[str, ...]]:
    """How large one block of each example is, and who may use it."""
    for family, block in _blocks():
        example = EXAMPLES[family.name]
        heads = f'{block.num_heads}'
        if block.num_kv_heads != block.num_heads:
            heads += f', {block.num_kv_heads} of keys'
        count = block.num_parameters()
        yield (example.model, str(block.width), heads,
               f'{count / 1e6:.1f} M', f'{2 * count / 1e6:.0f} MB',
               example.licence, ', '.join(
                   f'{gate}: `{repo}`' for gate, repo in
                   (('no', example.free), ('yes', example.gated)) if repo))


def table(header: tuple[str, ...], lines: Iterator[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    cells = [header, ['---'] * len(header), *lines]
    return '\n'.join(f'| {" | ".join(line)} |' for line in cells)


def page() -> str:
    """The whole page, in Markdown."""
    carriers = ', '.join(f'`{name}`' for name in sorted(CARRIERS))
    return (f'{HEAD}\n{table(HEADER, rows())}\n{MIDDLE}\n'
            f'{table(SIZES, sizes())}\n{TAIL.format(carriers=carriers)}')


if __name__ == '__main__':
    print(page(), end='')
