"""Broken transfers, and several processes at once."""

import errno
import json
import os
import shutil
from pathlib import Path

import huggingface_hub
import pytest
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import CheckpointError, read_blocks

from .conftest import CHECKPOINT, REPO, layer_bytes, same


class TestTransfer:
    """A transfer that goes wrong ends right, or in an error; never a file."""

    @pytest.fixture(autouse=True)
    def no_pause(self, monkeypatch):
        monkeypatch.setattr('lm4ve_mm.llm.weights.remote_file.PAUSES',
                            (0.0, ) * 5)

    def layer_files(self):
        return list(
            Path(huggingface_hub.constants.HF_ASSETS_CACHE).rglob(
                '*.safetensors*'))

    @pytest.mark.parametrize('length', [True, False])
    def test_broken_connection_is_asked_again(self, folder, hub, monkeypatch,
                                              length):
        """For the piece that broke, and for no other.

        Without ``Content-Length`` it looks like the end of the answer.
        """
        hub.content_length = length
        monkeypatch.setattr('lm4ve_mm.llm.weights.remote_file.PIECE', 1 << 17)
        hub.add(REPO, folder)
        # After the headers of two shards, the second piece breaks twice.
        hub.cuts = [1 << 20] * 5 + [1 << 16, 0]
        same(
            read_blocks(CHECKPOINT, (0, )), read_blocks(str(folder), (0, )))
        assert not hub.cuts
        asked = [request.range for request in hub.requests
                 if request.host == 'cdn']
        assert asked[5] == asked[6] == asked[7] != asked[8]
        data = asked[4:]
        assert len(set(data)) == len(data) - 2
        assert hub.served['cdn'] < layer_bytes(folder, 0) + 3 * (1 << 16)

    def test_connection_that_always_breaks(self, folder, hub):
        hub.add(REPO, folder)
        hub.cuts = [1 << 20] * 4 + [0] * 100
        with pytest.raises(CheckpointError, match='5 times in a row in vain'):
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

    @pytest.mark.parametrize('change, words', [
        (lambda data: data[:8] + b'!' + data[9:], 'cannot be read'),
        (lambda data: data.replace(b'"F32"', b'"F64"'), 'sizes differ'),
    ], ids=['no JSON', 'another type'])
    def test_damaged_header(self, change, words, small, hub):
        path = small / 'model.safetensors'
        path.write_bytes(change(path.read_bytes()))
        hub.add(REPO, small)
        with pytest.raises(CheckpointError, match=f'header .*{words}'):
            read_blocks(CHECKPOINT, (0, ))
        assert not self.layer_files()

    def test_index_of_another_upload(self, folder, hub):
        path = folder / 'model.safetensors.index.json'
        index = json.loads(path.read_text())
        names = index['weight_map']
        name = next(name for name in names if 'layers.0.' in name)
        names[name] = max(names.values())
        path.write_text(json.dumps(index))
        hub.add(REPO, folder)
        with pytest.raises(CheckpointError, match=f'not hold {name}'):
            read_blocks(CHECKPOINT, (0, ))

    @pytest.mark.parametrize('wrong', [-4, 4])
    def test_answer_of_another_length_without_its_range(self, wrong, folder,
                                                        hub, caplog):
        """Nothing says which bytes they are: the shards are downloaded."""
        hub.add(REPO, folder)
        hub.content_range, hub.longer = False, wrong
        same(
            read_blocks(CHECKPOINT, (0, )), read_blocks(str(folder), (0, )))
        assert 'does not serve parts' in caplog.text

    def test_answer_without_its_range(self, folder, hub, caplog):
        """As some mirrors send it, of the length that was asked for."""
        hub.add(REPO, folder)
        hub.content_range = False
        same(
            read_blocks(CHECKPOINT, (0, )), read_blocks(str(folder), (0, )))
        assert not caplog.text

    @pytest.mark.parametrize('change', ['etag', 'total'])
    def test_file_that_changes_while_it_is_read(self, change, folder, hub):
        hub.add(REPO, folder)
        hub.changing = change
        with pytest.raises(CheckpointError, match='changed while it was re'):
            read_blocks(CHECKPOINT, (0, ))
        assert not self.layer_files()

    @pytest.mark.parametrize('damage', [
        lambda data: data[:-100],
        lambda data: data[:-7] + bytes([data[-7] ^ 1]) + data[-6:]
    ], ids=['cut', 'flipped bit'])
    def test_damaged_layer_file(self, damage, folder, hub):
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (0, ))
        path, = self.layer_files()
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(CheckpointError, match=f'delete {path} to have it'):
            read_blocks(CHECKPOINT, (0, ))
        path.unlink()
        same(
            read_blocks(CHECKPOINT, (0, )), read_blocks(str(folder), (0, )))

    def test_layer_file_without_a_digest(self, folder, hub):
        """It proves nothing, whoever wrote it."""
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (0, ))
        path, = self.layer_files()
        save_file(load_file(path), path)
        with pytest.raises(CheckpointError, match=f'delete {path} to have it'):
            read_blocks(CHECKPOINT, (0, ))

    def test_what_a_killed_process_left(self, folder, hub):
        """The next fetch of the layer replaces it."""
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (0, ))
        path, = self.layer_files()
        whole = path.read_bytes()
        path.rename(path.with_suffix('.part'))
        path.with_suffix('.part').write_bytes(whole[:-9])
        read_blocks(CHECKPOINT, (0, ))
        assert path.read_bytes() == whole
        assert {p.suffix for p in path.parent.iterdir()} == {
            '.lock', '.safetensors'}

    def test_disk_that_is_full(self, folder, hub, monkeypatch):
        hub.add(REPO, folder)

        def full(path, data):
            with path.open('wb') as stream:
                stream.write(data[:9])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, 'write_bytes', full)
        with pytest.raises(CheckpointError, match='cannot be kept .*space'):
            read_blocks(CHECKPOINT, (0, ))
        assets = Path(huggingface_hub.constants.HF_ASSETS_CACHE)
        assert not [p for p in assets.rglob('*.*') if p.suffix != '.lock']


