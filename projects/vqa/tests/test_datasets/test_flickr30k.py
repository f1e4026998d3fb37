"""Karpathy's JSON: captions in training, a gallery in tests."""

import random
from collections import Counter

import pytest
from lm4ve_vqa.datasets import Flickr30k, read_karpathy
from lm4ve_vqa.datasets.checks import check_flickr30k
from mmengine.config import Config

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

BASE = 'projects/vqa/configs/_base_/datasets'


def build(root, split='train', **options):
    options.setdefault('check_counts', False)
    return Flickr30k(split, data_root=str(root), **options)


def test_training(flickr30k):
    """Fifteen false captions an item, anew each time, from all captions."""
    data = build(flickr30k)
    assert len(data) == 15
    every = {data.get_data_info(i)['text'] for i in range(15)}
    assert len(every) == 15
    random.seed(0)
    first, second = (data.get_data_info(3) for _ in range(2))
    assert first['text'] == 'two men and the 0 3'
    assert first['img_path'].endswith('flickr30k-images/1000.jpg')
    assert len(first['false_texts']) == 15
    assert first['false_texts'] != second['false_texts']
    random.seed(0)
    assert data.get_data_info(3)['false_texts'] == first['false_texts']
    drawn = Counter(text for _ in range(200)
                    for text in data.get_data_info(0)['false_texts'])
    # Uniform over all 15, the item's own included: 200 each on average.
    assert drawn.keys() == every
    assert 140 < min(drawn.values()) and max(drawn.values()) < 260


@pytest.mark.parametrize('split, count', [
    ('train', 3), ('val', 1), ('test', 2), ('trainval', 4)])
def test_gallery(flickr30k, split, count):
    data = build(flickr30k, split, test_mode=True)
    assert len(data) == count
    info = data.get_data_info(count - 1)
    assert len(info['texts']) == 5 and 'false_texts' not in info
    assert info['sample_idx'] == count - 1


def test_pipeline_of_the_config(flickr30k, tokenizer):
    cfg = Config.fromfile(f'{BASE}/flickr30k.py')
    shapes = {}
    for name in ('train', 'val'):
        data = cfg[f'{name}_dataloader'].dataset
        data.update(data_root=str(flickr30k), check_counts=False)
        for step in data.pipeline:
            if step.type.endswith('Tokenise'):
                step.tokenizer = str(tokenizer)
        sample = DATASETS.build(data)[1]['data_samples']
        shapes[name] = {key: tuple(value.shape)
                        for key, value in sample.items()}
        assert sample.sample_idx == 1
    assert shapes == dict(
        train=dict(text_ids=(40, ), text_mask=(40, ),
                   false_text_ids=(15, 40), false_text_mask=(15, 40)),
        val=dict(text_ids=(5, 40), text_mask=(5, 40)))
    assert cfg.train_dataloader.dataset.split == 'trainval'
    assert cfg.val_dataloader.dataset.split == 'test'


def test_foreign_counts(flickr30k):
    with pytest.raises(DataError, match='test 2 / train 3 / val 1 images; .*'
                       'test 1,000 / train 29,000 / val 1,014'):
        build(flickr30k, check_counts=True)
    with pytest.raises(ConfigError, match="no split 'dev'"):
        build(flickr30k, 'dev')


def test_missing_image(cases, tmp_path):
    root = cases.write_karpathy(tmp_path)
    (root / 'flickr30k-images/1001.jpg').unlink()
    with pytest.raises(DataNotFoundError, match=r'1 of 3 .*1001\.jpg'):
        build(root)
    assert len(build(root, 'test', test_mode=True)) == 2
    found = {one.what: one for one in check_flickr30k(root)}
    assert '29,000' in found['dataset_flickr30k.json'].problem
    assert not found['captions'].problem
    assert '1 of 6 images are missing: 1001.jpg' in (
        found['flickr30k-images/'].problem)


def test_real_sample(shared_data):
    path = shared_data / 'flickr30k/dataset_flickr30k_sample.json'
    images = read_karpathy(path, counts=None)
    assert [one['filename'] for one in images] == [
        '1000092795.jpg', '1007129816.jpg']
    with pytest.raises(DataError, match='cannot be compared'):
        read_karpathy(path)
