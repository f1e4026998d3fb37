"""The hooks before a commit: valid, local, and they find what they should."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / '.pre-commit-config.yaml'
pytest.importorskip('pre_commit')


def pre_commit(*words, cwd=ROOT):
    return subprocess.run(
        [sys.executable, '-m', 'pre_commit', *words], cwd=cwd,
        env=dict(os.environ, SKIP='lint'), capture_output=True, text=True)


def test_config_is_valid_and_fetches_nothing():
    done = pre_commit('validate-config', CONFIG)
    assert done.returncode == 0, done.stdout
    repo, = yaml.safe_load(CONFIG.read_text())['repos']
    assert repo['repo'] == 'local'
    assert {hook['language'] for hook in repo['hooks']} <= {
        'system', 'pygrep'}


def test_hooks_find_what_they_are_for(tmp_path):
    """All but `make lint`, which is tried whenever it is run."""
    def run(**texts):
        for name, text in texts.items():
            (tmp_path / f'{name}.py').write_text(text)
        subprocess.run(['git', 'add', '-A'], cwd=tmp_path, check=True)
        return pre_commit('run', '-v', '-c', CONFIG, cwd=tmp_path)

    subprocess.run(['git', 'init', '-q', tmp_path], check=True)
    good = run(good='a = 1\n\nb = [\n]\n')
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.count('Passed') == 4
    bad = run(blanks='a = 1  \n', cut='a = 1', blank_line='a = 1\n\n',
              conflict=f'{"<" * 7} HEAD\n', large='a' * 500_001 + '\n')
    assert bad.returncode == 1
    assert bad.stdout.count('Failed') == 4
    for name in ('blanks', 'cut', 'blank_line', 'conflict', 'large'):
        assert f'{name}.py' in bad.stdout
    assert 'good.py' not in bad.stdout
