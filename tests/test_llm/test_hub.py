"""``hf://``: one layer is fetched, once, and every refusal is explained."""

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import (CheckpointError, CheckpointNotFoundError,
                          FrozenLLMLayer, read_blocks)
from lm4ve_mm.llm.extract import extract_blocks

from .conftest import llama_config, randomise, transformers, write_meta
from .hub_stub import running_hub
from .test_checkpoint import split, to_bin

hub_library = pytest.importorskip('huggingface_hub')
Entry = pytest.importorskip('lm4ve_mm.llm.hub.ranges').Entry
write_layer_file = pytest.importorskip(
    'lm4ve_mm.llm.hub.layer_file').write_layer_file

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
    constants = hub_library.constants
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
        monkeypatch.setattr(hub_library.hf_api.api, 'endpoint', stub.url)
        for name in ('HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv('NO_PROXY', '*')
        hub_library.close_session()
        yield stub
        hub_library.close_session()


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
        hub_library.hf_hub_download(name, file)


class TestOneLayerIsFetched:

    @pytest.mark.parametrize('layers', [(0, ), (-1, ), (2, 3)], ids=str)
    def test_shards(self, layers, folder, hub):
        hub.add(REPO, folder)
        wanted = read_blocks(str(folder), layers)
        same(read_blocks(CHECKPOINT, layers), wanted)
        asked = sum(layer_bytes(folder, i) for i in wanted.layers)
        headers = 2 * (1 << 16) * len(layers)
        assert asked < hub.served['cdn'] < 1.3 * asked + headers
        whole = sum(p.stat().st_size for p in folder.iterdir())
        assert hub.served['cdn'] < 0.5 * whole
        assert hub.served['hub'] < 50_000  # configuration, index, listing

    def test_every_layer_also_those_in_two_shards(self, folder, hub):
        hub.add(REPO, folder)
        index = json.loads(
            (folder / 'model.safetensors.index.json').read_text())
        apart = {
            i for i in range(NUM_LAYERS) if len({
                file for name, file in index['weight_map'].items()
                if f'layers.{i}.' in name
            }) > 1
        }
        assert apart
        for layer in apart:
            same(
                read_blocks(CHECKPOINT, (layer, )),
                read_blocks(str(folder), (layer, )))

    def test_second_read_transfers_nothing(self, folder, hub):
        hub.add(REPO, folder)
        first = read_blocks(CHECKPOINT, (3, ))
        hub.forget()
        same(read_blocks(CHECKPOINT, (3, )), first)
        assert hub.served['cdn'] == hub.served['hub'] == 0
        # Whether the branch has moved is asked, and nothing else.
        assert [request.method for request in hub.requests] == ['HEAD']

    def test_another_layer_fetches_that_one_alone(self, folder, hub):
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (3, ))
        hub.forget()
        read_blocks(CHECKPOINT, (3, 4))
        assert hub.served['cdn'] < 1.3 * layer_bytes(folder, 4) + 2 * (1 << 16)

    def test_single_file(self, small, hub):
        hub.add(REPO, small)
        wanted = read_blocks(str(small), (1, ))
        found = read_blocks(CHECKPOINT, (1, ))
        assert found.source == 'llama' and wanted.source == 'small'
        assert found.identity().sha256 == wanted.identity().sha256
        assert found.identity().dtype == wanted.identity().dtype
        # The header; the layer, whose tensors are neighbours; the norm.
        assert sum(request.host == 'cdn' for request in hub.requests) == 3

    def test_long_header(self, small, hub):
        """A header beyond the first request is asked for to its end."""
        path = small / 'model.safetensors'
        tensors = load_file(path)
        tensors.update({f'padding.{"x" * 60}.{i}': torch.ones(1)
                        for i in range(1500)})
        save_file(tensors, path)
        hub.add(REPO, small)
        digest = read_blocks(CHECKPOINT, (1, )).identity().sha256
        assert digest == read_blocks(str(small), (1, )).identity().sha256

    def test_types_of_different_width(self, folder, hub):
        """Norms in fp32 beside fp16, over several shards: all aligned."""
        for file in folder.glob('*.safetensors'):
            tensors = load_file(file)
            save_file({n: t if t.dim() == 1 else t.half()
                       for n, t in tensors.items()}, file)
        hub.add(REPO, folder)
        for layer in range(NUM_LAYERS):
            same(
                read_blocks(CHECKPOINT, (layer, )),
                read_blocks(str(folder), (layer, )))
        for file in Path(hub_library.constants.HF_ASSETS_CACHE).rglob(
                '*.safetensors'):
            for tensor in load_file(file).values():
                assert tensor.data_ptr() % tensor.element_size() == 0

    def test_parts_of_odd_size(self, tmp_path, monkeypatch):
        """Three halves of one shard do not misalign a float of another."""
        shards = {}
        for name, tensor in dict(
                a=torch.arange(3).half(), b=torch.arange(5).float()).items():
            save_file({name: tensor}, tmp_path / name)
            shards[name] = (tmp_path / name).read_bytes()
        monkeypatch.setattr(
            'lm4ve_mm.llm.hub.layer_file.read_range',
            lambda url, begin, end: [shards[url][begin:end]])
        path = tmp_path / 'layer.safetensors'
        write_layer_file(
            path, {
                url: {url: Entry(dtype, (count, ), len(shards[url]) - size,
                                 len(shards[url]))}
                for url, dtype, count, size in (('a', 'F16', 3, 6),
                                                ('b', 'F32', 5, 20))
            }, dict(layer='0'), 'layer')
        found = load_file(path)
        assert found['a'].tolist() == [0, 1, 2]
        assert found['b'].tolist() == [0, 1, 2, 3, 4]
        assert found['b'].data_ptr() % 4 == 0

    def test_layer_of_another_family(self, bert, tmp_path, hub):
        bert.save_pretrained(tmp_path / 'bert')
        hub.add('someone/bert', tmp_path / 'bert')
        same(
            read_blocks('hf://someone/bert', (0, 2)),
            read_blocks(str(tmp_path / 'bert'), (0, 2)))

    def test_random_block_needs_the_configuration_alone(self, folder, hub):
        hub.add(REPO, folder)
        layer = FrozenLLMLayer(8, CHECKPOINT, init='random')
        assert layer.geometry.width == 128
        assert hub.served['cdn'] == 0

    def test_extracted_file(self, folder, hub, tmp_path):
        hub.add(REPO, folder)
        path = tmp_path / 'block.safetensors'
        extract_blocks(CHECKPOINT, path, (5, ))
        same(read_blocks(str(path), (5, )), read_blocks(str(folder), (5, )))


