"""Retrieval in two processes: what each does, and what both then have."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from lm4ve_vqa.evaluation import retrieval_loop
from mmpretrain.structures import DataSample

from lm4ve_mm.testing.processes import free_port

ROOT = Path(__file__).parents[3]


class Toy(torch.nn.Module):
    """Scores by inner products; notes which images it has matched."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.matched = []

    def data_preprocessor(self, data, training):
        return dict(data, inputs=torch.stack(data['inputs']))

    def encode_image(self, inputs):
        return inputs.flatten(1)[:, None]

    def encode_text(self, ids, mask):
        return ids.float()[..., None].expand(*ids.shape, 3) * mask[..., None]

    def match(self, image, text, mask):
        self.matched += image[:, 0, 0].int().unique().tolist()
        return self.scale * (image[:, 0] * text.sum(1)).sum(1)


def items(count):
    """Image n is full of n's, and has n % 3 + 1 texts."""
    made = []
    for n in range(count):
        sample = DataSample(metainfo=dict(sample_idx=n))
        ids = 10 * n + torch.arange(n % 3 + 1)[:, None].expand(-1, 4)
        sample.set_field(ids, 'text_ids')
        sample.set_field((ids % 7 > 2).long(), 'text_mask')
        made.append((torch.full((3, 1, 1), float(n)), sample))
    return made


def loader(rank, size, count=7):
    """Batches of two of a process, as MMEngine's sampler deals them out."""
    made = items(count)
    own = [made[place % count]
           for place in range(rank, -(-count // size) * size, size)]
    return [dict(inputs=[one for one, _ in own[start:start + 2]],
                 data_samples=[one for _, one in own[start:start + 2]])
            for start in range(0, len(own), 2)]


class Ranks:
    """Threads in the place of processes."""

    def __init__(self, size):
        self.size = size
        self.local = threading.local()
        self.barrier = threading.Barrier(size, timeout=30)
        self.given = [None] * size

    def gather(self, value):
        self.given[self.local.rank] = value
        self.barrier.wait()
        found = list(self.given)
        self.barrier.wait()
        return found

    def run(self, work):
        """What ``work(rank)`` returns in each."""
        found = [None] * self.size

        def one(rank):
            self.local.rank = rank
            try:
                found[rank] = work(rank)
            finally:
                if found[rank] is None:
                    self.barrier.abort()

        threads = [threading.Thread(target=one, args=(rank, ))
                   for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found


def retrieved(monkeypatch, size, **subset):
    """Gallery, scores and matched images of each of ``size`` processes."""
    ranks = Ranks(size)
    monkeypatch.setattr(retrieval_loop, 'get_rank', lambda: ranks.local.rank)
    monkeypatch.setattr(retrieval_loop, 'get_world_size', lambda: size)
    monkeypatch.setattr(retrieval_loop, 'all_gather_object', ranks.gather)
    # It keeps its state for all threads.
    monkeypatch.setattr(retrieval_loop, 'forecast', lambda *args: '')
    options = dict(dict(num_images=None, num_texts=None), **subset)

    def work(rank):
        model = Toy()
        gallery = retrieval_loop.encode(model, loader(rank, size), **options)
        scores = retrieval_loop.match_all(model, gallery, pairs=4)
        return gallery, scores, model.matched

    return ranks.run(work)


@pytest.mark.parametrize('subset', [
    {}, dict(num_images=5), dict(num_images=3, num_texts=4)])
def test_two_have_what_one_has(monkeypatch, subset):
    """Each matches half of the images; images that a sampler repeats to
    give both as many count once."""
    (alone, scores, all_images), = retrieved(monkeypatch, 1, **subset)
    assert len(alone.images) == subset.get('num_images', 7)
    parts = retrieved(monkeypatch, 2, **subset)
    for gallery, found, _ in parts:
        for one, other in zip(gallery, alone):
            assert torch.equal(one, other)
        assert torch.equal(found, scores)
    first, second = (matched for _, _, matched in parts)
    assert sorted(first + second) == all_images
    assert set(first).isdisjoint(second)
    assert abs(len(set(first)) - len(set(second))) <= 1


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='launches on CPU')
def test_two_processes_find_what_one_finds(retrieval, cases, tmp_path):
    """As torchrun starts them: seven images, and rankings of odd number."""
    root = cases.write_karpathy(tmp_path, dict(train=1, val=1, test=7))
    found = []
    for number, launch in (
            (1, []), (2, ['-m', 'torch.distributed.run', '--nproc_per_node=2',
                          f'--master_port={free_port()}'])):
        out = tmp_path / f'{number}.json'
        done = subprocess.run(
            [sys.executable, *launch, 'tools/test.py', *map(str, retrieval),
             '--work-dir', str(tmp_path / str(number)), '--out', str(out),
             '--out-item', 'metrics', *(
                 ['--launcher', 'pytorch'] if launch else []),
             '--cfg-options', f'test_dataloader.dataset.data_root={root}',
             'test_dataloader.batch_size=2', 'test_cfg.num_texts=29',
             'test_dataloader.num_workers=0'],
            cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '7 images with 29 texts' in done.stdout + done.stderr
        found.append(json.loads(out.read_text()))
    assert found[0] == found[1]
    assert 0 < found[0]['retrieval/IR@5'] < 100
