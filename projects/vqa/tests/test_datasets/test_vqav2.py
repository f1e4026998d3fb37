"""VQAv2's files: items, targets, and what does not fit together."""

import json
import pickle

import numpy as np
import pytest
from lm4ve_vqa.datasets import VQAv2
from lm4ve_vqa.datasets.checks import check_vqav2
from lm4ve_vqa.datasets.vqav2_files import PARTS
from lm4ve_vqa.evaluation import vqa_accuracy
from mmengine.config import Config

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

BASE = 'projects/vqa/configs/_base_/datasets'


def build(root, split='train', **options):
    options.setdefault('answers', str(root / 'answers.json'))
    return VQAv2(split, data_root=str(root), **options)


def edit(root, name, change):
    content = json.loads((root / name).read_text())
    change(content)
    (root / name).write_text(json.dumps(content))


def test_items(vqav2, cases):
    """The last question has no answer in the vocabulary: left out."""
    data = build(vqav2)
    assert len(data) == 6 and data.metainfo['answers'] == (
        'yes', '2', 'red', 'no')
    found = data.get_data_info(1)
    assert found['question'] == found['text'] == 'how many the dog 1?'
    assert found['question_id'] == 9001 and found['image_id'] == 9
    assert found['img_path'].endswith(
        'train2014/COCO_train2014_000000000009.jpg')
    assert found['gt_answer'] == cases.given[1][0]
    assert found['answer_type'] == 'number'
    assert found['question_type'] == 'how many'
    assert found['gt_score'].dtype == np.float32
    scores = [data.get_data_info(i)['gt_score'].tolist() for i in range(3)]
    assert np.allclose(scores, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, .9, 0]])
    assert len(pickle.loads(pickle.dumps(data))) == 6


@pytest.mark.parametrize('split, options, count', [
    ('val', dict(test_mode=True), 8),
    ('val', dict(test_mode=True, drop_unanswerable=True), 6),
    ('trainval', {}, 12), ('trainval', dict(drop_unanswerable=False), 16),
    ('train', dict(answers=None), 8),
    ('test', dict(test_mode=True), 8)])
def test_splits(vqav2, split, options, count):
    data = build(vqav2, split, **options)
    assert len(data) == count
    answered = split != 'test'
    info = data.get_data_info(count - 1)
    assert ('gt_answer' in info) == answered
    assert ('gt_score' in info) == (answered and 'answers' not in options)
    if split == 'trainval':
        assert '/val2014/' in info['img_path']


def test_pipeline_of_the_config(vqav2, tokenizer):
    """What the model gets: uint8 RGB, ids, masks, scores, and names."""
    cfg = Config.fromfile(f'{BASE}/vqav2.py')
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.update(data_root=str(vqav2),
                              answers=str(vqav2 / 'answers.json'))
        for step in loader.dataset.pipeline:
            if step.type.endswith('Tokenise'):
                step.tokenizer = str(tokenizer)
        item = DATASETS.build(loader.dataset)[0]
        assert item['inputs'].shape == (3, 224, 224)
        assert str(item['inputs'].dtype) == 'torch.uint8'
        sample = item['data_samples']
        assert sample.text_ids.shape == sample.text_mask.shape == (50, )
        assert sample.gt_score.tolist() == [1, 0, 0, 0]
        assert sample.question_id == 9000 and len(sample.gt_answer) == 10
        assert sample.answer_type == 'yes/no'


def test_no_such_split(vqav2):
    with pytest.raises(ConfigError, match="no split 'minival'; there are tra"):
        build(vqav2, 'minival')
    with pytest.raises(ConfigError, match='nothing can be trained on it'):
        build(vqav2, 'test')


QUESTIONS, ANNOTATIONS = PARTS['train'].questions, PARTS['train'].annotations


def lose_image(root):
    (root / 'train2014/COCO_train2014_000000000010.jpg').unlink()


def cut(root):
    text = (root / ANNOTATIONS).read_text()
    (root / ANNOTATIONS).write_text(text[:400])


