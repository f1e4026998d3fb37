"""The data set: damaged videos, repeated augmentation, data loaders."""

import errno
import logging
import shutil

import av
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.video.datasets import VideoClips
from lm4ve_mm.video.files import (
    AnnotationError,
    Clip,
    VideoError,
    VideoNotFoundError,
    write_list,
)

PIPELINE = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(type='lm4ve_mm.SampleSegments', clip_len=4),
    dict(type='lm4ve_mm.VideoDecode'),
    dict(type='mmaction.RandomResizedCrop'),
    dict(type='mmaction.Resize', scale=(16, 16), keep_ratio=False),
    dict(type='mmaction.FormatShape', input_format='NCTHW'),
    dict(type='mmaction.PackActionInputs'),
]


@pytest.fixture
def make(videos, tmp_path):
    """A function that makes a data set of the videos it is given."""

    def make_clips(*names, pipeline=PIPELINE, **kwargs):
        write_list(tmp_path / 'list.csv',
                   [Clip(name, i) for i, name in enumerate(names)])
        return VideoClips(str(tmp_path / 'list.csv'), pipeline=pipeline,
                          data_prefix=dict(video=str(videos)), **kwargs)

    return make_clips


@pytest.fixture
def warnings(monkeypatch):
    """What is logged as a warning or worse, as (level, text)."""
    logged = []
    monkeypatch.setattr(
        'lm4ve_mm.video.datasets.clips.print_log',
        lambda text, logger, level: logged.append((level, text)))
    return logged


def label(sample):
    return int(sample['data_samples'].gt_label)


def test_training_goes_past_damaged_videos_and_counts(make, warnings):
    clips = make('text.mp4', 'good.mp4', 'cut.mp4', 'empty.mp4')
    np.random.seed(0)
    assert label(clips[1]) == 1 and clips.num_damaged == 0
    # Whatever is asked for, the one good video comes.
    assert [label(clips[i]) for i in (0, 2, 3, 0)] == [1] * 4
    assert clips.num_damaged == 3
    for level, text in warnings:
        assert level == logging.WARNING
        assert 'Another video takes its place; so far ' in text
    first = warnings[0][1]
    assert 'cannot decode the video' in first and 'text.mp4' in first
    assert 'so far 1 of 4 videos are damaged' in first
    assert 'so far 3 of 4 videos are damaged' in warnings[-1][1]
    # Every replacement is told, also of one that is known.
    assert len([text for _, text in warnings if 'text.mp4' in text]) >= 2


def test_every_rank_tells(make, warnings, monkeypatch):
    monkeypatch.setattr('lm4ve_mm.video.datasets.clips.get_rank', lambda: 1)
    make('text.mp4', 'good.mp4')[0]
    assert warnings[0][0] == logging.ERROR


def test_testing_stops_at_damaged_videos(make):
    clips = make('good.mp4', 'cut.mp4', test_mode=True)
    assert label(clips[0]) == 0
    with pytest.raises(VideoError, match='cut.mp4'):
        clips[1]


def test_a_video_that_vanishes_stops_training(make, videos, tmp_path):
    shutil.copy(videos / 'good.mp4', tmp_path / 'gone.mp4')
    clips = make('good.mp4', str(tmp_path / 'gone.mp4'))
    (tmp_path / 'gone.mp4').unlink()
    with pytest.raises(VideoNotFoundError, match='no video .*gone.mp4'):
        clips[1]


def test_a_machine_that_refuses_stops_training(make, monkeypatch):
    def fail(*_, **__):
        av.error.err_check(-errno.EMFILE)

    clips = make('good.mp4', 'good.mkv', pipeline=[
        dict(type='lm4ve_mm.VideoInit', backend='pyav'), *PIPELINE[1:]])
    monkeypatch.setattr(av, 'open', fail)
    with pytest.raises(OSError, match='Too many open files: .*good.mp4'):
        clips[0]
    assert clips.num_damaged == 0


def test_other_errors_are_not_swallowed(make):
    with pytest.raises(AssertionError):
        make('good.mp4', pipeline=[
            *PIPELINE[:3], dict(type='mmaction.ThreeCrop', crop_size=99)])[0]


@pytest.mark.slow
def test_workers_share_the_count(make, capfd):
    clips = make('text.mp4', 'good.mp4', 'cut.mp4', 'good.mkv')
    # Forked workers can hang where threads are running, as under xdist.
    loader = DataLoader(clips, 2, num_workers=2, collate_fn=pseudo_collate,
                        multiprocessing_context='forkserver')
    labels = [int(sample.gt_label) for batch in loader
              for sample in batch['data_samples']]
    assert set(labels) <= {1, 3} and len(labels) == 4
    assert clips.num_damaged == 2


