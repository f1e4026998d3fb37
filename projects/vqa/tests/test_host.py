"""The shared properties of a host with a frozen block, with METER."""

import json

import pytest
import torch

from lm4ve_mm.testing import (
    TINY_LLAMA,
    FrozenBlock,
    Host,
    Resume,
    TwoProcesses,
)

TEXT, ANSWERS = 6, 5


def question(index: int) -> dict:
    """An image, a text with padding, a soft target."""
    generator = torch.Generator().manual_seed(index)
    length = 3 + index % (TEXT - 2)
    ids = torch.randint(3, 40, (TEXT, ), generator=generator)
    ids[length:] = 1
    image = torch.randint(0, 256, (3, 16, 16), generator=generator)
    return dict(
        img=image.tolist(), img_path='', text_ids=ids.tolist(),
        text_mask=(torch.arange(TEXT) < length).long().tolist(),
        gt_score=torch.randint(
            0, 2, (ANSWERS, ), generator=generator).float().tolist())


@pytest.fixture(scope='session')
def questions(tmp_path_factory):
    """A folder with three batches of 16, for every process to read."""
    folder = tmp_path_factory.mktemp('questions')
    (folder / 'all.json').write_text(json.dumps(dict(
        metainfo={}, data_list=[question(index) for index in range(48)])))
    return folder


def meter(llm: dict) -> dict:
    """A small METER, the block behind the fusion."""
    sizes = dict(hidden_size=16, intermediate_size=32, num_attention_heads=2)
    return dict(
        type='lm4ve_mm.METERForVQA',
        data_preprocessor=dict(
            type='mmpretrain.ClsDataPreprocessor', mean=[128.] * 3,
            std=[64.] * 3),
        image_encoder=dict(
            type='lm4ve_mm.CLIPTower', init='random', config=dict(
                sizes, num_hidden_layers=2, image_size=16, patch_size=8)),
        text_encoder=dict(
            type='lm4ve_mm.TextTower', init='random', config=dict(
                sizes, model_type='roberta', num_hidden_layers=1,
                vocab_size=40, max_position_embeddings=12, pad_token_id=1,
                type_vocab_size=1)),
        fusion=dict(type='lm4ve_mm.CoAttention', embed_dims=16, num_layers=1,
                    num_heads=2),
        head=dict(type='lm4ve_mm.VQAHead', num_answers=ANSWERS),
        neck=dict(type='lm4ve_mm.TokenInsertNeck', llm=llm))


PIPELINE = [
    dict(type='ToTensor', keys=['img', 'text_ids', 'text_mask', 'gt_score']),
    dict(type='mmpretrain.PackInputs',
         algorithm_keys=('text_ids', 'text_mask'), meta_keys=()),
]


METER = Host(
    meter, TINY_LLAMA, 'neck.layer',
    dict(type='mmpretrain.MultiLabelDataset',
         ann_file='fixture:questions/all.json', pipeline=PIPELINE),
    metric=dict(type='mmpretrain.AveragePrecision'),
    imports=('lm4ve_vqa', ))


class TestMETER(FrozenBlock, Resume):
    HOST = METER


@pytest.mark.slow
class TestMETERInTwoProcesses(TwoProcesses):
    HOST = METER
