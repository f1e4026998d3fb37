"""What the pages show works as it is written there."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lm4ve_mm.llm import FrozenLLMLayer
from lm4ve_mm.testing import RUNNER
from lm4ve_mm.testing.processes import free_port

ROOT = Path(__file__).parents[1]
# As in somebody else's train.py: nothing of ours is imported beforehand.
BUILD = """
import sys
from mmengine.config import Config
from mmengine.runner import Runner
cfg = Config.fromfile(sys.argv[1])
assert 'lm4ve_mm' in sys.modules
cfg.work_dir = sys.argv[2]
runner = Runner(
    cfg.model, cfg.work_dir, default_scope=cfg.default_scope,
    custom_hooks=cfg.custom_hooks)
layer = runner.model.backbone.layer
print('hooks', [type(hook).__name__ for hook in runner.hooks])
print('frozen', sum(x.numel() for x in layer.frozen_tensors().values()))
"""


def test_config_in_a_repository_of_ones_own(warm_python, tmp_path):
    """With plain MMEngine, from a folder outside the checkout."""
    text = (ROOT / 'docs/your_model.md').read_text(encoding='utf-8')
    code = re.search(r"```python\n(_base_ = \['mmpretrain::resnet.*?)```",
                     text, re.DOTALL)[1]
    given = "llm=dict(checkpoint='hf://huggyllama/llama-7b')"
    assert given in code
    (tmp_path / 'mine.py').write_text(code.replace(
        given, "llm=dict(init='random', geometry=dict(width=64, num_heads=4,"
        ' ffn_dim=96))'))
    done = warm_python(*RUNNER).run(
        BUILD, 'mine.py', 'work', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'FreezeLLMHook'" in done.stdout
    # Attention 4 x 64 x 64, feed-forward 3 x 64 x 96, two norms, final norm.
    assert f'frozen {4 * 64**2 + 3 * 64 * 96 + 3 * 64}' in done.stdout

def blocks(page, language):
    """The code blocks of a page."""
    text = (ROOT / page).read_text(encoding='utf-8')
    return re.findall(rf'^```{language}\n(.*?)^```$', text,
                      re.DOTALL | re.MULTILINE)


def test_layer_of_the_readme(tiny_llama, tmp_path, monkeypatch):
    """As it is written; the checkpoint and the tokens are the reader's."""
    code, = (block for block in blocks('README.md', 'python')
             if 'FrozenLLMLayer' in block)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints/llama-7b').symlink_to(tiny_llama)
    names = dict(tokens=torch.randn(
        2, 5, 384, generator=torch.Generator().manual_seed(0)))
    exec(code, names)
    assert names['out'].shape == (2, 5, 384)
    torch.testing.assert_close(names['cls'], names['out'][:, :1])


def test_keys_of_the_readme():
    """Each keyword in its ``llm=dict(...)`` is one of the layer."""
    code, = (block for block in blocks('README.md', 'python')
             if block.startswith('llm=dict('))
    given = {}
    exec(code, given)
    assert given['llm']['checkpoint'] == 'hf://Qwen/Qwen2.5-0.5B'
    assert given['llm'].keys() <= inspect.signature(
        FrozenLLMLayer.__init__).parameters.keys()


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='launches on CPU')
def test_imagenet_commands_of_the_readme(tmp_path, tiny_imagenet, tiny_llama):
    """Literally, but for the data's place, four GPUs and 300 epochs."""
    for split in ('train', 'val'):
        for label in range(1000):
            folder = tmp_path / 'imagenet' / split / f'n{label:08}'
            folder.mkdir(parents=True)
            (folder / '0.JPEG').symlink_to(tiny_imagenet / 'val/0.JPEG')
    code, = (block for block in blocks('README.md', 'bash')
             if '/path/to/imagenet' in block)
    tools = tmp_path / 'bin'
    tools.mkdir()
    # The hub cannot be reached: what it would bring is put there.
    (tools / 'hf').write_text(f'#!/bin/sh\nmkdir -p checkpoints && '
                              f'ln -s {tiny_llama} checkpoints/llama-7b\n')
    (tools / 'hf').chmod(0o755)
    for name in ('configs', 'tools', '.venv'):
        (tmp_path / name).symlink_to(ROOT / name)
    few = 'dataset.indices=4 '
    changes = [
        ('/path/to/imagenet', str(tmp_path / 'imagenet')),
        ('source .venv/bin/activate', ':'), ('epoch_300', 'epoch_1'),
        (' 4 --amp', ' 2 --cfg-options train_cfg.max_epochs=1 '
         'train_dataloader.batch_size=2 train_dataloader.num_workers=0 '
         f'train_dataloader.{few} val_dataloader.{few}'),
        ('.pth 4', f'.pth 2 --cfg-options test_dataloader.{few}')]
    for given, put in changes:
        assert given in code
        code = code.replace(given, put)
    done = subprocess.run(
        ['bash', '-euo', 'pipefail', '-c', code], cwd=tmp_path, text=True,
        capture_output=True, env=dict(
            os.environ, PATH=f'{tools}:{Path(sys.executable).parent}:'
            f'{os.environ["PATH"]}', OMP_NUM_THREADS='1',
            PORT=str(free_port())))
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'accuracy/top1' in done.stdout + done.stderr