def test_repeats_share_the_decoding_and_nothing_else(make, monkeypatch):
    clips = make('good.mp4', 'good.mkv', num_repeats=2)
    opened = []
    init = TRANSFORMS.get('lm4ve_mm.VideoInit')
    transform = init.transform
    monkeypatch.setattr(
        init, 'transform',
        lambda self, results: opened.append(1) or transform(self, results))
    np.random.seed(1)
    samples = clips[1]
    assert len(opened) == 1 and len(samples) == 2
    assert [label(sample) for sample in samples] == [1, 1]
    inputs = [sample['inputs'].float() for sample in samples]
    assert inputs[0].shape == (1, 3, 4, 16, 16)
    # Other crops of the same frames, whose levels are 10 apart.
    assert not torch.equal(*inputs)
    levels = [each.mean((0, 1, 3, 4)) for each in inputs]
    np.testing.assert_allclose(np.diff(levels[0]), np.diff(levels[1]), atol=2)


def test_repeats_do_not_write_into_each_other(make):
    """What erases in place leaves the frames of the next one whole."""
    erase = dict(type='mmaction.RandomErasing', erase_prob=1., mode='const',
                 fill_color=(255, 0, 255), min_area_ratio=.3,
                 max_area_ratio=.3, aspect_range=(.9, 1.1))
    clips = make('good.mp4', num_repeats=6, pipeline=[
        *PIPELINE[:3], erase, *PIPELINE[5:]])
    np.random.seed(0)
    for sample in clips[0]:
        erased = (sample['inputs'][0, 0] == 255) & (
            sample['inputs'][0, 1] == 0)
        # Six in one would erase far more.
        assert erased.float().mean() == pytest.approx(.3, abs=.03)


def test_batches_of_repeats(make):
    clips = make('good.mp4', 'good.mkv', 'fast.mp4', 'good.mp4',
                 num_repeats=2)
    loader = Runner.build_dataloader(dict(
        dataset=clips, batch_size=2, num_workers=0,
        collate_fn=dict(type='mmengine.repeat_pseudo_collate'),
        sampler=dict(type='mmengine.DefaultSampler', shuffle=False)))
    batches = list(loader)
    # Two videos a batch, hence two batches, of four samples each.
    assert [[int(sample.gt_label) for sample in batch['data_samples']]
            for batch in batches] == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert len(batches[0]['inputs']) == 4
    assert FUNCTIONS.get('mmengine.repeat_pseudo_collate') is not None


def test_a_damaged_video_is_replaced_by_its_repeats(make, warnings):
    np.random.seed(0)
    samples = make('text.mp4', 'good.mp4', num_repeats=2)[0]
    assert [label(sample) for sample in samples] == [1, 1] and warnings


def test_names_of_classes_lie_beside_the_list(make, tmp_path, warnings):
    (tmp_path / 'classes.txt').write_text('Pushing a cup\n\nLifting it\n')
    for count in (None, 2):
        clips = make('good.mp4', 'good.mkv', num_classes=count)
        assert clips.metainfo['classes'] == ['Pushing a cup', 'Lifting it']
    given = make('good.mp4', metainfo=dict(classes=('a', 'b')))
    assert given.metainfo['classes'] == ('a', 'b')
    assert not warnings
    assert 'classes' not in make('good.mp4', num_classes=3).metainfo
    (_, text), = warnings
    assert 'names 2 classes, but num_classes=3' in text
    with pytest.raises(AnnotationError, match='label 2 of .*2 classes'):
        make('good.mp4', 'good.mkv', 'fast.mp4')


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(num_repeats=0), 'num_repeats=0 has to be at least 1'),
    (dict(num_repeats=2, test_mode=True), 'and 1 with test_mode=True'),
    (dict(num_repeats=2, pipeline=PIPELINE[:2]),
     r"no transform of \['VideoInit', 'SampleSegments'\] has 'Decode'"),
    (dict(delimiter=','), "no use for {'delimiter': ','}; rewrite the list"),
    (dict(multi_class=True, num_classes=2),
     "no use for {'multi_class': True}"),
])
def test_settings_without_sense(make, settings, message):
    with pytest.raises(ValueError, match=message):
        make('good.mp4', **settings)
