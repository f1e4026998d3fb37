"""Settings and pickles with anything in them: an error, never a crash."""

import json
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import CheckpointError, read_blocks

from .test_checkpoint import edit_config, split, to_bin
from .test_foreign_files import refused


class TestJson:

    def test_mark_of_windows(self, llama_folder):
        path = llama_folder / 'config.json'
        path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
        read_blocks(str(llama_folder))

    @pytest.mark.parametrize('text', [
        '[]', 'null', '3', '"llama"', '{', '[' * 100_000, '\xff'])
    @pytest.mark.parametrize('file', ['config.json',
                                      'model.safetensors.index.json'])
    def test_no_dictionary(self, file, text, llama_folder):
        split(llama_folder)
        (llama_folder / file).write_bytes(text.encode('latin-1'))
        assert str(llama_folder / file) in refused(llama_folder, '')

    @pytest.mark.parametrize('weight_map', [None, [], {'a': 3}], ids=str)
    def test_index_without_files(self, weight_map, llama_folder):
        split(llama_folder)
        (llama_folder / 'model.safetensors.index.json').write_text(
            json.dumps(dict(weight_map=weight_map)))
        refused(llama_folder, 'weight_map')

    @pytest.mark.parametrize('key, value', [
        ('num_attention_heads', None), ('num_attention_heads', 4.5),
        ('num_hidden_layers', None), ('num_hidden_layers', True),
        ('num_key_value_heads', 0), ('num_key_value_heads', 3),
        ('hidden_size', '48'), ('rms_norm_eps', None), ('rms_norm_eps', 'x'),
        ('rope_parameters', [1]), ('hidden_act', ['silu']),
        ('attention_bias', 'no'), ('model_type', None), ('model_type', [])],
        ids=str)
    def test_value_that_makes_no_sense(self, key, value, llama_folder):
        edit_config(llama_folder, **{key: value})
        text = refused(llama_folder,
                       f'config.json.*({key}|num_kv_heads)')
        assert str(llama_folder) in text

    @pytest.mark.parametrize('layers', ['last', '-1', ('-1', ), 1.5, (True, ),
                                        None])
    def test_layers_that_are_no_indices(self, layers, llama_folder):
        with pytest.raises(CheckpointError, match='give a list of indices'):
            read_blocks(str(llama_folder), layers)


def raw_pickle(path, data):
    """A file of torch.save with a pickle of our own in it."""
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('archive/data.pkl', b'\x80\x02' + data + b'.')
        file.writestr('archive/version', '3\n')
        file.writestr('archive/byteorder', 'little')


TUPLES = b'(' * 200_000 + b't' * 200_000


class TestPickles:

    @pytest.mark.parametrize('make', [
        lambda state: list(state.values()), lambda state: torch.ones(3),
        lambda state: None, lambda state: dict(enumerate(state.values())),
        lambda state: {n: t.to_sparse() for n, t in state.items()},
        lambda state: {n: t.to('meta') for n, t in state.items()},
        lambda state: dict.fromkeys(state, 3)],
        ids=['list', 'tensor', 'None', 'numbers as names', 'sparse', 'meta',
             'numbers as weights'])
    def test_no_state_dict(self, make, llama_folder):
        to_bin(llama_folder)
        path = llama_folder / 'pytorch_model.bin'
        torch.save(make(torch.load(path)), path)
        refused(llama_folder, 'state dict|dictionary|plain values')

    def test_nested_without_end(self, warm_python, tmp_path):
        """In a process of its own, which it must not end."""
        files = [tmp_path / f'{i}.pth' for i in range(4)]
        for file, data in zip(files, (
                TUPLES, b'}' + TUPLES + b'K\x01s',  # as a key
                b'}]' + b'\x85' * 200_000 + b'K\x01s',  # around a list
                b'c__builtin__\nset\n(](' + TUPLES + b'etR'), strict=True):
            raw_pickle(file, data)
        code = ('import sys\n'
                'from lm4ve_mm.llm import CheckpointError, read_blocks\n'
                'for path in sys.argv[1:]:\n'
                '    try: read_blocks(path)\n'
                '    except CheckpointError as error: print(error)')
        found = warm_python('torch').run(code, *files)
        assert found.returncode == 0, found.returncode
        assert found.stdout.count('nested more than 100 deep') == 4

    def test_ordinary_nesting_is_read(self, llama_folder):
        """Optimisers and arguments lie beside the weights of many."""
        to_bin(llama_folder)
        path = llama_folder / 'pytorch_model.bin'
        extra = [0]
        for _ in range(50):
            extra = [extra, (1, (2, (3, )))]
        torch.save({**torch.load(path), 'state': extra}, path)
        read_blocks(str(llama_folder))

    def test_fault_of_the_reader(self, llama_folder):
        to_bin(llama_folder)
        raw_pickle(llama_folder / 'pytorch_model.bin',
                   pickle.dumps(3)[2:-1] + b'Q')
        refused(llama_folder, 'pytorch_model.bin')


def test_parameters_are_read_as_tensors(llama_folder):
    wanted = read_blocks(str(llama_folder)).identity()
    tensors = load_file(llama_folder / 'model.safetensors')
    to_bin(llama_folder)
    torch.save({n: torch.nn.Parameter(t) for n, t in tensors.items()},
               llama_folder / 'pytorch_model.bin')
    blocks = read_blocks(str(llama_folder))
    assert blocks.identity() == wanted
    assert not any(t.requires_grad for t in blocks.tensors[0].values())


def test_block_file_with_broken_metadata(llama_folder, tmp_path):
    path = tmp_path / 'block.safetensors'
    keys = ('format', 'family', 'source', 'layers', 'num_layers', 'geometry',
            'dtype', 'sha256')
    save_file({'x': torch.ones(1)}, path,
              dict.fromkeys(keys, '{') | dict(format='lm4ve_mm.block/1'))
    refused(path, 'metadata that cannot be read')
