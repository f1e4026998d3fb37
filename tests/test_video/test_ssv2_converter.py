"""The official JSON and WebM files become what VideoMAE's recipe reads."""

import json
import multiprocessing
import multiprocessing.dummy
from pathlib import Path

import av
import pytest

from lm4ve_mm.video.datasets import VideoClips
from lm4ve_mm.video.files import (
    AnnotationError,
    VideoError,
    VideoNotFoundError,
    read_list,
)
from lm4ve_mm.video.files.ssv2 import read_classes, read_clips, transcode

TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/ssv2.py'
LABELS = {'Putting something on a surface': '1',
          'Holding something next to something': '0'}


def entry(number, template):
    return dict(id=str(number), label='holding a potato', template=template,
                placeholders=['a potato'])


@pytest.fixture
def labels(tmp_path):
    """A folder as in the newer package."""
    folder = tmp_path / 'labels'
    folder.mkdir()
    holding = 'Holding [something] next to [something]'
    files = dict(
        labels=LABELS,
        train=[entry(78687, holding),
               entry(42326, 'Putting [something] on a surface')],
        validation=[entry(7, holding)])
    for name, content in files.items():
        (folder / f'{name}.json').write_text(json.dumps(content))
    return folder


def test_lists(labels):
    classes = read_classes(labels)
    assert classes == ['Holding something next to something',
                       'Putting something on a surface']
    assert read_clips(labels, 'train', classes) == [
        ('78687.mp4', 0), ('42326.mp4', 1)]
    assert read_clips(labels, 'val', classes, '.webm') == [('7.webm', 0)]


def test_names_of_the_older_package(labels):
    for name in ('labels', 'train', 'validation'):
        (labels / f'{name}.json').rename(
            labels / f'something-something-v2-{name}.json')
    assert len(read_clips(labels, 'train', read_classes(labels))) == 2


@pytest.mark.parametrize(('name', 'content', 'message'), [
    ('labels', '{"a": "0", "b": "2"}', r'its 2 classes \[0, 2\]..., not 0..1'),
    ('labels', '["a"]', 'does not map names to numbers'),
    ('train', '[{"id": "3"}]', "train.json, entry 0: .*'3'.* has no id, or "),
    ('train', '[{"id": "3", "template": "Eating [something]"}]',
     'entry 0: .*that is a class .*Eating something'),
    ('train', 'hello', 'train.json is not JSON'),
])
def test_damaged_labels(labels, name, content, message):
    (labels / f'{name}.json').write_text(content)
    with pytest.raises(AnnotationError, match=message):
        read_clips(labels, 'train', read_classes(labels))


def test_no_labels(tmp_path):
    with pytest.raises(VideoNotFoundError, match='neither labels.json nor '
                       'something-something-v2-labels.json. .* registration'):
        read_classes(tmp_path)


def test_transcoding(videos, tmp_path):
    target = tmp_path / 'deep/1.mp4'
    transcode(videos / 'good.mkv', target, 72)
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == 'h264'
        assert (stream.width, stream.height) == (96, 72)
        assert stream.average_rate == 12
        levels = [frame.to_ndarray(format='rgb24')[:, :4].mean()
                  for frame in container.decode(video=0)]
    # As in the original: 10 a frame, with what the codec loses.
    assert len(levels) == 20
    assert levels == pytest.approx([10 * i + 2 for i in range(20)], abs=6)
    before = target.stat().st_mtime_ns
    transcode(videos / 'good.mkv', target, 72)
    assert target.stat().st_mtime_ns == before


@pytest.mark.parametrize('name', ['text.mp4', 'cut.mp4', 'empty.mp4'])
def test_damaged_videos_leave_nothing(videos, tmp_path, name):
    with pytest.raises(VideoError, match=name):
        transcode(videos / name, tmp_path / '1.mp4')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('workers', [
    'threads', pytest.param('processes', marks=pytest.mark.slow)])
def test_tool_from_end_to_end(labels, videos, run_tool, tmp_path, monkeypatch,
                              workers):
    """Two of three videos can be had; a second run goes on from there.

    A process that the tool starts imports everything anew.
    """
    if workers == 'threads':
        monkeypatch.setattr(multiprocessing, 'get_context',
                            lambda method: multiprocessing.dummy)
    source, out = tmp_path / 'webm', tmp_path / 'ssv2'
    source.mkdir()
    (source / '78687.webm').write_bytes((videos / 'good.mkv').read_bytes())
    (source / '42326.webm').write_bytes((videos / 'text.mp4').read_bytes())
    first = run_tool(TOOL, labels, '--out', out, '--videos', source,
                     '--height', 48, '--jobs', 1)
    assert first.returncode == 1, first.stderr
    assert '1 videos could not be decoded:\n' in first.stdout
    assert '42326.webm' in first.stdout
    assert '2 videos are not in' in first.stdout
    assert 'repeat this with --skip-missing' in first.stdout
    assert '2/2' in first.stderr  # the bar
    assert len(read_list(out / 'train.csv')) == 2
    (out / 'videos/7.mp4').write_bytes((videos / 'good.mp4').read_bytes())
    second = run_tool(TOOL, labels, '--out', out, '--skip-missing')
    assert 'They are left out of the lists' in second.stdout
    assert (out / 'train.csv').read_text() == '78687.mp4 0\n'
    assert (out / 'val.csv').read_text() == '7.mp4 0\n'
    assert (out / 'classes.txt').read_text().splitlines() == sorted(LABELS)
    clips = VideoClips('val.csv', data_root=str(out), pipeline=[],
                       data_prefix=dict(video='videos'), num_classes=174)
    assert clips[0]['filename'] == str(out / 'videos/7.mp4')


def test_tool_without_labels(run_tool, tmp_path):
    result = run_tool(TOOL, tmp_path)
    assert result.returncode == 2 and 'neither labels.json' in result.stderr
