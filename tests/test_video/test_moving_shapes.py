"""Generated videos: what moves where, the files, several processes."""

import multiprocessing

import av
import numpy as np
import pytest

from lm4ve_mm.video.datasets import MovingShapes
from lm4ve_mm.video.files import AnnotationError
from lm4ve_mm.video.files.moving_scenes import CLASSES, render

SMALL = dict(count=12, size=32, frames=6, pipeline=[])
FORK = multiprocessing.get_context('fork')


def scene(name, seed=0, frames=8, noise=0.):
    rng = np.random.default_rng(seed)
    return render(CLASSES.index(name), rng, 64, frames, noise)


def trace(clip):
    """Centre (x, y) and area of the shape in each frame.

    The shape is what differs from the plane that fits the background.
    """
    y, x = np.mgrid[:64, :64]
    border = np.ones((64, 64), bool)
    border[3:-3, 3:-3] = False
    plane = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3).astype(float)
    found = []
    for frame in clip.astype(float).reshape(len(clip), -1, 3):
        # The shape may touch the border: the fit leaves out what is far off.
        use = border.reshape(-1)
        for _ in range(3):
            fit = np.linalg.lstsq(plane[use], frame[use], rcond=None)[0]
            away = abs(frame - plane @ fit).max(1)
            use = away < 25
        inside = (away > 60).reshape(64, 64)
        found.append((x[inside].mean(), y[inside].mean(), inside.sum()))
    return np.array(found).T


@pytest.mark.parametrize(('name', 'axis', 'sign'), [
    ('right', 0, 1), ('left', 0, -1), ('down', 1, 1), ('up', 1, -1)])
def test_movers_move(name, axis, sign):
    for seed in range(8):
        moved = trace(scene(name, seed))
        steps = sign * np.diff(moved[axis])
        # From .35 to .55 of 64 pixels, in seven equal steps; half a pixel is
        # the rounding of a mask's centre.
        assert (steps > 22.4 / 7 - .5).all() and (steps < 35.2 / 7 + .5).all()
        assert abs(np.diff(moved[1 - axis])).max() < .5
        assert np.ptp(moved[2]) / moved[2].mean() < .25


@pytest.mark.parametrize(('name', 'sign'), [('growing', 1), ('shrinking', -1)])
def test_growers_grow_on_the_spot(name, sign):
    for seed in range(8):
        x, y, area = trace(scene(name, seed))
        assert (sign * np.diff(area) > 0).all()
        assert np.ptp(x) < 1 and np.ptp(y) < 3  # a triangle's is off-centre
        assert area.max() / area.min() > 3


@pytest.mark.parametrize('first', ['right', 'down', 'growing'])
def test_no_frame_tells_the_class(first):
    """Every second class is the one before it, backwards, noise and all."""
    second = CLASSES[CLASSES.index(first) + 1]
    forwards = scene(first, seed=3, noise=4.)
    backwards = scene(second, seed=3, noise=4.)
    assert np.array_equal(forwards[::-1], backwards)
    assert not np.array_equal(forwards, backwards)


def test_noise_is_as_strong_as_said():
    clean, noisy = scene('right', 1), scene('right', 1, noise=4.)
    # The first frame: later ones follow other draws, but the same scene.
    difference = noisy.astype(float) - clean
    middle = (clean > 20) & (clean < 235)
    # Rounding adds a variance of 1/12 twice; tens of thousands of pixels.
    assert difference[middle].std() == pytest.approx(4, abs=.1)


def test_shapes_are_bright_on_dark():
    for seed in range(20):
        frame = scene('right', seed, frames=2)[0]
        dark = (frame <= 90).all(-1)
        bright = (frame >= 150).all(-1)
        # What is neither is the blended edge.
        assert dark.mean() > .7 and .02 < bright.mean() < .2
        assert (dark | bright).mean() > .95


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == 'h264'
        return np.stack([frame.to_ndarray(format='rgb24')
                         for frame in container.decode(video=0)])


def test_files_hold_the_scenes(tmp_path):
    shapes = MovingShapes('train', str(tmp_path), **SMALL)
    assert [info['label'] for info in shapes] == [*range(6)] * 2
    assert shapes.metainfo['classes'] == CLASSES
    assert (tmp_path / 'train/list.csv').read_text().splitlines()[:2] == [
        '00000.mp4 0', '00001.mp4 1']
    seeds = np.random.SeedSequence((0, 0)).spawn(12)
    for i in (0, 5):
        clip = decoded(shapes[i]['filename'])
        wanted = render(i % 6, np.random.default_rng(seeds[i]), 32, 6, 4.)
        assert clip.shape == wanted.shape == (6, 32, 32, 3)
        # What yuv420p and the codec lose, mostly of the noise.
        assert abs(clip.astype(float) - wanted).mean() < 6


def test_same_settings_same_videos(tmp_path):
    one, again = (MovingShapes('train', str(tmp_path / name), **SMALL)
                  for name in 'ab')
    longer = MovingShapes('train', str(tmp_path / 'c'),
                          **dict(SMALL, count=18))
    for i in range(12):
        clips = [decoded(data[i]['filename'])
                 for data in (one, again, longer)]
        assert np.array_equal(clips[0], clips[1])
        assert np.array_equal(clips[0], clips[2])
    test = MovingShapes('test', str(tmp_path / 'a'), **SMALL)
    other = MovingShapes('train', str(tmp_path / 'd'), seed=1, **SMALL)
    first = decoded(one[0]['filename']).astype(float)
    for data in (test, other):
        assert abs(decoded(data[0]['filename']) - first).mean() > 10


def test_other_settings_are_refused(tmp_path):
    MovingShapes('train', str(tmp_path), **SMALL)
    with pytest.raises(AnnotationError, match="'noise': 4.0, .* wanted is .*"
                       "'noise': 0.5, .* remove it, or give another data_roo"):
        MovingShapes('train', str(tmp_path), noise=.5, **SMALL)


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(split='val'), "the splits 'train' and 'test', not 'val'"),
    (dict(count=0), 'count=0 has to be at least 1'),
    (dict(frames=1), 'frames=1 at least 2'),
    (dict(size=33), 'size=33 even'),
    (dict(noise=-1), 'noise=-1 is less than 0'),
])
def test_settings_without_sense(tmp_path, settings, message):
    given = dict(SMALL, split='train', data_root=str(tmp_path))
    with pytest.raises(ValueError, match=message):
        MovingShapes(**dict(given, **settings))


def load(root, results):
    shapes = MovingShapes('train', root, **SMALL)
    results.put([info['filename'] for info in shapes])


def test_two_ranks_at_once(tmp_path):
    results = FORK.Queue()
    both = [FORK.Process(target=load, args=(str(tmp_path), results))
            for _ in range(2)]
    for process in both:
        process.start()
    found = [results.get(timeout=60) for _ in both]
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert found[0] == found[1]
    # One folder, whole, and nothing half-made beside it.
    assert sorted(path.name for path in tmp_path.iterdir()
                  if path.suffix != '.lock') == ['train']
    assert len(list((tmp_path / 'train').glob('*.mp4'))) == 12
