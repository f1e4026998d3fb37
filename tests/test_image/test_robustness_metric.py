"""Accuracies by group, means and mCE, with golden numbers."""

import tracemalloc

import numpy as np
import pytest
import torch

from lm4ve_mm.engine.sample_results import SampleResultsFile
from lm4ve_mm.image.datasets import ImageNetC
from lm4ve_mm.image.datasets.imagenet_c import CORRUPTIONS, SEVERITIES
from lm4ve_mm.image.datasets.imagenet_classes import class_indices, wordnet_ids
from lm4ve_mm.image.evaluation import RobustnessMetric
from lm4ve_mm.image.evaluation.robustness import (
    ALEXNET,
    Count,
    summarise,
    table,
)
from lm4ve_mm.utils.errors import ConfigError


def counts(accuracy, images=1000):
    """Counts of all 75 sets, from a function of both places."""
    return {
        f'imagenet_c/{name}/{severity}': Count(
            images, round(accuracy(i, s) * images / 100), 0, 0)
        for i, name in enumerate(CORRUPTIONS)
        for s, severity in enumerate(SEVERITIES)}


@pytest.mark.parametrize('name, total, first, last', [
    ('imagenet', 499_500, (0, 1, 2), (997, 998, 999)),
    ('imagenet_a', 102_178, (6, 11, 13, 15, 17), (986, 987, 988)),
    ('imagenet_r', 86_135, (1, 2, 4, 6, 8), (981, 983, 988))])
def test_lists_of_classes(name, total, first, last):
    found = class_indices(name)
    assert sum(found) == total
    assert found[:len(first)] == first and found[-3:] == last
    assert len(wordnet_ids(name)) == len(found)


def test_golden_mce():
    half = summarise(counts(lambda i, s: 50))
    assert half['imagenet_c/mCE'] == pytest.approx(64.672573, abs=1e-6)
    steps = summarise(counts(lambda i, s: 90 - 10 * s - i))
    assert steps['imagenet_c/mean_acc'] == pytest.approx(63)
    assert steps['imagenet_c/mCE'] == pytest.approx(48.455113, abs=1e-6)
    alexnet = summarise(counts(
        lambda i, s: 100 - 100 * ALEXNET[CORRUPTIONS[i]], 250_000))
    assert alexnet['imagenet_c/mCE'] == pytest.approx(100)
    assert alexnet['imagenet_c/mean_acc'] == pytest.approx(21.100693, abs=1e-6)
    # Each is a share of 5 x 50,000 images.
    assert all(abs(250_000 * e - round(250_000 * e)) < 1e-6
               for e in ALEXNET.values())


def test_no_mean_of_what_is_incomplete():
    held = counts(lambda i, s: 50)
    del held['imagenet_c/fog/3']
    found = summarise(held)
    assert 'imagenet_c/mCE' not in found
    assert 'imagenet_c/mean_acc' not in found
    assert 'imagenet_c/fog' not in found and found['imagenet_c/snow'] == 50
    assert 'fog                  50.00   50.00       -' in table(held)


def test_unequal_sets_count_alike():
    """The mean is that of 75 accuracies, not of all images."""
    held = counts(lambda i, s: 50)
    held['imagenet_c/fog/3'] = Count(10, 10, 0, 0)
    found = summarise(held)
    assert found['imagenet_c/fog'] == pytest.approx(60)
    assert found['imagenet_c/mean_acc'] == pytest.approx(50 + 10 / 15)


def run(samples):
    metric = RobustnessMetric()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def sample(scores, label, group):
    return dict(pred_score=scores, gt_label=torch.tensor([label]), group=group)


def test_answers_among_the_classes_of_the_set():
    """6 is a class of ImageNet-A, 0 is not."""
    scores = torch.zeros(1000)
    scores[0], scores[6] = .9, .1
    found = run([sample(scores, 6, 'imagenet_a'),
                 sample(scores, 6, 'imagenet')])
    assert found['robustness/imagenet_a/top1'] == 100
    assert found['robustness/imagenet_a/top1_open'] == 0
    assert found['robustness/imagenet/top1'] == 0
    assert found['robustness/imagenet/top5'] == 100


def test_tiny_probabilities_keep_their_order():
    scores = torch.full((1000, ), 1e-10)
    scores[0], scores[6], scores[11] = 1, 1e-9, 2e-9
    found = run([sample(scores, 11, 'imagenet_a')])
    assert found['robustness/imagenet_a/top1'] == 100


def test_against_a_plain_count():
    rng = np.random.default_rng(0)
    scores = torch.tensor(rng.random((300, 1000)), dtype=torch.float32)
    labels = rng.choice(class_indices('imagenet_r'), 300)
    allowed = list(class_indices('imagenet_r'))
    # Some are right.
    for row in range(0, 300, 3):
        scores[row, labels[row]] = 2.
    found = run([sample(s, int(label), 'imagenet_r')
                 for s, label in zip(scores, labels)])
    answers = [allowed[int(s[allowed].argmax())] for s in scores]
    wanted = 100 * np.mean(np.array(answers) == labels)
    assert found['robustness/imagenet_r/top1'] == pytest.approx(wanted)
    assert found['robustness/imagenet_r/images'] == 300


def test_samples_without_a_group():
    with pytest.raises(ConfigError, match="'img_path', 'group'"):
        RobustnessMetric().process(None, [dict(pred_score=torch.ones(3))])


def test_millions_of_images_fit(tmp_path):
    """ImageNet-C has 3.75 million: results in 2 GB, until they are counted.

    What --results keeps besides fits too; writing its file takes more.
    """
    count, wanted = 4000, 75 * 50_000
    scores, label = torch.rand(1000), torch.tensor([1])
    metric = RobustnessMetric()
    bits = SampleResultsFile(str(tmp_path / 'r.json'))

    def samples():
        """With texts of their own, as a data set makes them."""
        for k in range(count):
            yield dict(
                pred_score=scores, pred_label=label, gt_label=label,
                group=f'imagenet_c/gaussian_noise/{k % 5 + 1}',
                img_path='data/imagenet-c/gaussian_noise/1/n01440764/'
                f'ILSVRC2012_val_{k:08}.JPEG')

    tracemalloc.start()
    try:
        for sample in samples():
            metric.process(None, [sample])
            bits.process(None, [sample])
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        metric.evaluate(count)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / count * wanted < 1.3e9
    assert most / count * wanted < 2e9, most / count


def test_records_of_millions_fit(tmp_path):
    """One corruption is listed; the others cost nothing."""
    for name in ('fog', 'snow'):
        for severity in (1, 2):
            folder = tmp_path / name / str(severity) / wordnet_ids()[0]
            folder.mkdir(parents=True)
            for k in range(40):
                (folder / f'ILSVRC2012_val_{k:08}.JPEG').touch()
    sizes = [len(ImageNetC(
        data_root=str(tmp_path), corruptions=names, severities=[1, 2],
        allow_partial=True, pipeline=[]).data_bytes)
        for names in (['fog'], ['fog', 'snow'])]
    assert sizes[0] == sizes[1]
    assert sizes[0] / 40 * 50_000 < 50e6
