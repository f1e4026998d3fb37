"""The frames that are asked for, from every kind of file and backend."""

import importlib
import re
import struct
import sys

import av
import numpy as np
import pytest

from lm4ve_mm.video.datasets import (
    SampleSegments,
    VideoClips,
    VideoDecode,
    VideoInit,
    loading,
)
from lm4ve_mm.video.files import Clip, CodecNotFoundError, write_list
from lm4ve_mm.video.files.packet_index import PacketIndex, read_index

HEIGHT, WIDTH, BITS = 64, 96, 6
COUNT = 28
KEYS = dict(g='8')
FRAMES_OF_B = dict(KEYS, bf='3')
# Suffix, encoder and its options, each with something that one decoder or
# the other gets wrong: no times, times that begin late, frames that refer
# past a key frame, no clean key frame, a codec that decord lacks.
FILES = dict(
    plain=('mp4', 'libx264', dict(FRAMES_OF_B)),
    matroska=('mkv', 'libx264', dict(FRAMES_OF_B)),
    avi=('avi', 'mpeg4', dict(KEYS, bf='2')),
    h264_avi=('avi', 'libx264', dict(FRAMES_OF_B)),
    transport=('ts', 'libx264', dict(FRAMES_OF_B)),
    program=('mpg', 'mpeg2video', dict(KEYS, bf='2')),
    flash=('flv', 'libx264', dict(FRAMES_OF_B)),
    windows=('wmv', 'wmv2', dict(KEYS)),
    open_group=('mp4', 'libx264', {
        'g': '8', 'bf': '4', 'x264-params': 'open-gop=1:b-pyramid=normal'}),
    intra_refresh=('mp4', 'libx264', {
        'g': '8', 'x264-params': 'intra-refresh=1'}),
    hevc=('mp4', 'libx265', {
        'x265-params': 'keyint=8:open-gop=1:log-level=none'}),
    vp9=('webm', 'libvpx-vp9', {'g': '8', 'cpu-used': '8'}),
    av1=('mp4', 'libsvtav1', {'g': '8', 'preset': '12'}),
)
backends = pytest.mark.parametrize('backend', ['pyav', 'decord'])


