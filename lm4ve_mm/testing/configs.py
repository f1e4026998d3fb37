"""The form of configs: names, docstrings, scopes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from mmengine.config import ConfigDict

SCOPES = ('mmpretrain', 'mmengine', 'mmaction', 'mmseg', 'mmdet', 'lm4ve_mm')
# Kinds of clipping and of normalisation, which are in no registry of ours.
PLAIN = ('norm', 'value', 'BN')
EXPECTED = r'\*paper\*|\*measured\s+here\*|no expected number|not measured'


def flat_config(value, prefix: str = '') -> dict:
    """Leaves of nested dicts by their dotted names."""
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    return {
        name: leaf
        for key, item in value.items()
        for name, leaf in flat_config(
            item, f'{prefix}.{key}' if prefix else key).items()
    }


def differences(cfg: ConfigDict, parent: ConfigDict) -> dict:
    """Dotted name -> value, of everything that the parent has otherwise."""
    found, there = flat_config(cfg.to_dict()), flat_config(parent.to_dict())
    return {
        key: found.get(key, 'absent')
        for key in found.keys() | there.keys()
        if found.get(key, 'absent') != there.get(key, 'absent')
    }


def root_of(path: Path) -> Path:
    """The repository that a file lies in."""
    return next(parent for parent in path.parents
                if (parent / 'model-index.yml').is_file())


def leaves_in(folder: Path) -> list[Path]:
    """The configs that a user names, in a folder and its variants."""
    return sorted((*folder.glob('*.py'), *folder.glob('variants/*.py')))


def docstring_of(path: Path) -> str:
    """What a config says of itself."""
    return ast.get_docstring(ast.parse(path.read_text())) or ''


def _written_types(tree: ast.AST) -> Iterator[str]:
    """The strings given as `type` in the dicts of one file."""
    for node in ast.walk(tree):
        pairs = []
        if isinstance(node, ast.Call):
            pairs = [(word.arg, word.value) for word in node.keywords]
        elif isinstance(node, ast.Dict):
            keys = [getattr(key, 'value', None) for key in node.keys]
            pairs = zip(keys, node.values, strict=True)
        for key, value in pairs:
            if key == 'type' and isinstance(value, ast.Constant):
                yield value.value


class ConfigForm:
    """The form of a folder of configs: subclass it.

    Attributes:
        CONFIGS: The folder.
        DATA: Names of data sets that names of configs end with, as
            alternatives of a regular expression.
        NAME: Form of a name, ``{data}`` standing for those; for a project
            whose host and data set have one name, another.
        TOOLBOXES: ``default_scope`` of the configs, by how names begin.
    """

    CONFIGS: Path
    DATA: tuple[str, ...]
    # <host>_<size>[_<language model>[_<variant>]]_<data>
    NAME = r'[a-z0-9]+(_[a-z0-9]+)*_({data})'
    TOOLBOXES: dict[str, str]

    def pytest_generate_tests(self, metafunc) -> None:
        """One test for each file."""
        for name, paths in (('file', sorted(self.CONFIGS.rglob('*.py'))),
                            ('leaf', leaves_in(self.CONFIGS))):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, paths, ids=[
                    str(path.relative_to(self.CONFIGS)) for path in paths])

    def test_text_style_with_scopes(self, file):
        """No imports; what is inherited is written as its toolbox does."""
        tree = ast.parse(file.read_text())
        assert not any(isinstance(node, (ast.Import, ast.ImportFrom))
                       for node in ast.walk(tree))
        for name in _written_types(tree):
            assert (hasattr(torch.optim, name) or name in PLAIN
                    or name.split('.')[0] in SCOPES), name

    def test_name_and_docstring(self, leaf):
        assert re.fullmatch(
            self.NAME.format(data='|'.join(self.DATA)), leaf.stem)
        text = docstring_of(leaf)
        assert text, 'a leaf starts with a docstring'
        # On a line of its own where both do not fit on one.
        path = leaf.relative_to(root_of(leaf))
        assert re.search(rf'tools/\S+\s+(\\\s+)?{path}', text)
        assert re.search(EXPECTED, text)

    def test_parses_and_registers(self, leaf, read_config):
        cfg = read_config(leaf)
        scope, = (scope for start, scope in self.TOOLBOXES.items()
                  if leaf.stem.startswith(start))
        assert cfg.default_scope == scope
        assert 'lm4ve_mm.plugin' in cfg.custom_imports.imports
        assert cfg.auto_scale_lr.base_batch_size > 0
        # The model's own would silently win over the top-level one.
        assert not (cfg.get('data_preprocessor')
                    and 'data_preprocessor' in cfg.model)
