"""Files are whole or not there, after a power cut too."""

import os

from lm4ve_mm.utils.files import replacing


def test_bytes_reach_the_disk_before_the_name(tmp_path, monkeypatch):
    """And the folder, which holds the name, after it."""
    done = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(handle):
        done.append(os.path.realpath(f'/proc/self/fd/{handle}'))
        fsync(handle)

    def record_replace(source, target):
        done.append('renamed')
        replace(source, target)

    monkeypatch.setattr(os, 'fsync', record_fsync)
    monkeypatch.setattr(os, 'replace', record_replace)
    with replacing(tmp_path / 'a') as temporary:
        with open(temporary, 'wb') as stream:
            stream.write(b'all of it')
    assert done == [temporary, 'renamed', str(tmp_path)]
    assert (tmp_path / 'a').read_bytes() == b'all of it'