def picture(number):
    """A frame that says its number: a bar for each bit, white for 1."""
    bits = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8)
    row = np.repeat(bits * 255, WIDTH // BITS)
    return np.broadcast_to(row[None, :, None], (HEIGHT, WIDTH, 3)).copy()


def number_of(frame):
    """Read the number off a frame (H, W, 3)."""
    middle = frame[HEIGHT // 2, WIDTH // BITS // 2::WIDTH // BITS]
    return sum(int(bar.mean() > 128) << bit
               for bit, bar in enumerate(middle))


def write(path, codec='libx264', options=None, pictures=None, rotation=None):
    """Encode pictures (H, W, 3), by default :func:`picture` 0, 1, 2..."""
    pictures = pictures or [picture(number) for number in range(COUNT)]
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = 'yuv420p'
        if rotation:
            stream.set_display_rotation(rotation)
        for number, one in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(one, format='rgb24')
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def shift(source, target, frames, drop=0):
    """Copy a video with its times moved back; an edit list cuts the rest.

    The first ``drop`` packets are left out.
    """
    with av.open(str(source)) as given, av.open(
            str(target), 'w',
            options=dict(avoid_negative_ts='disabled')) as taken:
        stream = given.streams.video[0]
        copy = taken.add_stream_from_template(stream)
        packets = [one for one in given.demux(stream) if one.size]
        for packet in packets[drop:]:
            offset = round(frames / 25 / packet.time_base)
            packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
            packet.stream = copy
            taken.mux(packet)
    return target


def load(path, backend, wanted):
    results = VideoInit(backend)(dict(filename=str(path)))
    results['frame_inds'] = np.array(wanted)
    return VideoDecode()(results)['imgs']


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """One video for each of :data:`FILES`."""
    folder = tmp_path_factory.mktemp('frames')
    return {name: write(folder / f'{name}.{suffix}', codec, options)
            for name, (suffix, codec, options) in FILES.items()}


@pytest.fixture(autouse=True)
def warnings(monkeypatch):
    """What was said once; forgotten before each test."""
    monkeypatch.setattr(loading, 'SAID', set())
    return loading.SAID


@backends
@pytest.mark.parametrize('name', FILES)
def test_frames_are_those_asked_for(files, name, backend):
    total = VideoInit(backend)(dict(filename=str(files[name])))
    assert total['total_frames'] == COUNT
    assert total['avg_fps'] == pytest.approx(25)
    # In order, at random, and late ones alone: behind a key frame each.
    for wanted in (range(COUNT), [21, 3, 21, 11, 8], [19, 23], [7], [27]):
        found = load(files[name], backend, wanted)
        assert [number_of(frame) for frame in found] == list(wanted)


def test_late_frames_are_not_decoded_from_the_start(files):
    index = read_index(str(files['plain']))
    assert 0 < index.start_for(12) < index.start_for(COUNT - 1)
    assert read_index(str(files['avi'])).start_for(COUNT - 1) == 0


@pytest.mark.parametrize(('name', 'says'), [
    ('plain', ''), ('matroska', ''), ('av1', 'fails.* for the codec av1'),
    ('avi', 'leave times out'), ('transport', 'leave times out')])
def test_what_decord_cannot_is_said(files, warnings, name, says):
    """Once for each reason, however many files."""
    for _ in range(2):
        results = VideoInit('decord')(dict(filename=str(files[name])))
    assert results['video_backend'] == ('pyav' if says else 'decord')
    assert len(warnings) == bool(says)
    assert all(re.search(says, text) for text in warnings)


@backends
@pytest.mark.parametrize('angle', [90, 180, 270])
@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_turned_videos_are_upright(tmp_path, backend, angle, suffix):
    """As a phone writes them; the corner that is white says which way."""
    given = np.zeros((48, 80, 3), np.uint8)
    given[:16, :16] = 255
    path = write(tmp_path / f'turned.{suffix}', pictures=[given] * 3,
                 rotation=angle)
    found, = load(path, backend, [1])
    wanted = np.rot90(given, angle // 90)
    assert found.shape == wanted.shape
    assert abs(found.astype(int) - wanted).mean() < 3


@pytest.mark.parametrize(('matrix', 'turned'), [
    ((-1, 0, 0, 1), lambda a: a[:, ::-1]),
    ((1, 0, 0, -1), lambda a: a[::-1]),
    ((0, 1, 1, 0), lambda a: a.swapaxes(0, 1)),
    ((0, -1, -1, 0), lambda a: a[::-1, ::-1].swapaxes(0, 1)),
    ((.7, .7, -.7, .7), lambda a: a),
])
@backends
def test_mirrored_videos(tmp_path, backend, matrix, turned):
    """A front camera's: the matrix of an mp4's track header is rewritten."""
    given = np.zeros((48, 80, 3), np.uint8)
    given[:16, :32] = 255
    path = write(tmp_path / 'plain.mp4', pictures=[given] * 3)
    a, b, c, d = (round(x * 65536) for x in matrix)
    content = path.read_bytes()
    old, new = (struct.pack('>9i', e, f, 0, g, h, 0, 0, 0, 1 << 30)
                for e, f, g, h in ((65536, 0, 0, 65536), (a, b, c, d)))
    place = content.index(old, content.index(b'tkhd'))
    path.write_bytes(content[:place] + new + content[place + len(old):])
    found, = load(path, backend, [1])
    assert found.shape == turned(given).shape
    assert abs(found.astype(int) - turned(given)).mean() < 3


@backends
@pytest.mark.parametrize(('frames', 'drop', 'first'), [
    (5, 0, 5),    # an edit list cuts into a group of pictures,
    (9, 0, 9),    # and a whole group away
    (-7, 0, 0),   # starts late
    (0, 3, None),  # starts within a group, which cannot be decoded
])
def test_edited_videos(files, tmp_path, backend, frames, drop, first):
    path = shift(files['plain'], tmp_path / 'edited.mp4', frames, drop)
    total = VideoInit(backend)(dict(filename=str(path)))['total_frames']
    found = [number_of(one) for one in load(path, backend, range(total))]
    first = COUNT - total if first is None else first
    assert found == list(range(first, COUNT))
    assert number_of(load(path, backend, [total - 2])[0]) == COUNT - 2
    assert drop == 0 or total < COUNT - drop


@backends
def test_a_cut_at_an_open_group(files, tmp_path, backend):
    """Its first frames need what was cut away: the next one stands in."""
    source = files['hevc']
    key = read_index(str(source)).keys[1][0]
    path = shift(source, tmp_path / 'cut.mp4', 0, key)
    total = VideoInit(backend)(dict(filename=str(path)))['total_frames']
    found = [number_of(one) for one in load(path, backend, range(total))]
    assert found[-8:] == list(range(COUNT - 8, COUNT))
    assert found == sorted(found) and len(found) == total


def without_decoder(path, target):
    """Rename the codec of an mp4 to EVC, which FFmpeg reads but not we."""
    target.write_bytes(path.read_bytes().replace(b'avc1', b'evc1'))
    return target


@backends
def test_a_codec_that_nobody_decodes_is_no_damage(files, tmp_path, backend):
    path = without_decoder(files['plain'], tmp_path / 'evc.mp4')
    with pytest.raises(CodecNotFoundError, match='PyAV has no decoder for the '
                       'codec of the video .*evc.mp4, and decord fails: .*'
                       'need not be damaged'):
        VideoInit(backend)(dict(filename=str(path)))


def test_training_stops_at_a_codec_that_nobody_decodes(files, tmp_path):
    """Rather than to leave all such videos out."""
    path = without_decoder(files['plain'], tmp_path / 'evc.mp4')
    write_list(tmp_path / 'list.csv', [Clip(path.name, 0)])
    clips = VideoClips(
        str(tmp_path / 'list.csv'), data_prefix=dict(video=str(tmp_path)),
        pipeline=[dict(type='lm4ve_mm.VideoInit')])
    with pytest.raises(CodecNotFoundError, match='evc.mp4'):
        clips[0]


def test_decord_is_tried_where_pyav_lacks_a_decoder(files, monkeypatch,
                                                    warnings):
    monkeypatch.setattr(loading, 'read_index', lambda path: PacketIndex(
        0, None, [], False, 25., ''))
    found = load(files['plain'], 'pyav', [21, 3])
    assert [number_of(frame) for frame in found] == [21, 3]
    text, = warnings
    assert 'PyAV was built without a decoder' in text


def test_the_old_name_warns():
    for name in ('lm4ve_mm.datasets', 'lm4ve_mm.datasets.video'):
        sys.modules.pop(name, None)
        with pytest.warns(DeprecationWarning, match=f'{name} is now'):
            module = importlib.import_module(name)
    assert module.VideoInit is VideoInit
    assert module.SampleSegments is SampleSegments
