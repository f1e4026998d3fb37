"""Files that are not what they seem: told apart, refused with the way out."""

import json
import os

import pytest
import torch

from lm4ve_mm.llm import (
    CheckpointError,
    CheckpointNotFoundError,
    FrozenLLMLayer,
    read_blocks,
)

from .conftest import llama_config, randomise, transformers
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
