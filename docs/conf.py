"""Sphinx: ``make docs`` builds the site into ``docs/_build/html``."""

import os
import re
from pathlib import Path

from lm4ve_mm.version import __version__

DOCS = Path(__file__).parent
ROOT = DOCS.parent

project = 'lm4ve_mm'
author = 'the authors of lm4ve_mm'
release = __version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon',
              'sphinx_copybutton']
exclude_patterns = ['_build']
html_theme = 'furo'
html_title = f'lm4ve_mm {release}'
nitpicky = False

myst_enable_extensions = ['colon_fence', 'deflist']
myst_heading_anchors = 4
copybutton_exclude = '.linenos, .gp, .go'

autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_default_options = {'members': True, 'show-inheritance': True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # Fields of dataclasses, described once.

# Pages that are kept beside what they describe, and shown here as they are.
SHOWN_HERE = {
    'contributing': 'CONTRIBUTING.md',
    'changelog': 'CHANGELOG.md',
    'tasks/point_clouds': 'projects/point_cloud/README.md',
    'tasks/motion_forecasting': 'projects/motion_forecasting/README.md',
    'tasks/vqa': 'projects/vqa/README.md',
    'tasks/vqa_3d': 'projects/vqa_3d/README.md',
}
PAGE_OF = {(ROOT / path).resolve(): DOCS / f'{name}.md'
           for name, path in SHOWN_HERE.items()}
PAGE_OF[ROOT / 'README.md'] = DOCS / 'index.md'
LINK = re.compile(r'\[([^]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)')


def show_page(app, name, source):
    """Fetch a page from where it is kept, and point its links to the site."""
    kept = ROOT / SHOWN_HERE.get(name, f'docs/{name}.md')

    def link(found):
        text, target, anchor = found[1], found[2], found[3] or ''
        if '://' in target:
            return found[0]
        there = (kept.parent / target).resolve()
        if there.is_dir():  # The site shows no folders of source code.
            return text
        there = os.path.relpath(PAGE_OF.get(there, there),
                                (DOCS / name).parent)
        return f'[{text}]({there}{anchor})'

    if kept.is_file():
        source[0] = LINK.sub(link, kept.read_text(encoding='utf-8'))


def setup(app):
    """Called by Sphinx."""
    app.connect('source-read', show_page)
