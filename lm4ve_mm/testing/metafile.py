"""The form of a ``metafile.yml``, and that it agrees with its configs."""

import re
from pathlib import Path

import pytest
import yaml

from .configs import docstring_of, leaves_in, root_of

# Source of Results -> what the docstring of the config says.
SOURCES = {
    'paper': r'\*paper\*',
    'measured here': r'\*measured\s+here\*',
    'none': 'no expected number|not measured, and not in the paper',
}
COUNTS = ('Parameters', 'Trainable Parameters')


class MetafileForm:
    """Checks one index of models: subclass it.

    Attributes:
        CONFIGS: The folder of the configs and of ``metafile.yml``.
        LEFT_OUT: Configs without an entry, by name: the reason.
        METRICS: Pattern of the names of metrics.
    """

    CONFIGS: Path
    LEFT_OUT: dict[str, str] = {}
    METRICS: str = '(Top [15]|Overall) Accuracy'

    @pytest.fixture(scope='class')
    def metafile(self) -> dict:
        """The content of the file."""
        return yaml.safe_load((self.CONFIGS / 'metafile.yml').read_text())

    @pytest.fixture(scope='class')
    def entries(self, metafile) -> dict:
        """The entries by name, which has to be a name of one."""
        names = [entry['Name'] for entry in metafile['Models']]
        assert sorted(set(names)) == sorted(names)
        return {entry['Name']: entry for entry in metafile['Models']}

    def test_is_in_the_index_of_the_repository(self):
        root = root_of(self.CONFIGS)
        index = yaml.safe_load((root / 'model-index.yml').read_text())
        path = self.CONFIGS.relative_to(root) / 'metafile.yml'
        assert str(path) in index['Import']

    def test_every_config_has_an_entry_or_a_reason(self, entries):
        leaves = {leaf.stem for leaf in leaves_in(self.CONFIGS)}
        assert entries.keys() | self.LEFT_OUT.keys() == leaves
        assert not entries.keys() & self.LEFT_OUT.keys()
        assert all(self.LEFT_OUT.values())

    def test_collections(self, metafile):
        names = [one['Name'] for one in metafile['Collections']]
        assert len(set(names)) == len(names)
        assert {entry['In Collection'] for entry in metafile['Models']
                } == set(names)
        for one in metafile['Collections']:
            assert {'Architecture', 'Training Data', 'Training Techniques',
                    'Training Resources'} <= one['Metadata'].keys()
            assert one['Paper']['Title']
            assert one['Paper']['URL'].startswith('https://')
            assert (root_of(self.CONFIGS) / one['README']).is_file()

    def test_entries(self, entries):
        """Keys, types, paths; nothing that is spelt otherwise."""
        required = {'Name', 'In Collection', 'Config', 'Metadata', 'Results'}
        for name, entry in entries.items():
            assert required <= entry.keys() <= required | {'Weights'}, name
            path = root_of(self.CONFIGS) / entry['Config']
            assert path in leaves_in(self.CONFIGS), name
            assert path.stem == name
            total, trained = (entry['Metadata'][key] for key in COUNTS)
            assert 0 < trained <= total, name
            result, = entry['Results']
            assert result.keys() == {'Task', 'Dataset', 'Metrics'}, name

    def test_figures_are_those_of_the_configs(self, entries):
        """And marked with their source, here as there."""
        for name, entry in entries.items():
            source = entry['Metadata']['Source of Results']
            text = docstring_of(root_of(self.CONFIGS) / entry['Config'])
            assert re.search(SOURCES[source], text), name
            metrics = entry['Results'][0]['Metrics']
            assert bool(metrics) == (source != 'none'), name
            seeds = entry['Metadata'].get('Seeds')
            assert bool(seeds) == (source == 'measured here'), name
            for metric, value in metrics.items():
                assert re.fullmatch(self.METRICS, metric)
                assert 0 < value <= 100, name
                assert self.is_said(value, text), (name, value)

    @staticmethod
    def is_said(value: float, text: str) -> bool:
        """Whether a text gives a figure, or seeds of which it is the mean."""
        given = re.findall(r'(?<![\d.])\d+\.\d+(?![\d])', text)
        if value in map(float, given):
            return True
        seeds = re.search(r': (\d\d\.\d+(?:, \d\d\.\d+)+)', text)
        runs = [float(run) for run in seeds[1].split(', ')] if seeds else []
        return bool(runs) and round(sum(runs) / len(runs), 2) == value
