"""One test of a model gives every number of the robustness sets."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lm4ve_mm import apis
from lm4ve_mm.image.datasets.imagenet_c import CORRUPTIONS
from lm4ve_mm.image.datasets.imagenet_classes import wordnet_ids

CONFIGS = Path(__file__).parents[2] / 'configs'
# Those of ImageNet; the others are of the study.
LEAVES = sorted((CONFIGS / 'robustness').glob('vit_[tsb].py')) + sorted(
    (CONFIGS / 'robustness').glob('vit_[tsb]_*.py'))
SETS = dict(imagenet='imagenet', imagenet_a='imagenet_a',
            imagenet_sketch='imagenet', imagenet_r='imagenet_r',
            imagenet_v2=None)


@pytest.fixture(scope='module')
def trees(tmp_path_factory):
    """Two images of each set, and of each of the 75 sets of ImageNet-C."""
    root = tmp_path_factory.mktemp('robustness')
    image = np.random.default_rng(0).integers(0, 255, (224, 224, 3))
    content = cv2.imencode('.jpg', image.astype(np.uint8))[1].tobytes()
    places = [(root / name, wordnet_ids(ids)[:2] if ids else ('0', '10'))
              for name, ids in SETS.items()]
    places += [(root / 'imagenet_c' / name / str(severity), wordnet_ids()[:2])
               for name in CORRUPTIONS for severity in range(1, 6)]
    for folder, names in places:
        for name in names:
            (folder / name).mkdir(parents=True)
            (folder / name / 'x.JPEG').write_bytes(content)
    return root


@pytest.mark.parametrize('leaf', LEAVES, ids=lambda path: path.stem)
def test_leaves(leaf, read_config):
    cfg = read_config(leaf)
    name = leaf.stem.removesuffix('_fgsm').removesuffix('_pgd')
    base = read_config(CONFIGS / f'{name}_in1k.py')
    assert cfg.model == base.model
    if leaf.stem.endswith(('fgsm', 'pgd')):
        assert cfg.test_cfg.attack.name == leaf.stem.rpartition('_')[2]
        assert cfg.test_dataloader == base.test_dataloader
    else:
        sets = cfg.test_dataloader.dataset.datasets
        assert len(sets) == 6
        for data in sets:
            resized = any('Resize' in step.type for step in data.pipeline)
            assert resized == (data.type != 'lm4ve_mm.ImageNetC')


def test_every_number_in_one_run(tmp_path, trees, capsys):
    path = CONFIGS / 'robustness/vit_t.py'
    cfg = apis.load_config(path)
    cfg.model.backbone.arch = dict(
        embed_dims=192, num_layers=1, num_heads=3, feedforward_channels=64)
    model = apis.build_model(cfg)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'a.pth')
    args = apis.testing_parser().parse_args([
        str(path), str(tmp_path / 'a.pth'), '--work-dir', str(tmp_path),
        '--results', str(tmp_path / 'r.json')])
    cfg = apis.configure_testing(cfg, args)
    cfg.test_dataloader.update(num_workers=0, batch_size=32)
    for data in cfg.test_dataloader.dataset.datasets:
        data.allow_partial = True
        data.data_root = str(trees / data.get('variant', 'imagenet_c'))
    runner = apis.load_strictly(apis.build_runner(cfg))
    runner.test_evaluator.metrics.append(apis.results_file(cfg, args))
    found = {name.removeprefix('robustness/'): value
             for name, value in runner.test().items()}
    for name in SETS:
        assert found[f'{name}/images'] == 2
        assert 0 <= found[f'{name}/top1'] <= found[f'{name}/top5'] <= 100
    assert {f'imagenet_c/{name}' for name in CORRUPTIONS} <= found.keys()
    assert found['imagenet_c/mean_err'] == pytest.approx(
        100 - found['imagenet_c/mean_acc'])
    assert found['imagenet_c/mCE'] > 0
    held = json.loads((tmp_path / 'r.json').read_text())
    assert held['count'] == 160
    assert held['about']['config'] == 'vit_t'
