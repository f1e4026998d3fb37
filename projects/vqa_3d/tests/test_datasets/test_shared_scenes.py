"""Several questions about a scene that is looked at once."""

import numpy as np
import pytest
import torch
from lm4ve_vqa3d.datasets import collate_scenes

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError

EACH = 3


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('shared') / 'rooms'


def shared(root, questions=EACH, steps=()):
    vectors = root.parent / 'words.npz'
    np.savez(vectors, words=np.array(['unk', 'window']),
             vectors=np.eye(2, 4))
    embed = dict(type='lm4ve_mm.EmbedTexts', word_vectors=str(vectors))
    scene = [dict(type='lm4ve_mm.SampleScene', num_points=64), *steps,
             dict(type='lm4ve_mm.DetectionTargets')]
    return DATASETS.build(dict(
        type='lm4ve_mm.SharedScenes', questions=questions,
        scene_pipeline=scene, dataset=dict(
            type='lm4ve_mm.Rooms', split='train', data_root=str(root),
            train=2, val=1, test=1,
            pipeline=[embed, dict(type='lm4ve_mm.PackSituatedQA')])))


def test_one_look_for_several_questions(root):
    """Each room once, with questions of its own, drawn anew."""
    data = shared(root)
    assert len(data) == 2
    assert data.metainfo['answers'] == data.dataset.answers
    batch = collate_scenes([data[0], data[1]])
    assert [one.shape for one in batch['inputs']] == [(64, 7)] * 2
    samples = batch['data_samples']
    assert len({one.question_id for one in samples}) == 2 * EACH
    scenes = [one.scene_id for one in samples]
    assert scenes == ['scene1000_00'] * EACH + ['scene1001_00'] * EACH
    # What the detector learns is there once for each scene.
    assert [name for name, one in enumerate(samples)
            if 'vote_label' in one] == [0, EACH]
    known = {info['question_id']: info for info in map(
        data.dataset.get_data_info, range(len(data.dataset)))}
    for one in samples:
        info = known[one.question_id]
        np.testing.assert_allclose(one.gt_position, info['position'],
                                   rtol=1e-6)
        assert one.gt_label == info['gt_label']
        assert one.question_text == info['question_text']
    drawn = {one.question_id for _ in range(20)
             for one in data[0]['data_samples']}
    assert len(drawn) > 20


def test_more_questions_than_there_are(root):
    assert len(shared(root, 90)[0]['data_samples']) == 90


def test_misused(root):
    with pytest.raises(ValueError, match='questions=0'):
        shared(root, 0)
    moving = dict(type='lm4ve_mm.AugmentScene')
    with pytest.raises(ConfigError, match='moves the situation'):
        shared(root, steps=[moving])[0]


def test_same_as_one_look_for_each(root):
    """Scores and losses of a shared look are those of repeated scenes."""
    cfg = apis.load_config('projects/vqa_3d/configs/sqa3d_rooms.py')
    cfg.model.update(word_dims=4, answers=None)
    cfg.model.detector.update(in_channels=4)
    torch.manual_seed(0)
    model = apis.build_model(cfg).double().eval()
    data = shared(root)
    batch = collate_scenes([data[0], data[1]])
    samples = batch['data_samples']
    points = torch.stack(batch['inputs']).double()
    scores, situations = model(points, samples)
    assert len(scores) == len(situations) == 2 * EACH
    repeated = points.repeat_interleave(EACH, 0)
    torch.testing.assert_close(model(repeated, samples)[0], scores)
    losses = model(points, samples, mode='loss')
    assert losses.keys() >= {'loss_vote', 'loss_answer'}
    found = model.predict(points, samples)
    assert torch.equal(found[0].proposals, found[EACH - 1].proposals)
    assert not torch.equal(found[0].proposals, found[EACH].proposals)
    with pytest.raises(DataError, match='5 questions about 2 scenes'):
        model(points, samples[:5])
    parts = model(points[:1], samples[:EACH], mode='loss')
    others = model(points[1:], samples[EACH:], mode='loss')
    assert losses['loss_answer'].item() == pytest.approx(
        (parts['loss_answer'] + others['loss_answer']).item() / 2)
