"""The page about one's own images works as it is written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import timm
from safetensors.torch import save_file

ROOT = Path(__file__).parents[1]
PAGE = ROOT / 'docs/your_data.md'
BLOCK = re.compile(r'```bash\n(.*?)```', re.DOTALL)
COMMIT = '0' * 40


def in_the_hubs_cache(cache, name):
    """A model of timm as it lies after a download, with random weights."""
    model = timm.create_model(name.partition('.')[0])
    folder = cache / f'models--timm--{name}'
    (folder / 'refs').mkdir(parents=True)
    (folder / 'refs/main').write_text(COMMIT)
    snapshot = folder / 'snapshots' / COMMIT
    snapshot.mkdir(parents=True)
    save_file(model.state_dict(), snapshot / 'model.safetensors')
    (snapshot / 'config.json').write_text(json.dumps(dict(
        architecture=name.partition('.')[0],
        pretrained_cfg={key: model.pretrained_cfg[key]
                        for key in ('mean', 'std')})))


def test_page_is_short_and_its_names_are_ours():
    text = PAGE.read_text()
    assert len(text.splitlines()) <= 120
    for name in re.findall(r'`lm4ve_mm::([\w/]+\.py)`', text):
        assert (ROOT / 'configs' / name).is_file(), name
    for link in re.findall(r'\]\((?!http)([^)#]+)', text):
        assert (PAGE.parent / link).is_file(), link
    for config in re.findall(r"cat > \w+\.py <<'EOF'\n(.*?)EOF", text,
                             re.DOTALL):
        assert len(config.splitlines()) <= 12


@pytest.mark.slow
@pytest.mark.parametrize('page', ['docs/your_data.md', 'README.md'])
def test_blocks_run_in_a_fresh_folder(tmp_path, page):
    """Without a network: the hosts lie in the hub's cache."""
    cache = tmp_path / 'hub'
    text = (ROOT / page).read_text()
    blocks = BLOCK.findall(text)
    if page == 'README.md':
        blocks = [block.replace('source .venv/bin/activate\n', '')
                  for block in blocks if 'photos.py' in block]
        assert len(blocks) == 1
    for name in set(re.findall(r"hf://timm/([\w.]+)'", text)):
        in_the_hubs_cache(cache, name)
    work = tmp_path / 'work'
    work.mkdir()
    (work / 'tools').symlink_to(ROOT / 'tools')
    env = dict(
        os.environ, HF_HUB_CACHE=str(cache), HF_HUB_OFFLINE='1',
        OMP_NUM_THREADS='1',
        PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}')
    said = ''
    for block in blocks:
        done = subprocess.run(
            ['bash', '-e', '-c', block], cwd=work, env=env,
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, f'{block}\n{done.stderr[-3000:]}'
        said += done.stdout
    assert 'mean [127.5, 127.5, 127.5] and deviation' in said
    assert 'Resized: pos_embed from 14x14 to 4x4.' in said
    assert '240 grey, repeated in three channels' in said
    assert re.search(r'wrote confusion\.png: \d+ of 60 right', said)
    # Off a terminal, the progress bar ends without a line break.
    assert re.search(r'(^|0:00:0\d)\d$', said, re.MULTILINE)
    if page != 'README.md':
        assert re.search(r'wrote predictions\.png: \d+ of 60 right', said)
        assert (work / 'work_dirs/resnet/epoch_2.pth').is_file()