@pytest.mark.parametrize('spoil, error, message', [
    (lose_image, DataNotFoundError,
     r'1 of 2 images .* are not in .*train2014: COCO_train2014_0+10\.jpg'),
    (cut, DataError, 'cannot read the annotations .*cut off'),
    (lambda r: (r / QUESTIONS).unlink(), DataNotFoundError,
     'no file of questions'),
    (lambda r: edit(r, ANNOTATIONS, lambda c: c['annotations'].pop()),
     DataError, r'1 of 8 questions have no annotation \(question_id 10003'),
    (lambda r: edit(r, QUESTIONS, lambda c: c['questions'].pop()),
     DataError, r'1 annotations have no question \(question_id 10003'),
    (lambda r: edit(r, ANNOTATIONS, lambda c: c['annotations'][0].update(
        image_id=77)), DataError, 'is about image 9, its annotation about 77'),
    (lambda r: edit(r, ANNOTATIONS, lambda c: c['annotations'][2][
        'answers'].pop()), DataError, 'question 9002 has 9 answers'),
    (lambda r: edit(r, QUESTIONS, lambda c: c['questions'].append(
        c['questions'][3])), DataError, '9003 more than once'),
    (lambda r: edit(r, QUESTIONS, lambda c: c['questions'][1].pop(
        'image_id')), DataError, r'questions\[1\] lacks image_id'),
    (lambda r: edit(r, QUESTIONS, lambda c: c.pop('questions')), DataError,
     "no list 'questions'"),
    (lambda r: (r / 'answers.json').unlink(), DataNotFoundError,
     'no file of answers'),
])
def test_what_does_not_fit(cases, tmp_path, spoil, error, message):
    root = cases.write_vqav2(tmp_path, parts=('train', ))
    spoil(root)
    with pytest.raises(error, match=message):
        build(root)


def test_real_questions(shared_data):
    """27 questions of 8 photos, which are not here."""
    sample = json.loads((shared_data / 'vqav2/v2_OpenEnded_mscoco_val2014_'
                         'questions_sample.json').read_text())['questions']
    part = PARTS['val']
    assert part.image(sample[0]['image_id']) == (
        'COCO_val2014_000000262148.jpg')
    assert len({part.image(one['image_id']) for one in sample}) == 8


def test_a_real_question(shared_data, cases, tmp_path):
    """The one whose annotation is here, among the 3,129 real answers."""
    real, part = shared_data / 'vqav2', PARTS['val']
    given, = json.loads((real / 'v2_mscoco_val2014_annotations_sample.json'
                         ).read_text())['annotations']
    asked = [one for one in json.loads(
        (real / 'v2_OpenEnded_mscoco_val2014_questions_sample.json'
         ).read_text())['questions']
        if one['question_id'] == given['question_id']]
    for name, content in ((part.questions, dict(questions=asked)),
                          (part.annotations, dict(annotations=[given]))):
        (tmp_path / name).write_text(json.dumps(content))
    cases.save_photo(tmp_path / part.images / part.image(given['image_id']))
    data = build(tmp_path, 'val', answers=str(
        real / 'uniter_ans2label.json'))
    item, = [data.get_data_info(i) for i in range(len(data))]
    assert item['question'] == 'Where is he looking?'
    score = item['gt_score']
    assert score.shape == (3129, )
    assert {data.metainfo['answers'][i]: round(float(score[i]), 2)
            for i in score.nonzero()[0]} == dict(
                down=1., table=.3, skateboard=.3, **{'at table': .3})
    assert vqa_accuracy('table', item['gt_answer']) == pytest.approx(.3)


def test_check(cases, tmp_path):
    """Counts, images that are missing or damaged, and the vocabulary."""
    root = cases.write_vqav2(tmp_path)
    path = root / 'val2014/COCO_val2014_000000000010.jpg'
    path.write_bytes(path.read_bytes()[:800])
    (root / 'test2015/COCO_test2015_000000000009.jpg').unlink()
    found = {one.what: one for one in check_vqav2(root)}
    assert '8 questions in train, published are 443,757' in found[
        QUESTIONS].problem
    assert not found[ANNOTATIONS].problem
    assert '1 of 2 images cannot be decoded: COCO_val2014_000000000010' in (
        found['val2014/'].problem)
    assert found['test2015/'].state == 'missing'
    assert 'published are 82,783' in found['train2014/'].problem
    assert '4 answers' in found['answers.json'].problem
    assert 'v2_mscoco_test2015_annotations.json' not in found