class TestWholeFilesWhereNeeded:

    @pytest.mark.parametrize('change', [to_bin, split_bin])
    def test_bin(self, change, small, hub, caplog):
        change(small)
        hub.add('someone/small', small)
        wanted = read_blocks(str(small), (1, ))
        with caplog.at_level(logging.WARNING):
            same(read_blocks('hf://someone/small', (1, )), wanted)
        assert 'no safetensors' in caplog.text
        files = [small / 'pytorch_model.bin']
        if change is not to_bin:
            files = [small / 'shard-1.bin', small / 'shard-rest.bin']
        size = sum(file.stat().st_size for file in files)
        assert all(file.name in caplog.text for file in files)
        assert f'{size:,} bytes' in caplog.text
        assert hub.served['cdn'] == size
        hub.forget()
        same(read_blocks('hf://someone/small', (1, )), wanted)
        assert hub.served['cdn'] == 0

    def test_pickled_code_is_not_run(self, small, hub, tmp_path):
        class Payload:

            def __reduce__(self):
                return open, (str(tmp_path / 'owned'), 'w')

        (small / 'model.safetensors').unlink()
        torch.save(dict(x=Payload()), small / 'pytorch_model.bin')
        hub.add(REPO, small)
        with pytest.raises(CheckpointError, match='could run code'):
            read_blocks(CHECKPOINT)
        assert not (tmp_path / 'owned').exists()

    def test_meta(self, llama, tmp_path, hub):
        write_meta(llama, tmp_path / 'meta', shards=2)
        hub.add('someone/meta', tmp_path / 'meta')
        wanted = read_blocks(str(tmp_path / 'meta'), (1, ))
        same(read_blocks('hf://someone/meta', (1, )), wanted)
        hub.forget()
        same(read_blocks('hf://someone/meta', (1, )), wanted)
        assert hub.served['cdn'] == 0

    def test_server_without_ranges(self, folder, hub, caplog):
        """The shards of the layer are downloaded, and their size is said."""
        hub.add(REPO, folder)
        hub.ranges = False
        with caplog.at_level(logging.WARNING):
            found = read_blocks(CHECKPOINT, (0, ))
        same(found, read_blocks(str(folder), (0, )))
        assert 'does not serve parts' in caplog.text
        names = {path.name for path in folder.glob('*.safetensors')}
        told = {name for name in names if name in caplog.text}
        size = sum((folder / name).stat().st_size for name in told)
        assert told < names and f'{size:,} bytes' in caplog.text

    def test_shards_that_another_program_downloaded(self, folder, hub):
        hub.add(REPO, folder)
        download(REPO, hub)
        hub.forget()
        same(
            read_blocks(CHECKPOINT, (2, )), read_blocks(str(folder), (2, )))
        assert hub.served['cdn'] == 0


