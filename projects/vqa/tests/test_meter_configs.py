"""The form of the leaves, and of their index."""

from pathlib import Path

from lm4ve_mm.testing import ConfigForm, MetafileForm

CONFIGS = Path(__file__).parents[1] / 'configs'
DIGITS = [leaf.stem for leaf in CONFIGS.glob('*.py') if 'digits' in leaf.stem]


class TestForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('vqav2', 'flickr30k', 'digits_(vqa|retrieval)')
    TOOLBOXES = dict(meter='mmpretrain')


class TestMetafile(MetafileForm):
    CONFIGS = CONFIGS
    METRICS = r'Accuracy|Yes/No|Number|Other|IR@\d+'
    LEFT_OUT = dict.fromkeys(DIGITS, 'its figures are in the README')
