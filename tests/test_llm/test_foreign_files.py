"""Files that are not what they seem: told apart, refused with the way out."""

import json
import os
import pickle
import subprocess
import sys
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import (CheckpointError, CheckpointNotFoundError,
                          FrozenLLMLayer, read_blocks)

from .conftest import randomise, transformers, llama_config
from .test_checkpoint import edit, edit_config, split, to_bin

WAY_OUT = 'quantised.*unquantised checkpoint that it was made from'
POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:46\nsize 9\n'


def refused(path, match):
    with pytest.raises(CheckpointError, match=f'(?s){match}') as caught:
        read_blocks(str(path), (1, ))
    return str(caught.value)


class TestQuantised:

    @pytest.mark.parametrize('config, method', [
        (dict(quantization_config=dict(quant_method='gptq', bits=4)), 'gptq'),
        (dict(quantization_config=dict(load_in_4bit=True)), 'bitsandbytes'),
        (dict(quantization_config=dict(w_bit=4, version='GEMM')), 'w_bit=4'),
        (dict(quantization=dict(group_size=64, bits=4)), 'group_size=64'),
        (dict(compression_config=dict(format='pack')), 'format'),
        (dict(text_config=dict(quantization_config=dict(
            quant_method='compressed-tensors'))), 'compressed-tensors'),
    ], ids=str)
    def test_by_its_configuration(self, config, method, llama_folder):
        """Before any weight is read: the file is not even opened."""
        edit_config(llama_folder, **config)
        (llama_folder / 'model.safetensors').write_bytes(b'garbage')
        refused(llama_folder, f'is quantised .*{method}.*unquantised')

    def test_configuration_that_says_nothing(self, llama_folder):
        edit_config(llama_folder, quantization_config=None,
                    audio_config=dict(quantization=dict(codebooks=8)))
        read_blocks(str(llama_folder))

    def test_geometry_alone_may_come_from_it(self, llama_folder):
        edit_config(llama_folder, quantization_config=dict(bits=4))
        FrozenLLMLayer(8, str(llama_folder), init='random')

    @pytest.mark.parametrize('file', [
        'quantize_config.json', 'hf_quant_config.json', 'fp8_scales_0.pt'])
    def test_by_a_file_beside_it(self, file, llama_folder):
        (llama_folder / file).write_text('{}')
        refused(llama_folder, WAY_OUT)

    @pytest.mark.parametrize('end', [
        'mlp.up_proj.qweight', 'mlp.up_proj.weight.absmax',
        'mlp.up_proj.weight.quant_state.bitsandbytes__nf4', 'mlp.up_proj.SCB',
        'mlp.up_proj.biases', 'mlp.up_proj.weight_scale_inv',
        'mlp.up_proj.weight_packed', 'mlp.up_proj.codebooks',
        'mlp.experts.down_proj_blocks',
        'self_attn.k_scale'])
    def test_by_names_in_the_layer(self, end, llama_folder):
        edit(llama_folder, lambda t: t.update(
            {f'layers.1.{end}': torch.ones(3)}))
        refused(llama_folder, WAY_OUT)

    @pytest.mark.parametrize('form', ['safetensors', 'bin'])
    @pytest.mark.parametrize('dtype', [
        torch.int8, torch.uint8, torch.bool, torch.int64,
        torch.float8_e4m3fn, torch.float8_e5m2], ids=str)
    def test_by_the_type_of_a_weight(self, dtype, form, llama_folder):
        name = 'layers.1.mlp.up_proj.weight'
        edit(llama_folder, lambda t: t.update({name: t[name].to(dtype)}))
        if form == 'bin':
            to_bin(llama_folder)
        assert name in refused(llama_folder, WAY_OUT)

    def test_other_layers_do_not_count(self, llama_folder):
        edit(llama_folder, lambda t: t.update({
            'layers.0.mlp.up_proj.weight': torch.ones(96, 48).to(torch.int8),
            'layers.0.mlp.up_proj.scales': torch.ones(1)}))
        read_blocks(str(llama_folder), (1, ))


