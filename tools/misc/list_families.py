"""Print the table of language-model families, as a page of the docs.

    python tools/misc/list_families.py > docs/choosing_a_language_model.md

Every line is computed from the family's entry and the published
configuration of one of its models.
"""

from collections.abc import Iterator

from family_examples import EXAMPLES

try:
    from lm4ve_mm.llm import FAMILIES, BlockGeometry, Family
    from lm4ve_mm.llm.weights.families import CARRIERS, resolve_config
except ModuleNotFoundError as error:
    if error.name != 'lm4ve_mm':
        raise
    raise SystemExit(
        'lm4ve_mm is not installed. In the checkout: '
        "pip install -e '.[all]' -c requirements/constraints.txt") from error

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
configuration. Licences and gates are written from memory, since no model page
could be reached from here: check them against the model card before you build
on a model.
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
which has to be 2048 tokens or more, and an error beyond it; `yarn` and
`longrope` are read where they stretch nothing. Any other phase is an error
with `rope=True`.

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

A family that is not listed is computed by `transformers` itself, if the
installed one builds it, and the log says so once. Its layer is read as
strictly as any other and is held, frozen, digested and saved in the same way;
`causal`, padding, `keep`, `trainable=True`, `final_norm` and block files work.
There are no shortcuts, so it costs what the architecture costs, and
`rope=True`, `attention=False`, LoRA on the block, `init='random'` and more
than one layer are errors.

- Compared with the layer of transformers, outputs and gradients within 1e-5
  as above: OLMo 1 and 2, OLMoE, Mixtral, DeepSeek V2, Granite, Cohere 1,
  Persimmon, GPT-BigCode.
- Built and run, but compared with nothing: OLMo 3, Qwen 2 and 3 MoE, DeepSeek
  V3, GPT-OSS, GLM-4 MoE, Cohere 2, StarCoder2, BioGPT, Apertus, EXAONE 4,
  Arcee, Hunyuan, ModernBERT.

Refused in one sentence are layers with a recurrent state (Mamba, RWKV), with
a mask or positions of their own (MPT, DeBERTa), that are shared (ALBERT), that
need an encoder (T5), or that compute constants (OpenAI GPT).
Before it is built in, the layer is run once on four tokens to see that their
order does not matter and that masks are heeded.

A family that `transformers` does not know either is an error that names those
that are listed. To add one from a package of your own, hand its entry to
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
