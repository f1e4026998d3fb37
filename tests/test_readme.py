"""What the README shows works as it is written there."""

import re
from pathlib import Path

from lm4ve_mm.testing import RUNNER

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
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
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