class TestRevisions:

    def test_tag_and_commit(self, folder, small, hub):
        old = hub.add(REPO, folder, tags=('main', 'v1'))
        wanted = read_blocks(str(folder), (1, ))
        for revision in ('main', 'v1', old.commit):
            same(read_blocks(f'{CHECKPOINT}@{revision}', (1, )), wanted)
        hub.forget()
        read_blocks(f'{CHECKPOINT}@{old.commit}', (1, ))
        assert not hub.requests  # a commit never changes

    def test_branch_that_moved(self, folder, small, hub):
        hub.add(REPO, folder)
        before = read_blocks(CHECKPOINT, (1, )).identity().sha256
        hub.add(REPO, small)
        after = read_blocks(CHECKPOINT, (1, )).identity().sha256
        assert after != before
        assert after == read_blocks(str(small), (1, )).identity().sha256


class TestToken:

    def asked(self, hub, host):
        return {r.token for r in hub.requests if r.host == host}

    @pytest.mark.parametrize('place', ['environment', 'file'])
    def test_goes_to_the_hub_alone(self, place, folder, hub, monkeypatch):
        hub.add(REPO, folder, gated=True)
        hub.accounts['hf_secret'] = (REPO, )
        if place == 'environment':
            monkeypatch.setenv('HF_TOKEN', 'hf_secret')
        else:
            path = Path(hub_library.constants.HF_TOKEN_PATH)
            path.parent.mkdir(parents=True)
            path.write_text('hf_secret')
        same(
            read_blocks(CHECKPOINT, (1, )), read_blocks(str(folder), (1, )))
        assert self.asked(hub, 'hub') == {'hf_secret'}
        assert self.asked(hub, 'cdn') == {None}

    def test_none_is_sent_without_one(self, folder, hub):
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (1, ))
        assert self.asked(hub, 'hub') | self.asked(hub, 'cdn') == {None}


