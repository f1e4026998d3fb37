"""A folder of images, and what a config leaves to it."""

import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from PIL import Image

from lm4ve_mm.image.own_images import IMAGENET, settle
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)


def photos(root, classes=('cat', 'dog', 'owl'), splits=('train', 'val')):
    """Two images a class and split."""
    for split in splits:
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                Image.fromarray(PIXELS).save(folder / f'{number}.jpg')
    return root


def dataset(root, **more):
    return DATASETS.build(dict(
        type='lm4ve_mm.ImageFolder', data_root=str(root),
        data_prefix='train', pipeline=[], **more))


@pytest.fixture
def said(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger=logger.name):
        yield lambda: caplog.text
    logger.removeHandler(caplog.handler)


def test_images_and_labels(tmp_path, said):
    found = dataset(photos(tmp_path))
    assert found.metainfo['classes'] == ('cat', 'dog', 'owl')
    assert [found.get_data_info(k)['gt_label'] for k in range(6)] == [
        0, 0, 1, 1, 2, 2]
    assert 'train: 6 images of 3 classes\n' in said()


def test_what_is_special_is_counted_once(tmp_path, said):
    folder = photos(tmp_path) / 'train'
    Image.fromarray(PIXELS).convert('L').save(folder / 'cat/0.jpg')
    Image.fromarray(PIXELS).convert('L').save(folder / 'dog/1.jpg')
    Image.fromarray(PIXELS).convert('CMYK').save(folder / 'dog/0.jpg')
    (folder / 'owl/list.TXT').touch()
    (folder / 'owl/.hidden').touch()
    assert len(dataset(tmp_path)) == 6
    assert ('train: 6 images of 3 classes; 1 other files are left out (.txt); '
            '2 grey, repeated in three channels (such as cat/0.jpg); 1 CMYK, '
            ) in said()
    assert said().count('grey') == 1


def test_files_that_are_no_images_are_named(tmp_path):
    folder = photos(tmp_path) / 'train'
    (folder / 'cat/0.jpg').write_bytes(b'')
    (folder / 'dog/0.jpg').write_text('<html>')
    Image.fromarray(np.ones((4, 4), np.float32)).save(folder / 'dog/2.tif')
    with pytest.raises(DataError, match=(
            r'3 files in .*train are no images that can be used: '
            r'.*cat/0\.jpg \(it is empty\), .*dog/0\.jpg \(cannot identify '
            r'image file it\), .*dog/2\.tif \(it has floating-point')):
        dataset(tmp_path)
    assert len(dataset(tmp_path, look=False)) == 7


@pytest.mark.parametrize('make, error, words', [
    (lambda root: None, DataNotFoundError,
     r'there is no folder .*train: expected are train/CLASS/\*\.jpg'),
    (lambda root: (root / 'train').mkdir(), DataNotFoundError,
     'train has no class folder'),
    (lambda root: (root / 'train/cat').mkdir(parents=True), DataError,
     r'train holds no image: .*\.webp')])
def test_another_layout_is_an_error(make, error, words, tmp_path):
    make(tmp_path)
    with pytest.raises(error, match=words):
        dataset(tmp_path)


def config(root, **more):
    """A leaf in short."""
    def loader(split, *steps):
        return dict(dataset=dict(data_root='', data_prefix=split,
                                 pipeline=[dict(step) for step in steps]))

    resize = dict(type='mmpretrain.ResizeEdge', scale=None)
    crop = dict(type='mmpretrain.CenterCrop', crop_size=None)
    return Config(dict(
        data_root=str(root), img_size=384,
        model=dict(backbone=dict(img_size=None), head=dict(num_classes=0)),
        data_preprocessor=dict(num_classes=0, mean=None, std=None),
        train_dataloader=loader('train', dict(
            type='mmpretrain.RandomResizedCrop', scale=None)),
        val_dataloader=loader('val', resize, crop),
        val_evaluator=[dict(type='mmpretrain.Accuracy', topk=(1, 5))],
        test_evaluator=dict(type='mmpretrain.Accuracy', topk=(1, 5)), **more))


def test_everything_that_depends_on_the_folder_agrees(tmp_path):
    cfg = config(photos(tmp_path))
    said = settle(cfg)
    assert cfg.model.head.num_classes == 3
    assert cfg.data_preprocessor.to_dict() == dict(num_classes=3, **IMAGENET)
    assert cfg.val_evaluator[0].topk == cfg.test_evaluator.topk == (1, )
    assert cfg.model.backbone.img_size == 384
    train, = cfg.train_dataloader.dataset.pipeline
    resize, crop = cfg.val_dataloader.dataset.pipeline
    assert (train.scale, resize.scale, crop.crop_size) == (384, 439, 384)
    for split in ('train', 'val'):
        assert cfg[f'{split}_dataloader'].dataset.data_root == str(tmp_path)
    assert said[0] == f'3 classes in {tmp_path}/train: cat, dog, owl'
    assert 'val_evaluator: top (1,) of 3 classes instead of (1, 5)' in said
    assert any('no config.json lies beside' in line for line in said)
    again = cfg.to_dict()
    assert settle(cfg) == [] and cfg.to_dict() == again


def test_what_a_config_says_itself_stays(tmp_path):
    cfg = config(photos(tmp_path / 'a'))
    cfg.train_dataloader.dataset.data_root = str(photos(
        tmp_path / 'b', 'vwxyz12', ('train', )))
    cfg.model.head.num_classes = 9
    cfg.val_dataloader.dataset.pipeline[0].scale = 400
    settle(cfg)
    assert cfg.model.head.num_classes == 9
    assert cfg.data_preprocessor.num_classes == 7
    assert cfg.val_evaluator[0].topk == (1, 5)
    assert cfg.val_dataloader.dataset.pipeline[0].scale == 400


def test_a_wrapped_host_gets_its_size(tmp_path):
    cfg = config(photos(tmp_path))
    cfg.model.backbone = dict(backbone=dict(img_size=None))
    settle(cfg)
    assert cfg.model.backbone.backbone.img_size == 384


def test_statistics_are_those_of_the_host(tmp_path):
    cfg = config(photos(tmp_path))
    (tmp_path / 'config.json').write_text(json.dumps(dict(
        pretrained_cfg=dict(mean=[0.5] * 3, std=[0.5] * 3))))
    cfg.model.backbone.init_cfg = dict(checkpoint=str(tmp_path))
    said = settle(cfg)
    assert cfg.data_preprocessor.mean == [127.5] * 3
    assert said[-1].endswith('as config.json of the host says')


@pytest.mark.parametrize('change, words', [
    (dict(data_root=''), 'does not say where the images are'),
    (dict(img_size=None), 'img_size=None is no number of pixels')])
def test_what_is_left_open_is_an_error(change, words, tmp_path):
    cfg = config(photos(tmp_path))
    cfg.update(change)
    with pytest.raises(ConfigError, match=words):
        settle(cfg)


def test_one_class_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="has one class, 'cat'"):
        settle(config(photos(tmp_path, ('cat', ))))


def test_a_config_that_is_still_open_builds_no_model():
    from lm4ve_mm.registry import MODELS
    with pytest.raises(ConfigError, match='written into its work folder'):
        MODELS.build(dict(
            type='lm4ve_mm.FolderClassifier', backbone=SimpleNamespace(),
            head=dict(type='mmpretrain.LinearClsHead', num_classes=0,
                      in_channels=4)))
