"""The pages: complete, up to date, short enough, every link with an end."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / 'docs'
PAGES = sorted([ROOT / 'README.md', ROOT / 'CONTRIBUTING.md',
                *DOCS.rglob('*.md'), *ROOT.glob('projects/*/README.md')])
# Repairs of toolboxes, names that go, and what docs/dense.md describes: it
# cannot be imported without MMSegmentation.
WITHOUT_REFERENCE = ('lm4ve_mm.compat', 'lm4ve_mm.datasets', 'lm4ve_mm.dense')
LINK = re.compile(r'\]\(([^)\s#]*)#([^)\s]+)\)')
FENCE = re.compile(r'^```.*?^```$', re.DOTALL | re.MULTILINE)


def anchors(page):
    """The anchors of a page's headings, as GitHub and MyST make them."""
    text = FENCE.sub('', page.read_text(encoding='utf-8'))
    headings = re.findall(r'^#+ (.+)$', text, re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
            for heading in headings}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(
    page.relative_to(ROOT)))
def test_anchors_that_a_page_links_to(page):
    text = page.read_text(encoding='utf-8')
    dead = [(path, anchor) for path, anchor in LINK.findall(text)
            if '://' not in path and anchor not in anchors(
                page.parent / path if path else page)]
    assert dead == []


def test_the_readme_is_short():
    lines = (ROOT / 'README.md').read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 160
    assert [line for line in lines if len(line) > 100] == []


def test_every_page_is_in_the_table_of_contents():
    found = re.findall(r'^```\{toctree\}.*?^```$',
                       (DOCS / 'index.md').read_text(), re.DOTALL
                       | re.MULTILINE)
    listed = {line for block in found for line in block.splitlines()[1:-1]
              if line and not line.startswith(':')}
    pages = {str(page.relative_to(DOCS).with_suffix(''))
             for page in DOCS.rglob('*.md')
             if '_build' not in page.parts} - {'index'}
    assert listed == pages


def public_names(module):
    """What ``module`` offers, without modules and without old names."""
    names = getattr(module, '__all__', None) or [
        name for name, value in vars(module).items()
        if getattr(value, '__module__', None) == module.__name__]
    return {name: getattr(module, name) for name in names
            if not inspect.ismodule(getattr(module, name))}


def test_every_public_name_is_in_the_reference():
    """What a package has in its ``__all__`` is described in ``docs/api``."""
    text = ''.join(page.read_text() for page in (DOCS / 'api').glob('*.md'))
    described = {id(value) for name in re.findall(r'automodule:: (\S+)', text)
                 for value in public_names(
                     importlib.import_module(name)).values()}
    missing = []
    for folder in (ROOT / 'lm4ve_mm', *ROOT.glob('projects/*/lm4ve_*')):
        for package in pkgutil.walk_packages([str(folder)],
                                             f'{folder.name}.'):
            if package.ispkg and not package.name.startswith(
                    WITHOUT_REFERENCE):
                module = importlib.import_module(package.name)
                if hasattr(module, '__all__'):
                    missing += [f'{package.name}.{name}' for name, value
                                in public_names(module).items()
                                if id(value) not in described]
    assert missing == []


def test_the_model_zoo_is_up_to_date(run_tool):
    script = 'tools/misc/list_models.py'
    found = run_tool(ROOT / script).stdout
    assert (DOCS / 'model_zoo.md').read_text() == found, (
        f'a metafile has changed: python {script} > docs/model_zoo.md')


def test_the_model_zoo_tells_hosts_from_controls(run_tool):
    """By hand: 80.7 - 80.1; an MLP and 100 epochs beside their own host."""
    page = run_tool(ROOT / 'tools/misc/list_models.py').stdout
    rows = {row.split('`')[1]: row.split('|')[2:-1]
            for row in page.splitlines() if row.startswith('| [`')}
    cells = {name: [cell.strip() for cell in row]
             for name, row in rows.items()}
    assert cells['vit_s_llama_in1k'] == ['25.2 M', '202.4 M', '80.7', '+0.60']
    assert cells['vit_s_mlp_100e_in1k'][2:] == ['75.5', '+0.20']
    assert cells['vit_s_100e_in1k'][2:] == ['75.3', '']
    assert cells['vit_tiny_minilm_digits'][2:] == [
        '98.91', '-0.33', '0, 1, 2']


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    build = pytest.importorskip(
        'sphinx.cmd.build', reason="needs the extra: pip install '.[docs]'")
    assert build.main(['-W', '--keep-going', '-q', '-b', 'html', str(DOCS),
                       str(tmp_path)]) == 0
    page = (tmp_path / 'tasks/vqa.html').read_text()
    assert 'Questions about images, and search' in page
    assert 'FrozenLLMLayer' in (tmp_path / 'api/llm.html').read_text()
