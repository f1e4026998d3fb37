"""Every checkpoint source gives the same block; every fault is named."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import (
    CheckpointError,
    CheckpointNotFoundError,
    FrozenLLMLayer,
    read_blocks,
)
from lm4ve_mm.llm.weights.block_file import PUBLISHED_KEY
from lm4ve_mm.llm.weights.extract import extract_blocks

from .conftest import NUM_LAYERS, write_meta


def edit(folder, change, file='model.safetensors'):
    """Rewrite the weights after ``change(tensors)``."""
    tensors = load_file(folder / file)
    change(tensors)
    save_file(tensors, folder / file)


def edit_config(folder, **changes):
    path = folder / 'config.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def split(folder):
    """Turn model.safetensors into one shard per layer, and an index."""
    tensors = load_file(folder / 'model.safetensors')
    (folder / 'model.safetensors').unlink()
    weight_map = {}
    for name in tensors:
        part = name.split('.')[1] if 'layers.' in name else 'rest'
        weight_map[name] = f'shard-{part}.safetensors'
    for file in set(weight_map.values()):
        save_file({n: t for n, t in tensors.items() if weight_map[n] == file},
                  folder / file)
    (folder / 'model.safetensors.index.json').write_text(
        json.dumps(dict(weight_map=weight_map)))


def to_bin(folder):
    tensors = load_file(folder / 'model.safetensors')
    (folder / 'model.safetensors').unlink()
    torch.save(tensors, folder / 'pytorch_model.bin')


class TestSources:
    """One model in every form has one digest and one function."""

    @pytest.fixture()
    def wanted(self, llama, tmp_path):
        llama.save_pretrained(tmp_path / 'wanted')
        return read_blocks(str(tmp_path / 'wanted'), (1, ))

    def check(self, path, wanted, layers=(1, )):
        found = read_blocks(str(path), layers)
        assert found.identity().sha256 == wanted.identity().sha256
        assert found.layers == (1, ) and found.family == 'llama'
        assert found.geometry.to_dict() | dict(rope_theta=0) == \
            wanted.geometry.to_dict() | dict(rope_theta=0)
        torch.testing.assert_close(found.final_norm, wanted.final_norm)

    @pytest.mark.parametrize('change', [split, to_bin])
    def test_hugging_face_forms(self, change, llama_folder, wanted):
        change(llama_folder)
        self.check(llama_folder, wanted)

    def test_prefix_of_a_causal_model(self, llama_folder, wanted):
        def prefix(tensors):
            for name in list(tensors):
                tensors[f'model.{name}'] = tensors.pop(name)

        edit(llama_folder, prefix)
        self.check(llama_folder, wanted)

    @pytest.mark.parametrize('shards', [1, 2, 4])
    def test_meta_with_shards(self, shards, llama, wanted, tmp_path):
        write_meta(llama, tmp_path / 'meta', shards)
        self.check(tmp_path / 'meta', wanted)

    def test_meta_grouped_and_sharded(self, grouped_llama, tmp_path):
        grouped_llama.save_pretrained(tmp_path / 'hf')
        write_meta(grouped_llama, tmp_path / 'meta', shards=2)
        digests = {
            read_blocks(str(tmp_path / kind)).identity().sha256
            for kind in ('hf', 'meta')
        }
        assert len(digests) == 1

    @pytest.mark.parametrize('source', ['llama_folder', 'meta_folder'])
    def test_extracted_file(self, source, wanted, request, tmp_path):
        folder = request.getfixturevalue(source)
        path = tmp_path / 'block.safetensors'
        extract_blocks(str(folder), path, layers=(1, ))
        shutil.rmtree(folder)
        self.check(path, wanted)
        self.check(path, wanted, (1 - NUM_LAYERS, ))

    def test_negative_index_counts_from_the_end(self, llama_folder):
        assert read_blocks(str(llama_folder)).layers == (NUM_LAYERS - 1, )

    def test_bert_names_of_old_tensorflow_files(self, bert, tmp_path):
        bert.save_pretrained(tmp_path)
        before = read_blocks(str(tmp_path)).identity().sha256

        def rename(tensors):
            for name in list(tensors):
                old = name.replace('LayerNorm.weight', 'LayerNorm.gamma')
                old = old.replace('LayerNorm.bias', 'LayerNorm.beta')
                tensors[f'bert.{old}'] = tensors.pop(name)

        edit(tmp_path, rename)
        assert read_blocks(str(tmp_path)).identity().sha256 == before


class TestOnlyTheLayerIsRead:

    def test_other_layers_may_be_broken(self, llama_folder):
        def spoil(tensors):
            for name, tensor in tensors.items():
                if 'layers.0.' in name:
                    tensor.fill_(float('nan'))

        edit(llama_folder, spoil)
        read_blocks(str(llama_folder), (1, ))
        with pytest.raises(CheckpointError, match='NaN'):
            read_blocks(str(llama_folder), (0, ))

    def test_other_shards_may_be_absent(self, llama_folder):
        split(llama_folder)
        (llama_folder / 'shard-0.safetensors').unlink()
        read_blocks(str(llama_folder), (1, ))
        with pytest.raises(CheckpointNotFoundError,
                           match='shard-0.safetensors is missing'):
            read_blocks(str(llama_folder), (0, ))


class TestFaults:
    """Each error names what was given, why it fails, what would work."""

    def test_nothing_there(self, tmp_path):
        path = tmp_path / 'llama-7b'
        with pytest.raises(CheckpointNotFoundError) as caught:
            read_blocks(str(path), obtain='hf download someone/llama-7b')
        for part in (str(path), 'hf download someone/llama-7b', 'random',
                     'extract_llm_block.py', '--cfg-options'):
            assert part in str(caught.value)

    def test_folder_of_something_else(self, tmp_path):
        (tmp_path / 'notes.txt').write_text('hello')
        with pytest.raises(CheckpointNotFoundError, match='notes.txt'):
            read_blocks(str(tmp_path))

    def test_configuration_without_weights(self, llama_folder):
        (llama_folder / 'model.safetensors').unlink()
        with pytest.raises(CheckpointNotFoundError, match='no weights'):
            read_blocks(str(llama_folder))

    @pytest.mark.parametrize('file', ['model.safetensors', 'config.json'])
    def test_truncated_hugging_face_file(self, file, llama_folder):
        path = llama_folder / file
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(CheckpointError, match='fetch it again'):
            read_blocks(str(llama_folder))

    @pytest.mark.parametrize('left', [0.5, 0.99])
    def test_truncated_meta_shard(self, left, meta_folder):
        path = meta_folder / 'consolidated.00.pth'
        data = path.read_bytes()
        path.write_bytes(data[:int(left * len(data))])
        with pytest.raises(CheckpointError, match='truncated'):
            read_blocks(str(meta_folder))

    def test_pickled_code_is_not_run(self, meta_folder, tmp_path):
        class Payload:

            def __reduce__(self):
                return open, (str(tmp_path / 'owned'), 'w')

        torch.save(dict(x=Payload()), meta_folder / 'consolidated.00.pth')
        with pytest.raises(CheckpointError, match='could run code'):
            read_blocks(str(meta_folder))
        assert not (tmp_path / 'owned').exists()

    @pytest.mark.parametrize('layer', [NUM_LAYERS, -NUM_LAYERS - 1])
    def test_layer_out_of_range(self, layer, llama_folder):
        with pytest.raises(CheckpointError, match=r'has 3 layers, -3\.\.2'):
            read_blocks(str(llama_folder), (layer, ))

    @pytest.mark.parametrize('layers', [(), 1, (1, 1), (1, -2)], ids=str)
    def test_layers_that_make_no_list(self, layers, llama_folder):
        with pytest.raises(CheckpointError, match='layers='):
            read_blocks(str(llama_folder), layers)

    def test_unknown_family(self, llama_folder):
        edit_config(llama_folder, model_type='fancy')
        with pytest.raises(CheckpointError) as caught:
            read_blocks(str(llama_folder))
        for part in ("'fancy'", 'bert', 'llama', 'families.py'):
            assert part in str(caught.value)

    def test_unknown_activation(self, llama_folder):
        edit_config(llama_folder, hidden_act='xielu')
        with pytest.raises(CheckpointError, match='xielu'):
            read_blocks(str(llama_folder))

    def test_incomplete_configuration(self, llama_folder):
        path = llama_folder / 'config.json'
        values = json.loads(path.read_text())
        del values['intermediate_size']
        path.write_text(json.dumps(values))
        with pytest.raises(CheckpointError, match='intermediate_size'):
            read_blocks(str(llama_folder))

    def test_width_that_the_weights_do_not_have(self, llama_folder):
        edit_config(llama_folder, intermediate_size=64)
        with pytest.raises(CheckpointError,
                           match=r'\(96, 48\).*asks for \(64, 48\)'):
            read_blocks(str(llama_folder))

    def test_tensor_missing(self, llama_folder):
        edit(llama_folder,
             lambda t: t.pop('layers.2.self_attn.v_proj.weight'))
        with pytest.raises(CheckpointError, match='v_proj.weight is missing'):
            read_blocks(str(llama_folder))

    def test_tensor_left_over(self, llama_folder):
        """A layer with key norms is not a LLaMA layer: do not drop them."""
        edit(llama_folder, lambda t: t.update(
            {'layers.2.self_attn.k_norm.weight': torch.ones(12)}))
        with pytest.raises(CheckpointError, match='k_norm.weight'):
            read_blocks(str(llama_folder))

    def test_constant_table_of_old_files_is_no_left_over(self, llama_folder):
        edit(llama_folder, lambda t: t.update(
            {'layers.2.self_attn.rotary_emb.inv_freq': torch.ones(6)}))
        read_blocks(str(llama_folder))

    def test_overflow_of_a_narrow_type(self, llama_folder):
        edit(llama_folder, lambda t: t[
            'layers.2.mlp.up_proj.weight'].fill_(1e5))
        with pytest.raises(CheckpointError, match='overflows'):
            read_blocks(str(llama_folder), dtype='float16')

    def test_unknown_storage_type(self, llama_folder):
        with pytest.raises(CheckpointError, match='int4'):
            read_blocks(str(llama_folder), dtype='int4')


class TestBlockFile:

    @pytest.fixture()
    def path(self, llama_folder, tmp_path):
        extract_blocks(str(llama_folder), tmp_path / 'b.safetensors', (1, ))
        return tmp_path / 'b.safetensors'

    def test_metadata_identifies(self, path, llama_folder):
        block = read_blocks(str(path), (1, ))
        assert block.source == 'llama' and block.num_layers == NUM_LAYERS
        assert block.dtype == 'float32'

    def test_sha256_of_the_whole_model_does_not_apply(self, path):
        with pytest.raises(CheckpointError, match='file_sha256=None'):
            read_blocks(str(path), (1, ), file_sha256='0' * 64)

    def test_layer_that_it_does_not_hold(self, path):
        with pytest.raises(CheckpointError, match=r'set layers=\(1,\)'):
            read_blocks(str(path), (2, ))

    def test_flipped_bit_is_noticed(self, path):
        data = bytearray(path.read_bytes())
        data[-7] ^= 1
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match='damaged or edited'):
            read_blocks(str(path), (1, ))

    def test_smaller_type(self, llama_folder, tmp_path):
        out = tmp_path / 'half.safetensors'
        extract_blocks(str(llama_folder), out, dtype='float16')
        half = read_blocks(str(out))
        full = read_blocks(str(llama_folder), dtype='float16')
        assert half.dtype == 'float16'
        assert half.identity() == full.identity()

    def test_failed_write_leaves_the_old_file(self, path, llama_folder,
                                              monkeypatch):
        before = path.read_bytes()

        def interrupted(tensors, name, **kwargs):
            with open(name, 'wb') as stream:
                stream.write(b'half of it')
            raise KeyboardInterrupt

        monkeypatch.setattr(
            'lm4ve_mm.llm.weights.block_file.save_file', interrupted)
        with pytest.raises(KeyboardInterrupt):
            extract_blocks(str(llama_folder), path, (0, ))
        assert path.read_bytes() == before
        assert [p for p in path.parent.iterdir() if p.is_file()] == [path]

    def test_checkpoint_without_a_block(self, tmp_path):
        torch.save(dict(state_dict={}), tmp_path / 'plain.pth')
        with pytest.raises(CheckpointError, match='--with-llm'):
            FrozenLLMLayer(8, str(tmp_path / 'plain.pth'))
        assert PUBLISHED_KEY == 'frozen_llm'
