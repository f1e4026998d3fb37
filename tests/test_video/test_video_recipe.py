"""What _base_/datasets/ssv2.py and k400.py make of a video, as values."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

import lm4ve_mm.video  # noqa: F401  (registers everything)
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.video.datasets import VideoDecode, VideoInit
from lm4ve_mm.video.files import Clip, write_list
from lm4ve_mm.video.files.encoding import REPEATABLE, write_mp4

CONFIGS = Path(__file__).parents[2] / 'configs'
FRAMES = 64
MEAN = torch.tensor([123.675, 116.28, 103.53])
STD = torch.tensor([58.395, 57.12, 57.375])


def read(name):
    return Config.fromfile(CONFIGS / f'_base_/datasets/{name}.py')


def frame(index, height, width):
    """Red is the frame's number, green runs to the right, blue down."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[..., 0] = 40 + 3 * index
    picture[..., 1] = np.linspace(40, 200, width)
    picture[..., 2] = np.linspace(40, 200, height)[:, None]
    return picture


@pytest.fixture(scope='module')
def roots(tmp_path_factory):
    """The layout of SSv2: one 240x320 video, and one 320x240."""
    root = tmp_path_factory.mktemp('ssv2')
    (root / 'videos').mkdir()
    for name, shape in (('1.mp4', (240, 320)), ('2.mp4', (320, 240))):
        write_mp4(root / 'videos' / name,
                  [frame(i, *shape) for i in range(FRAMES)],
                  options=dict(REPEATABLE, crf='8'))
    clips = [Clip('1.mp4', 3), Clip('2.mp4', 5)]
    for split in ('train', 'val'):
        write_list(root / f'{split}.csv', clips)
    return root


def dataset(name, stage, root, without=()):
    config = read(name)[f'{stage}_dataloader'].dataset
    config.data_root = str(root)
    config.pipeline = [one for one in config.pipeline
                       if one.type not in without]
    return DATASETS.build(config)


def seed(number):
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


@pytest.fixture(scope='module')
def numbers(roots):
    """A function that tells the numbers of the frames (3, T, H, W).

    By their red, which the codec changes a little, but for all alike.
    """
    results = VideoInit()(dict(filename=str(roots / 'videos/1.mp4')))
    results['frame_inds'] = np.arange(FRAMES)
    reds = torch.tensor([one[..., 0].mean()
                         for one in VideoDecode()(results)['imgs']])
    assert (reds.diff() > 2).all()

    def tell(view):
        red = view[0].float().mean((1, 2))
        return (red[:, None] - reds).abs().argmin(1)

    return tell


def goes_right(view):
    """Whether green still runs to the right."""
    view = view.float()
    return bool(view[1, :, :, -20:].mean() > view[1, :, :, :20].mean())


def test_rand_augment_is_m7_n4_mstd05_inc1():
    augment = read('ssv2').train_pipeline[3]
    assert augment.type == 'lm4ve_mm.ClipRandAugment'
    assert (augment.magnitude_level, augment.num_policies,
            augment.magnitude_std, augment.total_level) == (7, 4, .5, 10)
    assert augment.policies == 'timm_increasing'


def test_a_quarter_is_erased_and_crops_are_wide():
    steps = {step.type: step for step in read('ssv2').train_pipeline}
    erase = steps['mmaction.RandomErasing']
    assert erase.erase_prob == .25 and erase.mode == 'rand'
    assert (erase.min_area_ratio, erase.max_area_ratio) == (.02, 1 / 3)
    crop = steps['mmaction.RandomResizedCrop']
    assert crop.area_range == (.08, 1.)
    assert crop.aspect_ratio_range == (3 / 4, 4 / 3)


def test_training_samples(roots):
    seed(0)
    samples = dataset('ssv2', 'train', roots)[0]
    assert len(samples) == 2
    for sample in samples:
        assert sample['inputs'].shape == (1, 3, 16, 224, 224)
        assert sample['inputs'].dtype == torch.uint8
        assert int(sample['data_samples'].gt_label) == 3
    assert not torch.equal(samples[0]['inputs'], samples[1]['inputs'])


@pytest.mark.parametrize(('name', 'share'), [('ssv2', 0.), ('k400', .5)])
def test_flips(roots, name, share):
    """Never on SSv2, in half of the samples on Kinetics."""
    clips = dataset(name, 'train', roots, without=(
        'lm4ve_mm.ClipRandAugment', 'mmaction.RandomErasing'))
    seed(0)
    flipped = [not goes_right(sample['inputs'][0])
               for _ in range(12) for sample in clips[0]]
    # Binomial, 24 draws: within 2.9 standard deviations.
    assert np.mean(flipped) == pytest.approx(share, abs=.3 if share else 0)


def test_training_frames(roots, numbers):
    """One of each sixteenth on SSv2, every fourth on Kinetics."""
    without = ('lm4ve_mm.ClipRandAugment', 'mmaction.RandomErasing')
    seed(0)
    drawn = numbers(
        dataset('ssv2', 'train', roots, without)[0][0]['inputs'][0])
    assert ((drawn / 4).floor() == torch.arange(16)).all()
    assert not (drawn == 4 * torch.arange(16)).all()
    drawn = numbers(
        dataset('k400', 'train', roots, without)[0][0]['inputs'][0])
    assert (drawn == 4 * torch.arange(16)).all()


