"""Every image with every text: the same as one by one, in order."""

import pytest
import torch
from lm4ve_vqa.evaluation import retrieval_loop
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError

WIDTH = 6


@MODELS.register_module(name='ToyRetriever', force=True)
class ToyRetriever(BaseModel):
    """Scores by inner products of means; knows the images by their mean."""

    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor)
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(26, WIDTH)
        self.image = torch.nn.Linear(3, WIDTH)
        self.calls = []

    def encode_image(self, inputs):
        return self.image(inputs.mean((2, 3)))[:, None]

    def encode_text(self, text_ids, text_mask):
        return self.table(text_ids)

    def match(self, image_features, text_features, text_mask):
        self.calls.append(len(image_features))
        text = (text_features * text_mask[..., None]).sum(1)
        return (image_features[:, 0] * text).sum(1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        raise AssertionError('pairs go through match alone')


def make(flickr30k, tokenizer, tmp_path, model='ToyRetriever', **loop):
    cfg = Config.fromfile('projects/vqa/configs/_base_/datasets/flickr30k.py')
    loader = cfg.test_dataloader
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    loader.dataset.update(data_root=str(flickr30k), check_counts=False,
                          split='train')
    for step in loader.dataset.pipeline:
        if step.type.endswith('Tokenise'):
            step.tokenizer = str(tokenizer)
        if step.type.endswith('ResizeCrop'):
            step.size = 16
    return Runner.from_cfg(Config(dict(
        default_scope='mmpretrain', work_dir=str(tmp_path),
        log_level='ERROR', experiment_name=tmp_path.name,
        model=dict(type=f'lm4ve_mm.{model}',
                   data_preprocessor=dict(cfg.data_preprocessor)),
        test_dataloader=loader,
        test_cfg=dict(type='lm4ve_mm.RetrievalTestLoop', **loop),
        test_evaluator=cfg.test_evaluator)))


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(retrieval_loop, 'print_log',
                        lambda text, **kwargs: lines.append(text))
    return lines


def one_by_one(runner):
    """Scores of single pairs, without any of the loop's code."""
    model, rows = runner.model.eval(), []
    items = [runner.test_dataloader.dataset[i] for i in range(3)]
    for item in items:
        data = model.data_preprocessor(dict(
            inputs=item['inputs'][None], data_samples=None), False)
        image = model.encode_image(data['inputs'])
        rows.append([
            model.match(image, model.encode_text(ids[None], mask[None]),
                        mask[None]).item()
            for other in items
            for ids, mask in zip(other['data_samples'].text_ids,
                                 other['data_samples'].text_mask)])
    return torch.tensor(rows)


def test_all_pairs(flickr30k, tokenizer, tmp_path, said):
    runner = make(flickr30k, tokenizer, tmp_path, pairs=4)
    kept = {}

    def keep(scores, image_of):
        kept.update(scores=scores, image_of=image_of)
        return as_samples(scores, image_of)

    as_samples = retrieval_loop.as_samples
    retrieval_loop.as_samples = keep
    try:
        found = runner.test()
    finally:
        retrieval_loop.as_samples = as_samples
    # One pair for the forecast, then 15 texts in fours for each image.
    assert runner.model.calls == [1] + [4, 4, 4, 3] * 3
    assert kept['image_of'].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert torch.allclose(kept['scores'], one_by_one(runner), atol=1e-5)
    assert set(found) == {f'retrieval/{way}@{k}' for way in ('IR', 'TR')
                          for k in (1, 5, 10)}
    assert found['retrieval/IR@5'] == 100
    text, = [line for line in said if line.startswith('matching')]
    assert '3 images with 15 texts: 45 pairs in 12 calls of up to 4' in text
    assert not any('SUBSET' in line for line in said)


def test_subset_is_said(flickr30k, tokenizer, tmp_path, said):
    """The first images, and the first texts of these."""
    runner = make(flickr30k, tokenizer, tmp_path, num_images=2, num_texts=7)
    found = runner.test()
    text, = [line for line in said if 'SUBSET' in line]
    assert '2 images with 7 texts out of 3 images' in text
    assert runner.model.calls == [1, 7, 7]
    assert found['retrieval/IR@5'] == found['retrieval/TR@10'] == 100


@pytest.mark.parametrize('loop, message', [
    (dict(num_images=0), 'num_images=0'), (dict(pairs=0), 'pairs=0'),
    (dict(bf16=True, fp16=True), 'either bf16 or fp16')])
def test_bad_settings(flickr30k, tokenizer, tmp_path, loop, message):
    runner = make(flickr30k, tokenizer, tmp_path, **loop)
    with pytest.raises(ConfigError, match=message):
        runner.test()


def test_model_for_something_else(flickr30k, tokenizer, tmp_path,
                                  monkeypatch):
    runner = make(flickr30k, tokenizer, tmp_path)
    monkeypatch.delattr(ToyRetriever, 'match')
    with pytest.raises(ConfigError, match='ToyRetriever has no match'):
        runner.test()
