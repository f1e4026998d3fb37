"""Golden numbers of the reference's data code, E.10 to E.15."""

import numpy as np
import pytest
from lm4ve_vqa3d.datasets.augmentation import (
    Draws,
    move_boxes,
    turn_about,
)
from lm4ve_vqa3d.datasets.situations import to_quaternion
from lm4ve_vqa3d.datasets.sqa3d_dataset import SQA3D
from lm4ve_vqa3d.datasets.targets import box_targets, votes_of
from lm4ve_vqa3d.datasets.transforms import (
    AugmentScene,
    SampleScene,
    point_columns,
)
from lm4ve_vqa3d.datasets.word_vectors import read_word_vectors

from lm4ve_mm.utils.errors import DataError

ROWS = 3 * np.arange(200) % 600


@pytest.fixture(scope='module')
def data(sqa3d):
    return SQA3D('train', data_root=str(sqa3d),
                 answer_counts='sqa_task/answer_counter.json')


@pytest.fixture
def visited(data, monkeypatch):
    """A question's scene, its 200 points taken in the golden order."""
    monkeypatch.setattr(SampleScene, 'choose', lambda self, count: ROWS)
    return lambda index: SampleScene(200).transform(data.get_data_info(index))


def near(found, wanted, tolerance=2e-6):
    np.testing.assert_allclose(
        np.ravel(found), wanted, rtol=tolerance, atol=tolerance)


def aux(results):
    return [*results['position'], *to_quaternion(results['rotation'])]


def test_scene(data):
    scene = data.scene_folder['scene0000_00']
    near(scene.raw_centre, [0.50002813339, -0.19999271631, 1.2001218796])
    near(scene.vertices[:, :3].astype(float).sum(), 764.52677689, 1e-5)
    near(scene.boxes[:, :6][[0, 3]], [
        0.95306646824, -1.1404381096, 1.4501377046, 4.5606343746,
        4.0329822898, 2.1997240186, 0.93963360786, -1.1275895834,
        1.4501398504, 4.6493630409, 3.933958292, 2.1997192502])
    near(scene.floor, 0.35027524829)


def test_points_and_targets(visited):
    found = visited(0)
    points = point_columns(found, ('height', ), 'normal')
    assert points.shape == (200, 4) and points.dtype == np.float32
    near(points[0], [0.49349200726, 0.28969675303, 1.8783601522,
                     1.5280848742])
    near(points[199], [0.78718698025, -1.120785594, 2.0059123039,
                       1.6556370258])
    near(points.astype(float).sum(0), [
        188.42933166, -228.48933046, 295.45988235, 225.40482885], 1e-5)
    votes = votes_of(found['xyz'], found['instances'], found['labels'])
    near(votes['vote_label'].astype(float).sum(0), 3 * [
        -18.635153711, -6.3313305378, -2.9456038475], 1e-5)
    near(votes['vote_label'][1],
         3 * [-1.6115398407, -0.78681898117, -0.78125083447])
    assert votes['vote_mask'].sum() == 133
    boxes = box_targets(found['boxes'])
    assert boxes['size_class'][:5].tolist() == [0, 2, 17, 5, 0]
    assert boxes['box_mask'].sum() == 4
    near(boxes['center_label'][[0, 3]], [
        0.95306646824, -1.1404380798, 1.4501377344, 0.93963360786,
        -1.1275895834, 1.4501398802])
    near(boxes['size_residual'][[0, 3]], [
        3.785585165, 3.0840051174, 1.2343034744, 4.0883507729,
        3.3254861832, 0.48021525145])


@pytest.mark.parametrize('index, wanted', list(enumerate([
    (1.2825015783, -1.2457031012, 1.4501218796, 0, 0, 0.14943806827,
     0.98877108097),
    (2.1629366875, -0.031276728958, 1.5501219034, 0, 0, 0.80483555794,
     0.59349787235),
    (-0.2480776757, -0.35839033127, 1.0501219034, 0.12595689297,
     0.38833171129, 0.65070652962, 0.64024549723),
    (0.80002814531, -0.39999270439, 1.2001218796, 0, 0, 0.70710676908,
     0.70710676908)])))
