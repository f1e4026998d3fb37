"""Files that the documentation names are there."""

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / 'README.md', *ROOT.glob('docs/**/*.md'),
                *ROOT.glob('projects/README.md'),
                *ROOT.glob('projects/*/README.md')])
# What users have, or what a run or an installation makes.
GENERATED = ('work_dirs', 'data', 'checkpoints', '.venv', '.mim')
MADE = ('.pth', '.safetensors', '.png', '.mp4', '.csv', '.h5', '.pkl')
# An ending that, on a name without a folder, tells of a file of ours.
OURS = ('.py', '.sh', '.yml')
CODE = re.compile(r'^```\w*\n(.*?)^```$|`([^`]+)`', re.DOTALL | re.MULTILINE)
# Lists of pages have a test of their own.
TOCTREE = re.compile(r'^```\{toctree\}.*?^```$', re.DOTALL | re.MULTILINE)
# What a block of the page itself writes.
WRITTEN = re.compile(r'^cat > (\S+)', re.MULTILINE)
LINK = re.compile(r'(?:\]\(|^\[[^]]+\]: )([^)\s]+)', re.MULTILINE)
# Not the middle of an address, of `package::config` or of an absolute path.
WORD = re.compile(r'(?<![\w:/@<~.-])[\w.][\w./*{},\[\]-]*')


def spelt_out(word):
    """``a_{s,b}[_llama].py`` means four files."""
    parts = re.split(r'(\{.*?\}|\[.*?\])', word)
    ways = [part[1:-1].split(',') if part.startswith('{')
            else ['', part[1:-1]] if part.startswith('[') else [part]
            for part in parts]
    return [''.join(way) for way in itertools.product(*ways)]


def is_generated(path):
    """A folder or an ending of the lists above, or a word to replace."""
    return (path.endswith(MADE)
            or any(part in GENERATED or re.search('[A-Z]{4}', Path(part).stem)
                   and part != 'README.md' for part in path.split('/')))


def claimed(text):
    """Yield what code in backticks says to be a file or folder of ours."""
    written = WRITTEN.findall(text)
    for block, span in CODE.findall(TOCTREE.sub('', text)):
        for word in WORD.findall(block or span):
            for path in spelt_out(word.removeprefix('./').rstrip(',./[')):
                if path and path not in written and not is_generated(path):
                    yield path


def is_there(path, page):
    """Whether ``path`` exists; None if it looks like none of ours."""
    for folder in (ROOT, page.parent):
        if '/' in path and (folder / path.split('/')[0]).is_dir():
            return any(any(base.glob(path))
                       for base in (ROOT, page.parent))
    if path.endswith(OURS):
        return any(any((ROOT / top).rglob(path)) for top in (
            'configs', 'lm4ve_mm', 'projects', 'tests', 'tools'))
    return None


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(
    page.relative_to(ROOT)))
def test_files_that_a_page_names(page):
    text = page.read_text()
    links = [link.partition('#')[0] for link in LINK.findall(text)
             if '://' not in link]
    assert [link for link in links
            if link and not (page.parent / link).exists()] == []
    found = {path: is_there(path, page) for path in claimed(text)}
    assert [path for path, there in found.items() if there is False] == []


def test_enough_is_looked_at():
    """The rules do not let everything through."""
    named = {path for page in PAGES for path in claimed(page.read_text())
             if is_there(path, page) is not None}
    assert len(named) > 100
    assert named >= {
        'tools/dist_train.sh', 'lm4ve_mm/compat/mmaction2.py',
        'vit_tiny_digits.py',
        'videomae_b_llama_k400.py', '_base_/hooks.py',
        'configs/variants/vit_s_*_in1k.py'}
    page = ROOT / 'README.md'
    assert is_there('tests/test_llm/test_nothing.py', page) is False
    assert is_there('vit_nothing_in1k.py', page) is False
    assert not any(map(is_generated, named))
    assert is_generated('work_dirs/vit_tiny_digits/epoch_25.pth')
