"""A hub to talk to, models on it, and how an answer is compared."""

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file

from ..conftest import llama_config, randomise, transformers
from ..test_checkpoint import split
from .stub import running_hub

REPO = 'someone/llama'
CHECKPOINT = f'hf://{REPO}'
NUM_LAYERS = 8


@pytest.fixture(scope='module')
def model():
    """8 layers of 0.7 MB, so that a layer is much and a header little."""
    return randomise(
        transformers.LlamaModel(
            llama_config(
                hidden_size=128,
                intermediate_size=288,
                num_hidden_layers=NUM_LAYERS)))


@pytest.fixture()
def folder(model, tmp_path):
    """Shards of 2 MB: some layers lie in two of them."""
    model.save_pretrained(tmp_path / 'llama', max_shard_size='2MB')
    assert len(list((tmp_path / 'llama').glob('*.safetensors'))) > 2
    return tmp_path / 'llama'


@pytest.fixture()
def small(llama, tmp_path):
    """A model of one file."""
    llama.save_pretrained(tmp_path / 'small')
    return tmp_path / 'small'


@pytest.fixture()
def hub(tmp_path, monkeypatch):
    """A running stub, which the hub's library takes for the hub."""
    constants = huggingface_hub.constants
    with running_hub() as stub:
        for name, value in dict(
                ENDPOINT=stub.url,
                HUGGINGFACE_CO_URL_TEMPLATE=stub.url +
                '/{repo_id}/resolve/{revision}/{filename}',
                HF_HUB_CACHE=str(tmp_path / 'home/hub'),
                HF_ASSETS_CACHE=str(tmp_path / 'home/assets'),
                HF_TOKEN_PATH=str(tmp_path / 'home/token'),
                HF_STORED_TOKENS_PATH=str(tmp_path / 'home/stored'),
                HF_HUB_OFFLINE=False).items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setattr(huggingface_hub.hf_api.api, 'endpoint', stub.url)
        for name in ('HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv('NO_PROXY', '*')
        huggingface_hub.close_session()
        yield stub
        huggingface_hub.close_session()


def layer_bytes(folder: Path, layer: int) -> int:
    """Bytes of one layer in a folder of safetensors."""
    return sum(
        tensor.nbytes for file in folder.glob('*.safetensors')
        for name, tensor in load_file(file).items()
        if f'layers.{layer}.' in name)


def same(found, wanted) -> None:
    """Every tensor, the final norm and the identity agree."""
    assert found.identity() == wanted.identity()
    assert found.geometry == wanted.geometry
    assert found.num_layers == wanted.num_layers
    for one, other in zip(found.tensors, wanted.tensors, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    torch.testing.assert_close(
        found.final_norm, wanted.final_norm, rtol=0, atol=0)


def split_bin(folder):
    """One ``.bin`` per layer, and an index."""
    split(folder)
    weight_map = json.loads(
        (folder / 'model.safetensors.index.json').read_text())
    for file in folder.glob('shard-*.safetensors'):
        torch.save(load_file(file), file.with_suffix('.bin'))
        file.unlink()
    (folder / 'model.safetensors.index.json').unlink()
    files = {name: file.replace('.safetensors', '.bin')
             for name, file in weight_map['weight_map'].items()}
    (folder / 'pytorch_model.bin.index.json').write_text(
        json.dumps(dict(weight_map=files)))


def download(name, hub) -> None:
    """Put a whole model into the hub's cache, as any program does."""
    for file in hub.repos[name].files:
        huggingface_hub.hf_hub_download(name, file)


def close_network(monkeypatch) -> None:
    """From now on the hub is a port where nobody listens."""
    url = 'http://127.0.0.1:9'
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, 'ENDPOINT', url)
    monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE',
                        url + '/{repo_id}/resolve/{revision}/{filename}')
    monkeypatch.setattr('time.sleep', lambda seconds: None)