def test_situations(data, index, wanted):
    near(aux(data.get_data_info(index)), wanted)


def test_answers(data):
    """Soft targets; what is not in the dictionary is unknown."""
    assert data.answers == ['chair', 'lamp', 'red', 'two', 'unknown']
    scores = np.stack([data.get_data_info(i)['gt_score'] for i in range(4)])
    near(scores, np.ravel([[0, 0, 1, 0, 0], [0, 0, 0, .3, 0],
                           [.9, 0, 0, 0, 0], [0, 0, 0, 0, .3]]))


CASES = [
    (0, (.6, .2, .9, .1, .75), (100, 500, 900), dict(
        row0=(-1.0307041407, 0.13057664037, 2.2549548149, 1.5280848742),
        colsum=(-276.37983635, -257.35389482, 344.97823939, 225.40482885),
        box0=(-1.3910734653, -1.2832679749, 1.6972396374),
        residual3=(4.2442073822, 3.5240502357, 0.47485685349),
        votes=(1.7080930471, -0.65389227867, -0.73173332214),
        aux=(-1.7143001556, -1.402487874, 1.6669186354, -0.028401466087,
             -0.040327899158, 0.99074345827, 0.12646889687))),
    (2, (.2, .8, .3, .6, .05), (0, 1000, 250), dict(
        row0=(0.0071604251862, 0.23542660475, 1.628426075, 1.5280848742),
        colsum=(111.54374492, 322.75067878, 233.9734287, 225.40482885),
        box0=(0.56790030003, 1.6099877357, 1.1426056623),
        residual3=(4.3819670677, 3.6780881882, 0.47887524962),
        votes=(-1.5557641983, 0.88782697916, -0.77608346939),
        aux=(-0.69825607538, 0.91164469719, 0.79114615917, 0.40995019674,
             0.11575642228, 0.6693136692, -0.60873681307))),
    (1, (.9, .9, .5, .5, .5), (500, 500, 500), dict(
        row0=(-0.49349200726, -0.28969675303, 1.8783601522, 1.5280848742),
        colsum=(-188.42933166, 228.48933046, 295.45988235, 225.40482885),
        box0=(-0.95306646824, 1.1404380798, 1.4501377344),
        residual3=(4.0883507729, 3.3254861832, 0.48021525145),
        votes=(1.6115398407, 0.78681898117, -0.78125083447),
        aux=(-2.1629366875, 0.031276728958, 1.5501219034, 0, 0,
             -0.59349787235, 0.80483555794))),
    (0, (.1, .1, .0, 1., .25), (700, 30, 444), dict(
        row0=(0.87160861492, -0.046587914228, 1.7399286032, 1.5280848742),
        colsum=(246.09085108, -305.05927372, 285.43121435, 225.40482885),
        box0=(1.2389348745, -1.5260334015, 1.3990745544),
        residual3=(4.2378468513, 3.5237724781, 0.47184464335),
        votes=(-1.7194551229, -0.83486771584, -0.57492101192),
        aux=(1.5630272627, -1.6451493502, 1.3794862032, -0.035485606641,
             0.050386838615, 0.12947639823, 0.98966550827))),
]


@pytest.mark.parametrize('index, uniform, steps, wanted', CASES)
def test_augmentation(visited, index, uniform, steps, wanted):
    found = AugmentScene().apply(visited(index), uniform, steps)
    points = point_columns(found, ('height', ), 'normal')
    near(points[0], wanted['row0'])
    near(points.astype(float).sum(0), wanted['colsum'], 1e-5)
    boxes = box_targets(found['boxes'])
    near(boxes['center_label'][0], wanted['box0'])
    near(boxes['size_residual'][3], wanted['residual3'])
    votes = votes_of(found['xyz'], found['instances'], found['labels'])
    near(votes['vote_label'][1], 3 * wanted['votes'])
    near(aux(found), wanted['aux'])


