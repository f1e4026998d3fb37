"""Lists of videos: their form, and whether the videos are there."""

import pytest

from lm4ve_mm.video.datasets import VideoClips
from lm4ve_mm.video.files import (
    AnnotationError,
    Clip,
    VideoNotFoundError,
    missing_files,
    read_list,
    write_list,
)


def test_videomae_form(tmp_path):
    path = tmp_path / 'train.csv'
    path.write_text('78687.mp4 41\na folder/1 2.mp4 0\n\n')
    assert read_list(path) == [('78687.mp4', 41), ('a folder/1 2.mp4', 0)]
    write_list(tmp_path / 'again.csv', read_list(path))
    assert (tmp_path / 'again.csv').read_text() == (
        '78687.mp4 41\na folder/1 2.mp4 0\n')


def test_any_white_space_parts_the_label(tmp_path):
    path = tmp_path / 'train.csv'
    path.write_text('a.mp4\t3\na b\tc.mp4 \t 4\n d.mp4  5 \n')
    assert read_list(path) == [
        ('a.mp4', 3), ('a b\tc.mp4', 4), ('d.mp4', 5)]


@pytest.mark.parametrize(('text', 'message'), [
    ('a.mp4 1\nb.mp4\n', "line 2: 'b.mp4' is not a path, a space"),
    ('a.mp4 -1\n', "line 1: 'a.mp4 -1' is not"),
    ('a.mp4 1.5\n', "line 1: 'a.mp4 1.5' is not"),
    ('a.mp4,3\n', "line 1: 'a.mp4,3' is not"),
    ('a.mp4 173\nb.mp4 174\n',
     'line 2: label 174 of b.mp4, but the data set has 174 classes, 0..173'),
    ('\n\n', 'is empty'),
])
def test_bad_lists(tmp_path, text, message):
    path = tmp_path / 'train.csv'
    path.write_text(text)
    with pytest.raises(AnnotationError, match=message):
        read_list(path, 174)


def test_no_list(tmp_path):
    with pytest.raises(VideoNotFoundError,
                       match='no list of videos .*val.csv.*converters/ssv2'):
        VideoClips(str(tmp_path / 'val.csv'), pipeline=[])


def test_missing_files(tmp_path):
    for name in ('a/1.mp4', 'b/1.mp4'):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    paths = [str(tmp_path / name) for name in (
        'a/1.mp4', 'b/1.mp4', 'a/2.mp4', 'c/1.mp4', 'b/1.mp4', 'a/1.mp4/x')]
    assert missing_files(paths) == [paths[2], paths[3], paths[5]]
    assert missing_files(paths[:2]) == []


def clips_of(folder, names, **kwargs):
    write_list(folder / 'list.csv', [Clip(name, 0) for name in names])
    return VideoClips('list.csv', data_root=str(folder), pipeline=[],
                      data_prefix=dict(video='videos'), **kwargs)


def test_missing_videos_stop_the_start(tmp_path):
    (tmp_path / 'videos').mkdir()
    (tmp_path / 'videos/1.mp4').touch()
    with pytest.raises(VideoNotFoundError, match='2 of the 3 videos in .*list'
                       '.csv are not there, the first is .*videos/2.mp4: '
                       'get them, remove'):
        clips_of(tmp_path, ['1.mp4', '2.mp4', '3.mp4'])
    # Only those that are used are looked for, and only if wanted.
    assert len(clips_of(tmp_path, ['1.mp4', '2.mp4'], indices=1)) == 1
    assert len(clips_of(tmp_path, ['2.mp4'], check_files=False)) == 1


def test_labels_are_checked_against_the_classes(tmp_path):
    write_list(tmp_path / 'list.csv', [Clip('1.mp4', 6)])
    arguments = dict(data_root=str(tmp_path), pipeline=[], check_files=False)
    with pytest.raises(AnnotationError, match='label 6 of 1.mp4'):
        VideoClips('list.csv', metainfo=dict(classes='abcdef'), **arguments)
    with pytest.raises(AnnotationError, match='label 6 of 1.mp4'):
        VideoClips('list.csv', num_classes=6, **arguments)
    assert VideoClips('list.csv', num_classes=7, **arguments)[0]['label'] == 6