@pytest.mark.parametrize('row', [0, 1])
def test_six_views_of_a_test(roots, numbers, row):
    """Three crops of the short side, each at two times."""
    sample = dataset('ssv2', 'test', roots)[row]
    views = sample['inputs'].float()
    assert views.shape == (6, 3, 16, 224, 224)
    for i, view in enumerate(views):
        # A start or middle of each sixteenth of 64 frames.
        assert numbers(view).tolist() == [
            4 * k + 2 * (i % 2) for k in range(16)]
    # The long side, 320, becomes 298 or 299: crops begin at 0, 74 and 37.
    long, short = (1, 2) if row == 0 else (2, 1)
    middles = views[:, long].mean((1, 2, 3)).reshape(3, 2)
    assert torch.allclose(middles[:, 0], middles[:, 1], atol=1)
    slope = 160 / 298
    starts = (middles[:, 0] - middles[0, 0]) / slope
    np.testing.assert_allclose(starts, [0, 74, 37], atol=1.5)
    # The short side is whole; the codec shifts colours by up to 3.
    ends = views[:, short].mean((0, 1)).movedim(2 - short, -1).mean(0)
    assert ends[0] == pytest.approx(40, abs=4)
    assert ends[-1] == pytest.approx(200, abs=4)


def test_validation_is_one_centre_view(roots, numbers):
    views = dataset('ssv2', 'val', roots)[0]['inputs'].float()
    assert views.shape == (1, 3, 16, 224, 224)
    assert (numbers(views[0]) == 4 * torch.arange(16)).all()
    # As much is cut off on the left as on the right.
    assert views[0, 1].mean() == pytest.approx(120, abs=4)


def test_fifteen_views_on_kinetics(roots):
    sample = dataset('k400', 'test', roots)[0]
    assert sample['inputs'].shape == (15, 3, 16, 224, 224)


def preprocessor(name):
    DefaultScope.get_instance('recipe', scope_name='mmaction')
    return MODELS.build(read(name).data_preprocessor)


def batch(count=8):
    """Plain clips; the level of the i-th is 20 times i, its class i."""
    samples = [ActionDataSample() for _ in range(count)]
    for i, sample in enumerate(samples):
        sample.set_gt_label(i)
    inputs = [torch.full((1, 3, 2, 16, 16), 20 * i, dtype=torch.uint8)
              for i in range(count)]
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize(('name', 'classes'), [('ssv2', 174), ('k400', 400)])
def test_mixing_mixes_labels_as_it_mixes_pixels(name, classes):
    process = preprocessor(name)
    kinds, shares = [], []
    for number in range(60):
        seed(number)
        data = process(batch(), training=True)
        labels = torch.stack([one.gt_label for one in data['data_samples']])
        assert labels.shape == (8, classes)
        torch.testing.assert_close(labels.sum(1), torch.ones(8))
        # Back to levels: the mean level has to be what the label says.
        pixels = data['inputs'][:, 0]
        levels = pixels * STD.view(3, 1, 1, 1) + MEAN.view(3, 1, 1, 1)
        wanted = labels @ (20. * torch.arange(classes))
        torch.testing.assert_close(
            levels.mean((2, 3, 4)), wanted[:, None].expand(8, 3), atol=.01,
            rtol=1e-4)
        # Mixup gives plain clips, cutmix gives rectangles.
        spread = levels.flatten(1).max(1)[0] - levels.flatten(1).min(1)[0]
        kinds.append(bool((spread > 1).any()))
        shares.append(labels[:, :8].max().item())
    # Half and half: 60 draws, within 3 standard deviations (.065). Cutmix
    # rectangles of nothing look like mixup of nothing, a few percent.
    assert np.mean(kinds) == pytest.approx(.47, abs=.2)
    assert min(shares) < .75


def test_mixup_and_cutmix_are_distributed_as_said():
    mixup, cutmix, nothing = preprocessor('ssv2').blending.augments
    assert nothing is None
    assert mixup.beta.concentration0 == mixup.beta.concentration1 == .8
    assert cutmix.beta.concentration0 == cutmix.beta.concentration1 == 1.
    assert preprocessor('ssv2').blending.probs == [.5, .5, 0.]


def test_frames_are_normalised_and_not_mixed_in_testing():
    data = preprocessor('ssv2')(batch(), training=False)
    wanted = (20. * torch.arange(8)[:, None] - MEAN) / STD
    torch.testing.assert_close(data['inputs'][:, 0, :, 0, 0, 0], wanted)
    assert [int(one.gt_label) for one in data['data_samples']] == [*range(8)]


def test_probabilities_of_the_views_are_averaged():
    cfg = Config.fromfile(CONFIGS / 'videomae_s_ssv2.py')
    DefaultScope.get_instance('recipe', scope_name='mmaction')
    head = MODELS.build(cfg.model.cls_head)
    scores = torch.randn(6, 174) * 3
    sample = ActionDataSample()
    head.predict_by_feat(scores, [sample])
    torch.testing.assert_close(sample.pred_score, scores.softmax(1).mean(0))
