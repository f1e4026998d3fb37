"""One layer is fetched, once; whole files where nothing less will do."""

import json
import logging
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import CheckpointError, FrozenLLMLayer, read_blocks
from lm4ve_mm.llm.weights.extract import extract_blocks

from ..conftest import write_meta
from ..test_checkpoint import to_bin
from .conftest import (
    CHECKPOINT,
    NUM_LAYERS,
    REPO,
    download,
    layer_bytes,
    same,
    split_bin,
)


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
        # The header and its length; the layer, whose tensors are
        # neighbours; the norm.
        assert sum(request.host == 'cdn' for request in hub.requests) == 4

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
        for file in Path(huggingface_hub.constants.HF_ASSETS_CACHE).rglob(
                '*.safetensors'):
            for tensor in load_file(file).values():
                assert tensor.data_ptr() % tensor.element_size() == 0

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