class TestOffline:

    @pytest.fixture()
    def offline(self, monkeypatch):
        def turn() -> None:
            monkeypatch.setattr(hub_library.constants, 'HF_HUB_OFFLINE', True)

        return turn

    def test_layer_in_the_cache(self, folder, hub, offline):
        hub.add(REPO, folder)
        wanted = read_blocks(CHECKPOINT, (3, ))
        offline()
        hub.forget()
        same(read_blocks(CHECKPOINT, (3, )), wanted)
        assert not hub.requests
        with pytest.raises(CheckpointNotFoundError,
                           match='HF_HUB_OFFLINE is set.*not in the cache'):
            read_blocks(CHECKPOINT, (4, ))

    def test_model_in_the_cache(self, folder, hub, offline):
        hub.add(REPO, folder)
        download(REPO, hub)
        offline()
        same(
            read_blocks(CHECKPOINT, (2, )), read_blocks(str(folder), (2, )))

    def test_meta_in_the_cache(self, llama, tmp_path, hub, offline):
        write_meta(llama, tmp_path / 'meta')
        hub.add('someone/meta', tmp_path / 'meta')
        wanted = read_blocks('hf://someone/meta', (1, ))
        offline()
        same(read_blocks('hf://someone/meta', (1, )), wanted)

    def test_nothing_in_the_cache(self, folder, hub, offline):
        hub.add(REPO, folder)
        offline()
        with pytest.raises(CheckpointNotFoundError) as caught:
            read_blocks(CHECKPOINT)
        for part in (CHECKPOINT, 'HF_HUB_OFFLINE=0',
                     hub_library.constants.HF_HUB_CACHE, '--local-dir'):
            assert part in str(caught.value)
        assert not hub.requests

    def test_no_network_but_in_the_cache(self, folder, hub, monkeypatch):
        hub.add(REPO, folder)
        wanted = read_blocks(CHECKPOINT, (3, ))
        close_network(monkeypatch)
        same(read_blocks(CHECKPOINT, (3, )), wanted)


def close_network(monkeypatch) -> None:
    """From now on the hub is a port where nobody listens."""
    url = 'http://127.0.0.1:9'
    constants = hub_library.constants
    monkeypatch.setattr(constants, 'ENDPOINT', url)
    monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE',
                        url + '/{repo_id}/resolve/{revision}/{filename}')
    monkeypatch.setattr('time.sleep', lambda seconds: None)


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
        path.write_text(json.dumps({**values, 'model_type': 'mamba'}))
        hub.add(REPO, small)
        with pytest.raises(CheckpointError, match="'mamba'.*known:.*llama"):
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


class TestTransfer:
    """A transfer that goes wrong ends right, or in an error; never a file."""

    @pytest.fixture(autouse=True)
    def no_pause(self, monkeypatch):
        monkeypatch.setattr('lm4ve_mm.llm.hub.ranges.PAUSE', 0.0)

    def layer_files(self):
        return list(
            Path(hub_library.constants.HF_ASSETS_CACHE).rglob(
                '*.safetensors*'))

    def test_broken_connection_is_resumed(self, folder, hub):
        hub.add(REPO, folder)
        # After the headers of two shards, 100,000 bytes twice, then none.
        hub.cuts = [1 << 20, 1 << 20, 100_000, 100_000, 0]
        same(
            read_blocks(CHECKPOINT, (0, )), read_blocks(str(folder), (0, )))
        assert not hub.cuts
        begun = [int(request.range.split('=')[1].split('-')[0])
                 for request in hub.requests if request.host == 'cdn']
        # One range, gone on with from where it broke; nothing came twice.
        first = begun[2]
        assert begun[3:6] == [first + 100_000] + [first + 200_000] * 2
        assert hub.served['cdn'] <= (layer_bytes(folder, 0) + 512 +
                                      2 * (1 << 16))

    def test_connection_that_always_breaks(self, folder, hub):
        hub.add(REPO, folder)
        hub.cuts = [1 << 20] + [0] * 100
        with pytest.raises(CheckpointError,
                           match='5 times in a row with .* bytes still'):
            read_blocks(CHECKPOINT, (0, ))
        assert not self.layer_files()
        hub.cuts = []
        same(
            read_blocks(CHECKPOINT, (0, )), read_blocks(str(folder), (0, )))

    @pytest.mark.parametrize('shift', [8, -8])
    def test_other_bytes_than_asked_for(self, shift, folder, hub):
        hub.add(REPO, folder)
        hub.shift = shift
        with pytest.raises(CheckpointError,
                           match='were asked for, the server sent bytes '):
            read_blocks(CHECKPOINT, (0, ))
        assert not self.layer_files()

    def test_truncated_upload(self, small, hub):
        path = small / 'model.safetensors'
        path.write_bytes(path.read_bytes()[:-100])
        hub.add(REPO, small)
        with pytest.raises(CheckpointError, match='its header tells of'):
            read_blocks(CHECKPOINT, (0, ))

    def test_file_of_another_kind(self, small, hub):
        (small / 'model.safetensors').write_bytes(b'<html>' * 100)
        hub.add(REPO, small)
        with pytest.raises(CheckpointError, match='no safetensors file'):
            read_blocks(CHECKPOINT, (0, ))

    def test_damaged_layer_file_is_named(self, folder, hub):
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (0, ))
        path, = self.layer_files()
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(CheckpointError, match='layer-0.safetensors.*trun'):
            read_blocks(CHECKPOINT, (0, ))


