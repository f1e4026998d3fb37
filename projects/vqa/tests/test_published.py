"""Published weights on the real data: check 20, where both are.

``LM4VE_PUBLISHED`` names a folder with ``data/flickr30k`` and
``data/vqav2`` as in the README, and ``checkpoints/`` with METER's files and
``roberta-base``, whose tokenizer is used.
"""

import os
from pathlib import Path

import pytest

from lm4ve_mm import apis

CONFIGS = Path(__file__).parents[1] / 'configs'
FLICKR = 'meter_clip16_288_roberta_flickr.ckpt'
VQA = 'meter_clip16_288_roberta_vqa.ckpt'


@pytest.fixture
def root():
    named = os.environ.get('LM4VE_PUBLISHED')
    if not named:
        pytest.skip('LM4VE_PUBLISHED names no folder with the real data and '
                    'the published weights')
    return Path(named)


def measured(name, file, root, work_dir):
    """What tools/test.py finds."""
    path = CONFIGS / f'{name}.py'
    args = apis.testing_parser().parse_args(
        [str(path), str(root / 'checkpoints' / file), '--work-dir',
         str(work_dir)])
    cfg = apis.configure_testing(apis.load_config(path), args)
    data = cfg.test_dataloader.dataset
    data.data_root = str(root / data.data_root)
    for step in data.pipeline:
        if 'tokenizer' in step:
            step.tokenizer = str(root / step.tokenizer)
    if 'answers' in data:
        data.answers = cfg.model.head.answers = str(root / data.answers)
    return apis.load_strictly(apis.build_runner(cfg)).test()


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_flickr(root, tmp_path):
    """IR@1 82.2 and TR@1 94.3 on the whole test split; needs a GPU."""
    found = measured('meter_b16_384px_flickr30k', FLICKR, root, tmp_path)
    assert found['retrieval/IR@1'] == pytest.approx(82.2, abs=.3)
    assert found['retrieval/TR@1'] == pytest.approx(94.3, abs=.3)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_vqa(root, tmp_path):
    """On val2014, which METER has trained on: above its test-dev."""
    found = measured('meter_b16_576px_vqav2', VQA, root, tmp_path)
    assert found['vqa/overall'] > 77.7
