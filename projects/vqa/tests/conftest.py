"""Small data sets in their true layouts, and a small tokenizer."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import lm4ve_vqa  # noqa: F401  (registers everything)
import numpy as np
import pytest
import torch
from lm4ve_vqa.datasets.vqav2_files import PARTS
from PIL import Image

from lm4ve_mm import apis

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / 'projects/vqa/configs'
# Question number -> ten answers, the type of answer and of question.
GIVEN = (
    (['yes'] * 10, 'yes/no', 'is'),
    (['2'] * 6 + ['two'] * 4, 'number', 'how many'),
    (['red'] * 3 + ['dark red'] * 7, 'other', 'what color'),
    (['a dog'] * 10, 'other', 'what'),
)
WORDS = ('<s>', '<pad>', '</s>', '<unk>', 'is', 'this', 'a', 'dog', 'how',
         'many', 'what', 'color', '?', 'in', 'the', 'photo', 'number', '0',
         '1', '2', '3', 'two', 'men', 'and', 'red', 'bus')

# A config with small encoders on the data of these tests.
SMALL = """
_base_ = ['{base}']
text_encoder = dict(
    _delete_=True, type='lm4ve_mm.TextTower', init='random',
    config=dict(model_type='roberta', vocab_size={words}, hidden_size=16,
                num_hidden_layers=1, num_attention_heads=2,
                intermediate_size=16, max_position_embeddings=40,
                pad_token_id=1))
model = dict(text_encoder=text_encoder{head})
pipeline = [
    dict(type='lm4ve_mm.LoadPhoto'),
    dict(type='lm4ve_mm.ResizeCrop', size=16),
    dict(type='lm4ve_mm.Tokenise', tokenizer='{tokenizer}', max_length=12),
    dict(type='mmpretrain.PackInputs',
         algorithm_keys=('text_ids', 'text_mask'),
         meta_keys=('question', 'question_id', 'image_id', 'gt_answer',
                    'answer_type', 'question_type', 'sample_idx'))]
data = dict(_delete_=True, type='lm4ve_mm.{data}', data_root='{root}',
            pipeline=pipeline{options})
train_dataloader = dict(dataset=dict(data, split='train'))
val_dataloader = dict(dataset=dict(data, split='{split}', test_mode=True))
test_dataloader = val_dataloader
"""


def save_photo(path, seed=0, size=(40, 60), mode='RGB', **options):
    """A random image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(
        0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def write_vqav2(root, parts=('train', 'val', 'test'), images=2):
    """VQAv2's files: four questions an image, image ids from 9 on."""
    for name in parts:
        part = PARTS[name]
        questions, annotations = [], []
        for image_id in range(9, 9 + images):
            save_photo(root / part.images / part.image(image_id), image_id)
            for number, (given, kind, question_type) in enumerate(GIVEN):
                shared = dict(image_id=image_id,
                              question_id=1000 * image_id + number)
                questions.append(dict(
                    shared, question=f'{question_type} the dog {number}?'))
                annotations.append(dict(
                    shared, question_type=question_type, answer_type=kind,
                    multiple_choice_answer=given[0],
                    answers=[dict(answer=answer, answer_id=place,
                                  answer_confidence='yes')
                             for place, answer in enumerate(given, 1)]))
        (root / part.questions).write_text(
            json.dumps(dict(questions=questions)))
        if part.annotations:
            (root / part.annotations).write_text(
                json.dumps(dict(annotations=annotations)))
    (root / 'answers.json').write_text('["yes", "2", "red", "no"]')
    return root


def write_karpathy(root, counts=dict(train=3, val=1, test=2)):
    """Flickr30k's files, five captions an image."""
    images, number = [], 0
    for split, count in counts.items():
        for _ in range(count):
            name = f'{1000 + number}.jpg'
            save_photo(root / 'flickr30k-images' / name, number)
            images.append(dict(
                split=split, filename=name, imgid=number, sentids=[],
                sentences=[dict(raw=f'two men and the {number} {place}',
                                tokens=[], imgid=number, sentid=0)
                           for place in range(5)]))
            number += 1
    (root / 'dataset_flickr30k.json').write_text(
        json.dumps(dict(dataset='flickr30k', images=images)))
    return root


def write_tokenizer(root, words=WORDS):
    """A tokenizer of whole words, in RoBERTa's order of special tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    made = Tokenizer(models.WordLevel(
        {word: place for place, word in enumerate(words)}, '<unk>'))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single='<s> $A </s>', special_tokens=[('<s>', 0), ('</s>', 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token='<s>', eos_token='</s>',
        pad_token='<pad>', unk_token='<unk>').save_pretrained(root)
    return root


def save_model(folder, text):
    """A config with weights for it."""
    config = folder / 'small.py'
    config.write_text(text)
    torch.manual_seed(0)
    model = apis.build_model(apis.load_config(config))
    torch.save(dict(state_dict=model.state_dict()), folder / 'small.pth')
    return config, folder / 'small.pth'


@pytest.fixture(scope='session')
def cases():
    """The makers of this file, since test modules cannot import it."""
    return SimpleNamespace(
        save_photo=save_photo, write_vqav2=write_vqav2,
        write_karpathy=write_karpathy, write_tokenizer=write_tokenizer,
        small=SMALL.format, save_model=save_model, given=GIVEN, words=WORDS)


@pytest.fixture(scope='session')
def vqav2(tmp_path_factory):
    """A small VQAv2 folder; not to be written into."""
    return write_vqav2(tmp_path_factory.mktemp('vqav2'))


@pytest.fixture(scope='session')
def flickr30k(tmp_path_factory):
    """A small Flickr30k folder; not to be written into."""
    return write_karpathy(tmp_path_factory.mktemp('flickr30k'))


@pytest.fixture(scope='session')
def tokenizer(tmp_path_factory):
    """Folder of a small tokenizer."""
    return write_tokenizer(tmp_path_factory.mktemp('tokenizer'))


@pytest.fixture(scope='session')
def retrieval(tmp_path_factory, flickr30k, tokenizer, cases):
    """A small model for search."""
    text = cases.small(
        base=CONFIGS / 'meter_tiny_minilm_digits_retrieval.py',
        words=len(cases.words), head=', neck=None', tokenizer=tokenizer,
        data='Flickr30k', root=flickr30k, options=', check_counts=False',
        split='test')
    return cases.save_model(tmp_path_factory.mktemp('retrieval'), text)


@pytest.fixture(scope='session')
def shared_data():
    """Real sample data, which is not ours to give."""
    at = Path(os.environ.get('LM4VE_SHARED_DATA', ROOT.parent / 'shared/data'))
    if not (at / 'vqav2').is_dir():
        pytest.skip(f'there is no real sample data in {at}; '
                    'LM4VE_SHARED_DATA names another folder')
    return at
