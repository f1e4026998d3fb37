"""Every refusal of a hub is explained."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import (
    CheckpointError,
    CheckpointNotFoundError,
    FrozenLLMLayer,
    read_blocks,
)

from ..test_checkpoint import edit_config
from .conftest import CHECKPOINT, REPO, close_network


class TestRefusals:
    """What was asked, why it fails, what would work."""

    def refused(self, *parts, checkpoint=CHECKPOINT):
        with pytest.raises(CheckpointNotFoundError) as caught:
            read_blocks(checkpoint, (1, ))
        for part in (checkpoint, *parts):
            assert part in str(caught.value), str(caught.value)
        return str(caught.value)

    def test_unknown_repository(self, hub):
        self.refused('no model', 'spelt', 'HF_TOKEN', 'hf auth login')

    def test_private_repository(self, folder, hub, monkeypatch):
        hub.add(REPO, folder, private=True)
        hub.accounts.update(hf_mine=(REPO, ), hf_other=())
        monkeypatch.setenv('HF_TOKEN', 'hf_other')
        self.refused('that you may see', 'A private one needs a token')
        monkeypatch.setenv('HF_TOKEN', 'hf_mine')
        read_blocks(CHECKPOINT, (1, ))

    def test_gated_without_a_token(self, folder, hub):
        hub.add(REPO, folder, gated=True)
        self.refused('gated, and no token was sent', f'{hub.url}/{REPO}',
                     'hf auth login', 'HF_TOKEN',
                     f'hf download {REPO} --local-dir FOLDER')

    def test_gated_with_a_token_without_access(self, folder, hub,
                                               monkeypatch):
        hub.add(REPO, folder, gated=True)
        hub.accounts['hf_other'] = ()
        monkeypatch.setenv('HF_TOKEN', 'hf_other')
        text = self.refused('your token has no access', f'{hub.url}/{REPO}',
                            'fine-grained')
        assert 'hf_other' not in text

    def test_refused_token(self, folder, hub, monkeypatch):
        hub.add(REPO, folder, gated=True)
        monkeypatch.setenv('HF_TOKEN', 'hf_expired')
        text = self.refused('refuses the token', 'expired', 'hf auth login')
        assert 'hf_expired' not in text

    def test_access_that_ended_after_the_configuration(
            self, folder, hub, monkeypatch):
        """The same words when the weights are refused, not the config."""
        repo = hub.add(REPO, folder)
        FrozenLLMLayer(8, CHECKPOINT, init='random')
        repo.gated = True
        self.refused(
            'gated, and no token was sent',
            checkpoint=f'{CHECKPOINT}@{repo.commit}')

    def test_unknown_revision(self, folder, hub):
        hub.add(REPO, folder)
        self.refused("no revision 'v9'", 'leave @REVISION out',
                     checkpoint=f'{CHECKPOINT}@v9')

    def test_no_network(self, hub, monkeypatch):
        close_network(monkeypatch)
        self.refused('cannot be reached', 'HF_ENDPOINT', 'proxy')

    def test_no_configuration(self, folder, hub):
        (folder / 'config.json').unlink()
        hub.add(REPO, folder)
        self.refused('neither config.json nor params.json')

    def test_no_weights(self, small, hub):
        (small / 'model.safetensors').rename(small / 'model.gguf')
        hub.add(REPO, small)
        self.refused('no weights that we can read', 'model.gguf')

    def test_shard_that_was_not_uploaded(self, folder, hub):
        repo = hub.add(REPO, folder)
        for file in [f for f in repo.files if f.endswith('.safetensors')]:
            del repo.files[file]
        self.refused('lists no model-', 'upload is incomplete')

    def test_unknown_family(self, small, hub):
        path = small / 'config.json'
        values = json.loads(path.read_text())
        path.write_text(json.dumps({**values, 'model_type': 'fancy'}))
        hub.add(REPO, small)
        with pytest.raises(CheckpointError, match="'fancy'.*known:.*llama"):
            read_blocks(CHECKPOINT)

    @pytest.mark.parametrize('text', [
        'hf://', 'hf://gpt2', 'hf://a/b/c', 'hf://a/b@', 'hf://a/b@ ',
        'hf://-a/b', 'hf:///a/b'
    ])
    def test_other_forms(self, text, hub):
        with pytest.raises(CheckpointError, match='write hf://OWNER/MODEL'):
            read_blocks(text)
        assert not hub.requests

    def test_sha256_of_a_file(self, folder, hub):
        hub.add(REPO, folder)
        with pytest.raises(CheckpointError, match=f'hf://{REPO}@COMMIT'):
            read_blocks(CHECKPOINT, file_sha256='0' * 64)
        assert not hub.requests

    def test_layer_out_of_range(self, folder, hub):
        hub.add(REPO, folder)
        with pytest.raises(CheckpointError,
                           match=f'{CHECKPOINT}@main.* has 8 layers'):
            read_blocks(CHECKPOINT, (8, ))
        assert hub.served['cdn'] == 0

    @pytest.mark.parametrize('path, advice', [
        ('someone/llama', 'hf://someone/llama'),
        ('checkpoints/llama', 'hf://OWNER/MODEL'),
        ('/data/llama', 'hf://OWNER/MODEL'),
    ])
    def test_path_that_is_not_there_goes_to_no_network(
            self, path, advice, hub, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(CheckpointNotFoundError,
                           match=f"checkpoint='{advice}'"):
            read_blocks(path)
        assert not hub.requests


class TestNoWeights:
    """What is not read is told before any weight is fetched."""

    def refused(self, hub, match):
        hub.forget()
        with pytest.raises(CheckpointError, match=match):
            read_blocks(CHECKPOINT, (1, ))
        return hub.served['cdn']

    def test_quantised(self, small, hub):
        path = small / 'model.safetensors'
        tensors = load_file(path)
        save_file({n: t.to(torch.int8) for n, t in tensors.items()}, path)
        hub.add(REPO, small)
        header = 1 << 14
        assert self.refused(hub, 'quantised.*stored as I8') < header
        save_file(tensors | {'layers.1.mlp.up_proj.qweight': torch.ones(3)},
                  path)
        hub.add(REPO, small)
        assert self.refused(hub, r'quantised \(it has.*qweight') < header
        (small / 'quantize_config.json').write_text('{}')
        hub.add(REPO, small)
        assert self.refused(hub, 'quantised.*GPTQ') == 0
        edit_config(small, quantization_config=dict(quant_method='awq'))
        hub.add(REPO, small)
        assert self.refused(hub, 'quantised.*awq') == 0

    @pytest.mark.parametrize('gone', ['config.json', 'model.safetensors'])
    def test_adapter(self, gone, small, hub):
        (small / gone).unlink()
        (small / 'adapter_config.json').write_text('{}')
        hub.add(REPO, small)
        assert self.refused(hub, 'Merge it into its base model') == 0

    def test_file_that_the_configuration_names(self, small, hub):
        wanted = read_blocks(str(small), (1, )).identity().sha256
        path = small / 'model.safetensors'
        path.rename(small / 'hf.safetensors')
        save_file({'x': torch.ones(1)}, path)
        edit_config(small, transformers_weights='hf.safetensors')
        hub.add(REPO, small)
        assert read_blocks(CHECKPOINT, (1, )).identity().sha256 == wanted

    def test_one_file_beside_an_old_index(self, small, hub):
        wanted = read_blocks(str(small), (1, )).identity().sha256
        (small / 'model.safetensors.index.json').write_text(
            json.dumps(dict(weight_map={'layers.1.x': 'gone.safetensors'})))
        hub.add(REPO, small)
        assert read_blocks(CHECKPOINT, (1, )).identity().sha256 == wanted