class TestProcesses:
    """Variables of the environment, in processes of their own."""

    def start(self, hub, tmp_path, code, **environment):
        own = dict(
            os.environ,
            HF_ENDPOINT=hub.url,
            HF_HOME=str(tmp_path / 'own-home'),
            NO_PROXY='*',
            **environment)
        for name in ('HF_HUB_CACHE', 'HF_ASSETS_CACHE'):
            own.pop(name, None)
        return subprocess.Popen([sys.executable, '-c', code],
                                env=own,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE,
                                text=True)

    def finish(self, process):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip()

    READ = ('from lm4ve_mm.llm import read_blocks; '
            f'print(read_blocks("{CHECKPOINT}", (3,)).identity().sha256)')

    def test_ranks_that_start_together(self, folder, hub, tmp_path):
        hub.add(REPO, folder)
        hub.delay = 0.3  # the slower the transfer, the more they overlap
        ranks = [self.start(hub, tmp_path, self.READ) for _ in range(2)]
        wanted = read_blocks(str(folder), (3, )).identity().sha256
        assert [self.finish(rank) for rank in ranks] == [wanted] * 2
        assert hub.served['cdn'] < 1.3 * layer_bytes(folder, 3) + (1 << 17)

    def test_environment(self, folder, hub, tmp_path):
        hub.add(REPO, folder, gated=True)
        hub.accounts['hf_secret'] = (REPO, )
        wanted = read_blocks(str(folder), (3, )).identity().sha256
        found = self.finish(
            self.start(hub, tmp_path, self.READ, HF_TOKEN='hf_secret'))
        assert found == wanted
        home = tmp_path / 'own-home'
        assert list(home.rglob('layer-3.safetensors'))
        shutil.rmtree(home / 'assets')
        hub.forget()
        process = self.start(hub, tmp_path, self.READ, HF_HUB_OFFLINE='1')
        assert 'HF_HUB_OFFLINE is set' in process.communicate()[1]
        assert process.returncode == 1 and not hub.requests

    def test_library_is_imported_only_for_the_hub(self, hub, tmp_path):
        code = ('import sys; sys.modules["huggingface_hub"] = None\n'
                'from lm4ve_mm.llm import CheckpointError, read_blocks\n'
                f'try: read_blocks("{CHECKPOINT}")\n'
                'except CheckpointError as error: print(error)')
        found = self.finish(self.start(hub, tmp_path, code))
        assert "pip install 'lm4ve_mm[hf]'" in found and CHECKPOINT in found