class TestWhichFileIsRead:
    """The one that transformers reads."""

    @pytest.fixture()
    def folders(self, tmp_path):
        """Two models of one shape, and a value that tells them apart."""
        for seed, name in enumerate(('old', 'new')):
            model = randomise(transformers.LlamaModel(llama_config()), seed)
            model.save_pretrained(tmp_path / name)
        return tmp_path / 'old', tmp_path / 'new'

    def check(self, found, wanted):
        assert (read_blocks(str(found)).identity().sha256 ==
                read_blocks(str(wanted)).identity().sha256)

    def test_one_file_beside_an_old_index(self, folders):
        old, new = folders
        split(old)
        (old / 'model.safetensors').write_bytes(
            (new / 'model.safetensors').read_bytes())
        self.check(old, new)

    def test_safetensors_before_bin(self, folders):
        old, new = folders
        to_bin(old)
        (old / 'model.safetensors').write_bytes(
            (new / 'model.safetensors').read_bytes())
        self.check(old, new)

    def test_file_that_the_configuration_names(self, folders):
        old, new = folders
        (old / 'hf.safetensors').write_bytes(
            (new / 'model.safetensors').read_bytes())
        edit_config(old, transformers_weights='hf.safetensors')
        self.check(old, new)
        (old / 'hf.safetensors').unlink()
        with pytest.raises(CheckpointNotFoundError, match='hf.safetensors'):
            read_blocks(str(old))

    @pytest.mark.parametrize('file', ['../x.safetensors', 'x.bin', 3,
                                      '/x.safetensors'])
    def test_named_file_of_another_kind(self, file, llama_folder):
        edit_config(llama_folder, transformers_weights=file)
        refused(llama_folder, 'transformers_weights=.*same folder')


class TestFoundInstead:

    @pytest.mark.parametrize('file', ['model.safetensors', 'pytorch_model.bin',
                                      'config.json'])
    @pytest.mark.parametrize('content, words', [
        (POINTER, 'Git LFS pointer.*git lfs pull'),
        ('<!DOCTYPE html><html>', 'a web page'), ('GGUF' * 9, 'GGUF'),
        ('', 'is empty')])
    def test_content(self, file, content, words, llama_folder):
        if file == 'pytorch_model.bin':
            to_bin(llama_folder)
        (llama_folder / file).write_text(content)
        assert file in refused(llama_folder, words)

    def test_adapter(self, llama_folder, tmp_path, caplog):
        adapter = tmp_path / 'adapter'
        adapter.mkdir()
        (adapter / 'adapter_config.json').write_text(
            json.dumps(dict(base_model_name_or_path='someone/base')))
        refused(adapter, 'adapter.*Merge it into its base model')
        config = llama_folder / 'adapter_config.json'
        config.write_bytes((adapter / 'adapter_config.json').read_bytes())
        read_blocks(str(llama_folder))
        assert 'adapter, which is not applied' in caplog.text
        (llama_folder / 'model.safetensors').unlink()
        refused(llama_folder, 'adapter.*Merge it into its base model')

    @pytest.mark.parametrize('file', ['config.json', 'pytorch_model.bin',
                                      'model.safetensors'])
    def test_file_in_the_place_of_its_folder(self, file, llama_folder):
        if file == 'pytorch_model.bin':
            to_bin(llama_folder)
        refused(llama_folder / file, 'folder')

    @pytest.mark.parametrize('file', ['model.safetensors', 'config.json'])
    def test_broken_link(self, file, llama_folder):
        """As a cache that was copied without its blobs has them."""
        (llama_folder / file).unlink()
        (llama_folder / file).symlink_to('../../blobs/0123')
        with pytest.raises(CheckpointNotFoundError,
                           match=rf'{file} \(a broken link\)'):
            read_blocks(str(llama_folder))

    def test_gguf_folder(self, llama_folder):
        (llama_folder / 'model.safetensors').rename(llama_folder / 'a.gguf')
        with pytest.raises(CheckpointNotFoundError, match='GGUF files are no'):
            read_blocks(str(llama_folder))

    def test_mistrals_own_form(self, meta_folder):
        path = meta_folder / 'params.json'
        params = json.loads(path.read_text())
        del params['multiple_of']
        path.write_text(json.dumps(dict(params, hidden_dim=96)))
        refused(meta_folder, "Mistral's own form.*config.json")

    @pytest.mark.skipif(os.name != 'posix' or os.getuid() != 0,
                        reason='the superuser changes into another one')
    @pytest.mark.parametrize('file', ['model.safetensors', 'config.json'])
    def test_no_permission(self, file, llama_folder):
        for path in (llama_folder, *llama_folder.parents):
            if str(path).startswith('/tmp/'):
                path.chmod(0o755)
        for path in llama_folder.iterdir():
            path.chmod(0o644)
        (llama_folder / file).chmod(0o600)
        pid = os.fork()
        if not pid:
            os.setuid(65534)
            try:
                read_blocks(str(llama_folder))
            except CheckpointError as error:
                os._exit(3 * ('permission' in str(error).lower()
                              and file in str(error)))
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3


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

    def test_nested_without_end(self, tmp_path):
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
        found = subprocess.run([sys.executable, '-c', code, *files],
                               capture_output=True, text=True)
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
