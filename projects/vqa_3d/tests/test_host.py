"""The shared properties of a host with a frozen block: SQA3D's model."""

import pytest

from lm4ve_mm.testing import (
    TINY_LLAMA,
    FrozenBlock,
    Host,
    Resume,
    TwoProcesses,
)


def situated_qa(llm: dict) -> dict:
    """A small model with its detector, the block among eight proposals."""
    return dict(
        type='lm4ve_mm.SituatedQA', num_answers=5, channels=16,
        num_heads=2, depth=1, flatten_hidden=8, flatten_channels=8,
        detector=dict(
            # With 12, some proposals hold an object from the start; where
            # none does, attention is uniform and its queries learn nothing.
            type='lm4ve_mm.VoteNet', num_proposals=8, out_channels=12,
            seed_channels=8, neighbours=4,
            levels=[(num, radius, 4, (8, 8)) for num, radius in (
                (32, .4), (16, .8), (8, 1.2), (4, 2.))]),
        neck=dict(type='lm4ve_mm.TokenInsertNeck', llm=llm))


# Three batches of four questions.
QUESTIONS = dict(
    type='mmengine.RepeatDataset',
    times=3,
    dataset=dict(
        type='lm4ve_mm.SQA3D',
        split='train',
        data_root='fixture:sqa3d',
        answer_counts='sqa_task/answer_counter.json',
        pipeline=[
            dict(type='lm4ve_mm.SampleScene', num_points=64, seed=0),
            dict(type='lm4ve_mm.DetectionTargets'),
            dict(
                type='lm4ve_mm.EmbedTexts',
                word_vectors='fixture:sqa3d/words.npz'),
            dict(type='lm4ve_mm.PackSituatedQA')]))


SITUATED_QA = Host(
    situated_qa, TINY_LLAMA, 'neck.layer', QUESTIONS,
    metric=dict(type='lm4ve_mm.SituatedQAAccuracy'),
    batch_size=4, imports=('lm4ve_vqa3d', ))


class TestSituatedQA(FrozenBlock, Resume):
    HOST = SITUATED_QA


@pytest.mark.slow
class TestSituatedQAInTwoProcesses(TwoProcesses):
    HOST = SITUATED_QA