def test_flip_of_a_tilted_situation(visited):
    """Along x it would be no rotation any more."""
    with pytest.raises(DataError, match='not a pure turn about the z axis'):
        AugmentScene().apply(visited(2), (.8, .2, .5, .5, .5), (500, ) * 3)
    found = AugmentScene(flip=False).apply(
        visited(2), (.8, .2, .5, .5, .5), (500, ) * 3)
    near(found['rotation'], visited(2)['rotation'].ravel())


@pytest.mark.parametrize('axis, angle, matrix, first, last', [
    (0, .0523, (1, 0, 0, 0, 0.99863266671, -0.052276160649, 0,
                0.052276160649, 0.99863266671),
     (0.95306646824, -1.2146863823, 1.3885371572, 4.5606343746,
      4.0329822898, 2.1967162627),
     (0.93963360786, -1.2018555364, 1.3892109717, 4.6493630409,
      3.933958292, 2.1967115009)),
    (1, -.0311, (0.99951643398, 0, -0.031094986871, 0, 1, 0, 0.031094986871,
                 0, 0.99951643398),
     (0.90751358479, -1.1404381096, 1.4790720566, 4.5584290068,
      4.0329822898, 2.1997240186),
     (0.89408715337, -1.1275895834, 1.4786565067, 4.6471147669,
      3.933958292, 2.1997192502)),
    (2, .0817, (0.99666441101, -0.081609140577, 0, 0.081609140577,
                0.99666441101, 0, 0, 0, 1),
     (1.0429576042, -1.0588551414, 1.4501377046, 4.8745501914,
      4.3917193703, 2.1997240186),
     (1.0285209932, -1.0471457168, 1.4501398504, 4.954901632,
      4.300266746, 2.1997192502))])
def test_turned_boxes(data, axis, angle, matrix, first, last):
    near(turn_about(axis, angle), matrix, 1e-9)
    angles = [0., 0., 0.]
    angles[axis] = angle
    found = move_boxes(data.scene_folder['scene0000_00'].boxes,
                       Draws(False, False, tuple(angles), np.zeros(3)))
    near(found[0, :6], first)
    near(found[3, :6], last)
    assert found[3, 6:].tolist() == [8, 6]


def test_colours(visited, data):
    """The same at every visit; the reference's end on request."""
    for _ in range(3):
        found = point_columns(visited(0), ('colour', 'height'), 'normal')
        near(found[0], [
            0.49349200726, 0.28969675303, 1.8783601522, -0.42890626192,
            -0.26249998808, 0.024218749255, 1.5280848742])
        near(found[:, 3:6].mean(0), [
            0.063203120035, 0.12257812962, 0.17539062007], 1e-5)
    found = point_columns(visited(0), ('colour', 'height'),
                          'legacy_constant')
    near(found[7, 3:6], [-0.43058823529, -0.38117647059, -0.32862745098])
    with pytest.raises(ValueError, match='read-only'):
        data.scene_folder['scene0000_00'].vertices[:] = 0


@pytest.mark.parametrize('index, tokens, lengths, sums', [
    (0, 'I am standing by the Table . what is behind me ?', (7, 5),
     (142.53331487, -218.48264298)),
    (1, None, (7, 4), (516.26032777, 546.36298066)),
    (2, 'me what, is ?', (1, 3), (-175.13246972, 158.6389926))])
def test_words(sqa3d, cases, index, tokens, lengths, sums):
    vectors = read_word_vectors(str(sqa3d / 'words.npz'))
    texts = cases.ITEMS[index][1:3]
    words = [vectors.words(text) for text in texts]
    if tokens:
        assert sum(words, []) == tokens.split()
    else:
        assert words[0] == ['I', ' ', 'am', 'by', 'the', 'door', '.']
        assert words[1] == ['Is', 'it', 'red', '?']
    for text, length, total in zip(texts, lengths, sums):
        found = vectors.embed(text)
        assert found.shape == (100, 300)
        assert np.flatnonzero(found.any(1)).tolist() == list(range(length))
        near(found.astype(float).sum(), total, 1e-5)
