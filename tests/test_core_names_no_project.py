"""The core and its tests know no project: each brings tests of its own."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECTS = sorted(path.name for path in (ROOT / 'projects').iterdir()
                  if path.is_dir())
# Files that stand for the whole repository.
WHOLE = ('tests/test_packaging.py', 'tests/test_named_paths.py',
         'tests/test_docs.py', __file__)


def test_no_project_is_named():
    """Neither its package, its folder nor what it registers."""
    names = {'projects/'}
    for project in PROJECTS:
        names |= {project, f'lm4ve_{project}'}
        for path in (ROOT / 'projects' / project).rglob('*.py'):
            names |= set(re.findall(
                r'register_module\(\)\nclass (\w+)', path.read_text()))
    assert len(PROJECTS) > 0 and len(names) > 5 * len(PROJECTS)
    named = re.compile('|'.join(rf'\b{name}' for name in sorted(names)))
    files = subprocess.run(
        ['git', 'ls-files', '-co', '--exclude-standard', 'lm4ve_mm', 'tests',
         'conftest.py'], cwd=ROOT, capture_output=True,
        text=True, check=True).stdout.split()
    assert len(files) > 100
    found = {file: named.findall((ROOT / file).read_text())
             for file in files if (ROOT / file).exists()
             and file.endswith('.py')
             and not str(ROOT / file).endswith(WHOLE)}
    assert {file: hits for file, hits in found.items() if hits} == {}
