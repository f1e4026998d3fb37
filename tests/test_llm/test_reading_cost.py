"""Reading a layer maps it: little memory, shared pages, files untouched."""

import hashlib
import importlib.util
import json
import struct
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from lm4ve_mm.llm import CheckpointError, FrozenLLMLayer, read_blocks
from lm4ve_mm.llm.weights.blocks import store_as
from lm4ve_mm.llm.weights.extract import extract_blocks

from .test_checkpoint import split, to_bin

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(
    sys.platform != 'linux', reason='/proc is where Linux tells of memory')


@pytest.fixture(scope='module')
def tool():
    """tools/analysis_tools/benchmark_reading.py as a module."""
    path = ROOT / 'tools/analysis_tools/benchmark_reading.py'
    spec = importlib.util.spec_from_file_location('benchmark_reading', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mappings(path: Path):
    """Address ranges at which this process maps a file, and how."""
    for line in Path('/proc/self/maps').read_text().splitlines():
        words = line.split(maxsplit=5)
        if len(words) == 6 and words[5] == str(path.resolve()):
            begin, end = (int(text, 16) for text in words[0].split('-'))
            yield begin, end, words[1]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@LINUX
class TestMapping:

    def forms(self, form, folder, tmp_path):
        """Checkpoint to read, and the file that holds its layer 1."""
        if form == 'block file':
            path = tmp_path / 'block.safetensors'
            extract_blocks(str(folder), path, (1, ))
            return path, path
        if form == 'single':
            return folder, folder / 'model.safetensors'
        dict(shards=split, bin=to_bin)[form](folder)
        file = dict(shards='shard-1.safetensors', bin='pytorch_model.bin')
        return folder, folder / file[form]

    @pytest.mark.parametrize('form', ['single', 'shards', 'bin',
                                      'block file'])
    def test_tensors_are_the_mapping(self, form, llama_folder, tmp_path):
        """All of a built layer's weights lie in a private mapping."""
        checkpoint, file = self.forms(form, llama_folder, tmp_path)
        layer = FrozenLLMLayer(8, str(checkpoint), layers=(1, ))
        held = list(mappings(file))
        assert held and all(how.endswith('p') for _, _, how in held)
        weights = dict(layer.blocks.named_buffers())
        assert len(weights) == 9
        for name, weight in weights.items():
            assert any(begin <= weight.data_ptr() and
                       weight.data_ptr() + weight.nbytes <= end
                       for begin, end, _ in held), name

    @pytest.mark.parametrize('form', ['single', 'shards', 'bin',
                                      'block file'])
    def test_writing_leaves_the_file(self, form, llama_folder, tmp_path):
        checkpoint, file = self.forms(form, llama_folder, tmp_path)
        before = sha256(file)
        blocks = read_blocks(str(checkpoint), (1, ))
        for tensor in blocks.tensors[0].values():
            tensor.fill_(7.0)
        assert float(blocks.tensors[0]['attn.q.weight'].sum()) == 7 * 48 * 48
        assert sha256(file) == before
        again = read_blocks(str(checkpoint), (1, )).tensors[0]
        assert not any((tensor == 7).all() for tensor in again.values())


def test_file_with_odd_addresses(llama_folder):
    """Without the padding of its header, as old files are: copied."""
    wanted = read_blocks(str(llama_folder), (1, )).identity()
    path = llama_folder / 'model.safetensors'
    data = path.read_bytes()
    length, = struct.unpack('<Q', data[:8])
    header = data[8:8 + length].rstrip()
    header += b' ' * ((1 - len(header)) % 8)
    path.write_bytes(
        struct.pack('<Q', len(header)) + header + data[8 + length:])
    found = read_blocks(str(llama_folder), (1, ))
    assert found.identity() == wanted
    for tensor in found.tensors[0].values():
        assert tensor.data_ptr() % 4 == 0


@pytest.fixture(scope='module')
def checkpoint(tool, tmp_path_factory):
    """Two layers of 78 MB, which is much beside what else changes."""
    folder = tmp_path_factory.mktemp('checkpoint')
    size = tool.write_checkpoint(folder, 1792, 2)
    assert size == 2 * (4 * 1792**2 + 3 * 1792 * 4864 + 2 * 1792)
    return folder, size


@LINUX
class TestMemory:

    def test_one_layer_is_added(self, tool, checkpoint, warm_python):
        """At the peak too; the copied whole shows that copies are seen."""
        folder, size = checkpoint
        python = warm_python('torch')
        run = ('import runpy, sys; sys.argv[0] = sys.argv[1]; '
               'del sys.argv[1]; '
               'runpy.run_path(sys.argv[0], run_name="__main__")')
        found = {}
        for kind in (tool.ONE_LAYER, tool.FILE, tool.COPIED):
            done = python.run(run, tool.__file__, '--child', kind, '--folder',
                              folder, '--layers', 2, paths=[ROOT])
            assert done.returncode == 0, done.stderr
            found[kind] = json.loads(done.stdout)
        for kind in (tool.ONE_LAYER, tool.FILE):
            for key in ('after', 'peak'):
                assert 0.95 * size < found[kind][key] < 1.2 * size, (kind, key)
        assert found[tool.COPIED]['peak'] > 3.9 * size

    @pytest.mark.slow
    def test_two_processes_share_the_pages(self, tool, checkpoint):
        folder, size = checkpoint
        for held in tool.sharing(folder, 2):
            assert held['Shared'] == held['Rss'] > 0.999 * size
            assert held['Private'] == 0
            assert held['Pss'] < 0.51 * held['Rss']


def test_report_prints_ratios(tool, capsys):
    one = dict(wall=0.1, cpu=0.1, after=110, peak=119)
    whole = dict(wall=1.0, cpu=0.5, after=900, peak=1800)
    tool.report(100, {tool.ONE_LAYER: one, tool.FILE: {**one, 'after': 125},
                      tool.COPIED: whole, tool.TOUCHED: {**one, 'cpu': 0.4}})
    assert capsys.readouterr().out.splitlines()[5:] == [
        'one layer, memory added: 1.19 x the layer',
        'its block file, memory added: 1.25 x the layer',
        'one layer, wall time: 0.100 of whole, copied',
        'one layer, cpu time: 0.200 of whole, copied',
        'one layer, cpu time: 0.250 of whole, mapped']


def test_short_disk_is_refused(tool, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')(1, 1, 10**6)
    monkeypatch.setattr(tool.shutil, 'disk_usage', lambda folder: usage)
    with pytest.raises(SystemExit, match='too little.*--folder'):
        tool.write_checkpoint(tmp_path, 512, 2)
    assert not list(tmp_path.glob('*.safetensors'))


class TestEveryValueIsChecked:

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16,
                                       torch.float32, torch.float64], ids=str)
    @pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
    @pytest.mark.parametrize('place', [0, 1000, 2303])
    def test_one_bad_value(self, dtype, value, place, llama_folder):
        blocks = read_blocks(str(llama_folder), (1, ))
        name = 'attn.v.weight'
        tensor = blocks.tensors[0][name].to(dtype).clone()
        blocks.tensors[0][name] = tensor
        store_as(blocks, 'auto')
        tensor.view(-1)[place] = float(value)
        with pytest.raises(CheckpointError, match=f'{name} holds NaN or inf'):
            store_as(blocks, 'auto')
