"""Revisions, tokens, and no network."""

from pathlib import Path

import huggingface_hub
import pytest

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError, read_blocks

from ..conftest import write_meta
from .conftest import CHECKPOINT, REPO, close_network, download, same


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
            path = Path(huggingface_hub.constants.HF_TOKEN_PATH)
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
            monkeypatch.setattr(
                huggingface_hub.constants, 'HF_HUB_OFFLINE', True)

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
                     huggingface_hub.constants.HF_HUB_CACHE, '--local-dir'):
            assert part in str(caught.value)
        assert not hub.requests

    def test_no_network_but_in_the_cache(self, folder, hub, monkeypatch):
        hub.add(REPO, folder)
        wanted = read_blocks(CHECKPOINT, (3, ))
        close_network(monkeypatch)
        same(read_blocks(CHECKPOINT, (3, )), wanted)


class TestUnwritable:
    """A file in the place of a folder stops the superuser too."""

    @pytest.fixture()
    def nowhere(self, tmp_path):
        (tmp_path / 'file').touch()
        return str(tmp_path / 'file' / 'cache')

    def test_nothing_is_written_if_the_model_is_there(self, folder, hub,
                                                      nowhere, monkeypatch):
        hub.add(REPO, folder)
        download(REPO, hub)
        monkeypatch.setattr(
            huggingface_hub.constants, 'HF_ASSETS_CACHE', nowhere)
        same(
            read_blocks(CHECKPOINT, (2, )), read_blocks(str(folder), (2, )))

    @pytest.mark.parametrize('cache', ['HF_ASSETS_CACHE', 'HF_HUB_CACHE'])
    def test_folder_that_cannot_be_made(self, cache, folder, hub, nowhere,
                                        monkeypatch):
        hub.add(REPO, folder)
        monkeypatch.setattr(huggingface_hub.constants, cache, nowhere)
        with pytest.raises(CheckpointError, match='cannot be kept') as caught:
            read_blocks(CHECKPOINT, (2, ))
        for part in (CHECKPOINT, f'{cache} (now {nowhere}', '--local-dir'):
            assert part in str(caught.value)
        assert isinstance(caught.value.__cause__, NotADirectoryError)

    def test_folder_that_may_not_be_written(self, folder, hub, monkeypatch):
        hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (2, ))
        assets = Path(huggingface_hub.constants.HF_ASSETS_CACHE)
        [layer] = assets.rglob('layer-2.safetensors')
        layer.with_name('layer-3.lock').mkdir()
        with pytest.raises(CheckpointError, match='layer-3.lock.*HF_ASSETS_C'):
            read_blocks(CHECKPOINT, (3, ))

    def test_layers_lie_where_the_hub_keeps_assets(self, folder, hub):
        """The hub's own tools list and delete them there."""
        old = hub.add(REPO, folder)
        read_blocks(CHECKPOINT, (2, ))
        assert (huggingface_hub.cached_assets_path(
            'lm4ve_mm', REPO, old.commit,
            assets_dir=huggingface_hub.constants.HF_ASSETS_CACHE) /
                'layer-2.safetensors').is_file()