class TestProcesses:
    """Variables of the environment, in processes of their own."""

    @pytest.fixture()
    def run(self, hub, tmp_path, warm_python):
        """Runs code where nothing of the hub's library is imported yet."""
        def call(code, **environment):
            return warm_python('torch').run(
                'import os\nfor name in ("HF_HUB_CACHE", "HF_ASSETS_CACHE"):\n'
                f'    os.environ.pop(name, None)\n{code}',
                HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / 'own-home'),
                NO_PROXY='*', **environment)

        return call

    READ = ('from lm4ve_mm.llm import read_blocks\n'
            f'print(read_blocks("{CHECKPOINT}", (3,)).identity().sha256)\n')

    def test_ranks_that_start_together(self, folder, hub, run):
        hub.add(REPO, folder)
        hub.delay = 0.3  # the slower the transfer, the more they overlap
        done = run(f'other = os.fork()\n{self.READ}'
                   'assert not other or os.waitpid(other, 0)[1] == 0')
        assert done.returncode == 0, done.stderr
        wanted = read_blocks(str(folder), (3, )).identity().sha256
        assert done.stdout.split() == [wanted] * 2
        assert hub.served['cdn'] < 1.3 * layer_bytes(folder, 3) + (1 << 17)

    def test_environment(self, folder, hub, run, tmp_path):
        hub.add(REPO, folder, gated=True)
        hub.accounts['hf_secret'] = (REPO, )
        wanted = read_blocks(str(folder), (3, )).identity().sha256
        done = run(self.READ, HF_TOKEN='hf_secret')
        assert done.stdout.strip() == wanted, done.stderr
        home = tmp_path / 'own-home'
        assert list(home.rglob('layer-3.safetensors'))
        shutil.rmtree(home / 'assets')
        hub.forget()
        done = run(self.READ, HF_HUB_OFFLINE='1')
        assert 'HF_HUB_OFFLINE is set' in done.stderr
        assert done.returncode == 1 and not hub.requests

    def test_library_is_imported_only_for_the_hub(self, run):
        done = run('import sys; sys.modules["huggingface_hub"] = None\n'
                   'from lm4ve_mm.llm import CheckpointError, read_blocks\n'
                   f'try: read_blocks("{CHECKPOINT}")\n'
                   'except CheckpointError as error: print(error)')
        assert CHECKPOINT in done.stdout, done.stderr
        assert "pip install -e '.[hf]' -c requirements/constr" in done.stdout
