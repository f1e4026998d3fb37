"""Small language models written to disk in the true formats."""

import json
from pathlib import Path

import pytest
import torch

transformers = pytest.importorskip('transformers')

NUM_LAYERS = 3


def llama_config(**changes):
    values = dict(
        hidden_size=48,
        intermediate_size=96,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_hidden_layers=NUM_LAYERS,
        vocab_size=11,
        rms_norm_eps=1e-5,
        attn_implementation='eager')
    return transformers.LlamaConfig(**{**values, **changes})


def randomise(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Make every tensor matter: norms not one, biases not zero."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.copy_(0.2 * noise + (parameter.dim() == 1) * 1.0)
    return model.eval()


def write_meta(model, folder: Path, shards: int = 1) -> None:
    """Write an HF LLaMA in Meta's names, rotary layout and sharding."""
    config = model.config
    folder.mkdir(parents=True, exist_ok=True)
    params = dict(
        dim=config.hidden_size,
        n_heads=config.num_attention_heads,
        n_kv_heads=config.num_key_value_heads,
        n_layers=config.num_hidden_layers,
        norm_eps=config.rms_norm_eps,
        # Chosen so that Meta's rule gives the same hidden width.
        multiple_of=8,
        ffn_dim_multiplier=config.intermediate_size /
        (8 * config.hidden_size // 3),
        vocab_size=-1)
    (folder / 'params.json').write_text(json.dumps(params))
    head = config.hidden_size // config.num_attention_heads

    def interleave(weight):  # halves (i, i + d/2) -> neighbours (2i, 2i + 1)
        pairs = weight.view(-1, 2, head // 2, weight.shape[-1])
        return pairs.transpose(1, 2).reshape(weight.shape)

    tensors: dict[str, torch.Tensor] = {'norm.weight': model.norm.weight}
    for i, layer in enumerate(model.layers):
        attn, mlp = layer.self_attn, layer.mlp
        tensors.update({
            f'layers.{i}.attention.wq.weight': interleave(attn.q_proj.weight),
            f'layers.{i}.attention.wk.weight': interleave(attn.k_proj.weight),
            f'layers.{i}.attention.wv.weight': attn.v_proj.weight,
            f'layers.{i}.attention.wo.weight': attn.o_proj.weight,
            f'layers.{i}.feed_forward.w1.weight': mlp.gate_proj.weight,
            f'layers.{i}.feed_forward.w2.weight': mlp.down_proj.weight,
            f'layers.{i}.feed_forward.w3.weight': mlp.up_proj.weight,
            f'layers.{i}.attention_norm.weight': layer.input_layernorm.weight,
            f'layers.{i}.ffn_norm.weight':
            layer.post_attention_layernorm.weight,
        })
    by_columns = ('wo', 'w2')
    for shard in range(shards):
        part = {}
        for name, tensor in tensors.items():
            tensor = tensor.detach()
            if tensor.dim() == 2:
                dim = 1 if name.split('.')[-2] in by_columns else 0
                tensor = tensor.chunk(shards, dim)[shard]
            part[name] = tensor.clone()
        torch.save(part, folder / f'consolidated.{shard:02d}.pth')


@pytest.fixture(scope='session')
def llama():
    return randomise(transformers.LlamaModel(llama_config()))


@pytest.fixture(scope='session')
def grouped_llama():
    return randomise(
        transformers.LlamaModel(llama_config(num_key_value_heads=2)))


@pytest.fixture(scope='session')
def bert():
    config = transformers.BertConfig(
        hidden_size=48,
        intermediate_size=96,
        num_attention_heads=4,
        num_hidden_layers=NUM_LAYERS,
        vocab_size=11,
        attn_implementation='eager')
    return randomise(transformers.BertModel(config))


@pytest.fixture()
def llama_folder(llama, tmp_path):
    llama.save_pretrained(tmp_path / 'llama')
    return tmp_path / 'llama'


@pytest.fixture()
def meta_folder(llama, tmp_path):
    write_meta(llama, tmp_path / 'meta')
    return tmp_path / 'meta'
