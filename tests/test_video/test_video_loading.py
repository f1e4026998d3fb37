"""Decoding by decord and PyAV: the same frames, and named faults."""

import errno
import sys

import av
import numpy as np
import pytest

from lm4ve_mm.video.datasets import VideoDecode, VideoInit
from lm4ve_mm.video.files import VideoError, VideoNotFoundError
from lm4ve_mm.video.files.encoding import write_mp4
from lm4ve_mm.video.files.frames import read_frames
from lm4ve_mm.video.files.packet_index import read_index

BACKENDS = ('decord', 'pyav')
both = pytest.mark.parametrize('backend', BACKENDS)


def load(path, backend, frame_inds):
    results = VideoInit(backend)(dict(filename=str(path)))
    results['frame_inds'] = np.array(frame_inds, np.int32)
    return VideoDecode()(results)


@both
@pytest.mark.parametrize('name', ['good.mp4', 'good.mkv', 'fast.mp4'])
def test_frames_are_those_asked_for(videos, backend, name):
    # Out of order and twice, as several clips ask for them.
    results = load(videos / name, backend, [7, 0, 19, 7])
    levels = [frame[:, :4].mean() for frame in results['imgs']]
    # The ramp begins at 0 and the noise adds 1; yuv keeps levels within 3.
    np.testing.assert_allclose(levels, [72, 2, 192, 72], atol=4)
    assert np.array_equal(results['imgs'][0], results['imgs'][3])
    assert results['total_frames'] == 20
    assert results['avg_fps'] == pytest.approx(12)
    assert results['img_shape'] == results['original_shape'] == (48, 64)
    assert results['imgs'][0].dtype == np.uint8
    assert results['video_reader'] is None


def test_both_backends_give_the_same_pixels(videos):
    one, other = (load(videos / 'good.mp4', backend, range(20))['imgs']
                  for backend in BACKENDS)
    assert np.array_equal(one, other)


def test_frames_are_rgb(tmp_path):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    write_mp4(tmp_path / 'red.mp4', [red] * 3)
    for backend in BACKENDS:
        frame = load(tmp_path / 'red.mp4', backend, [1])['imgs'][0]
        # 4:2:0 in limited range keeps a plain colour within a few levels.
        np.testing.assert_allclose(frame.mean((0, 1)), [200, 0, 0], atol=6)


@both
@pytest.mark.parametrize('name', ['text.mp4', 'headless.mp4', 'cut.mp4'])
def test_damaged_videos_are_named(videos, backend, name):
    with pytest.raises(VideoError, match='pyav cannot decode the video '
                       f'.*{name}: it is empty or damaged') as caught:
        load(videos / name, backend, range(20))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize('name', [
    'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EIO', 'ENOMEM'])
def test_refusals_of_the_machine_are_no_damage(videos, monkeypatch, name):
    """Training would go past each such video as if it were broken."""
    code = getattr(errno, name)

    def fail(*_, **__):
        av.error.err_check(-code)

    for place in ('av.open', 'lm4ve_mm.video.datasets.loading.read_frames'):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            with pytest.raises(OSError, match='good.mp4') as caught:
                load(videos / 'good.mp4', 'pyav', [0])
        # Such as PermissionError, which a worker can hand over by its text.
        assert type(caught.value) is type(OSError(code, ''))
        assert caught.value.errno == code


@both
def test_an_unreadable_file_is_no_damage(videos, monkeypatch, backend):
    """Decord has one error for everything."""
    def refuse(path, _):
        raise PermissionError(errno.EACCES, 'Permission denied', path)

    monkeypatch.setattr(
        'lm4ve_mm.video.files.errors.open', refuse, raising=False)
    with pytest.raises(PermissionError, match='text.mp4'):
        load(videos / 'text.mp4', backend, [0])
    assert load(videos / 'good.mp4', backend, [0])['imgs']


@both
def test_empty_and_missing_videos(videos, backend):
    with pytest.raises(VideoError, match='empty.mp4 is an empty file'):
        load(videos / 'empty.mp4', backend, [0])
    with pytest.raises(VideoNotFoundError, match='no video .*/nothing.mp4'):
        load(videos / 'nothing.mp4', backend, [0])
    # MMAction2's reader adds this ending by itself.
    with pytest.raises(VideoNotFoundError, match='no video .*/good$'):
        load(videos / 'good', backend, [0])


def test_few_lacking_frames_are_made_up_for(videos):
    """A container may announce a frame or two that are not there."""
    path = str(videos / 'good.mp4')
    index = read_index(path)
    step = index.times[1]
    index = index._replace(
        count=23, times=index.times + [step * i for i in (20, 21, 22)])
    frames = read_frames(path, index, np.array([21, 3, 20]))
    assert np.array_equal(frames[0], frames[2])
    assert frames[0][:, :4].mean() == pytest.approx(192, abs=4)
    assert frames[1][:, :4].mean() == pytest.approx(32, abs=4)
    with pytest.raises(VideoError, match='good.mp4 is damaged: frame 22 was '
                       'announced, but only 20 frames'):
        read_frames(path, index, np.array([22, 3]))


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / 'sound.mp4'
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('aac', rate=8000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for backend in BACKENDS:
        with pytest.raises(VideoError, match='sound.mp4'):
            load(path, backend, [0])


def test_backends(videos, monkeypatch):
    assert VideoInit().backend == VideoInit('pyav').backend == 'pyav'
    with pytest.raises(ValueError, match="'pyav', 'decord' or 'auto', not 'c"):
        VideoInit('cv2')
    # Marks a module as absent, as on machines without wheels of decord.
    monkeypatch.setitem(sys.modules, 'decord', None)
    assert len(load(videos / 'good.mp4', 'auto', [0])['imgs']) == 1
    with pytest.raises(ImportError, match='pip install decord'):
        VideoInit('decord')
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(ImportError, match=r'av is not installed.*\[video\]'):
        VideoInit()
