"""Files of SQA3D's repository: names, dead parameters, strictness, safety."""

from pathlib import Path

import pytest
import torch
from lm4ve_vqa3d.published import is_published, translate

from lm4ve_mm import apis
from lm4ve_mm.llm import CheckpointError

CONFIG = Path(__file__).parents[2] / 'configs/sqa3d_repository.py'

DETECTOR = dict(type='lm4ve_mm.VoteNet', num_proposals=12, out_channels=16)
DEAD = ('s_feat_linear.0.', 'q_feat_linear.0.', 'attflat_lstm_q.',
        'object_cls.')


@pytest.fixture(scope='module')
def whole(golden):
    """A file with counters, as ``torch.save`` of the reference writes it."""
    state = golden.filled(golden.sqa3d(), .05)
    for name in [n for n in state if n.endswith('running_var')]:
        state[name.replace('running_var', 'num_batches_tracked')] = (
            torch.tensor(7))
    return {name: t.float() if t.is_floating_point() else t
            for name, t in state.items()}


@pytest.fixture
def published(whole):
    """The same, for a test to change."""
    return dict(whole)


def test_all_of_a_file_is_accounted_for(golden, published):
    assert is_published(published)
    model = golden.build(detector=DETECTOR)
    found = translate(published, model)
    assert found.missing == []
    assert found.weights.keys() == model.state_dict().keys()
    assert found.unexpected == [
        name for name in published if name.startswith(DEAD)]
    assert len(found.unexpected) == 4 + 6 + 4
    assert found.weights['detector.voting.mlp.1.num_batches_tracked'] == 7
    assert not is_published(model.state_dict())


def test_an_older_name_and_a_wrapper(golden, published):
    older = {name.replace('aux_reg', 'lang_cls'): t
             for name, t in published.items()}
    model = golden.build(detector=DETECTOR)
    wrapped = {f'module.{name}': t for name, t in older.items()}
    for state in (older, dict(state_dict=wrapped)):
        assert is_published(state)
        found = translate(state, model)
        assert torch.equal(found.weights['situation_head.3.bias'],
                           published['aux_reg.3.bias'])
        assert found.missing == []


def test_without_a_detector_the_rest_is_taken(golden, published):
    model = golden.build()
    found = translate(published, model)
    assert found.weights.keys() == model.state_dict().keys()


def test_an_inserted_layer_stays_as_it_was(golden, published):
    llm = dict(init='random', geometry=dict(
        width=32, num_heads=4, ffn_dim=64))
    model = golden.build(detector=DETECTOR, neck=dict(
        type='lm4ve_mm.TokenInsertNeck', llm=llm))
    before = model.neck.layer.map_in.weight.detach().clone()
    model.load_state_dict(dict(published), strict=False)
    assert torch.equal(model.neck.layer.map_in.weight, before)
    assert torch.equal(model.fusion.text_map.bias,
                       published['lang_feat_linear.0.bias'])


@pytest.mark.parametrize(('change', 'message'), [
    (lambda state: state.pop('lang_feat_linear.0.bias'),
     'The file lacks fusion.text_map.bias'),
    (lambda state: state.update({'voting_net.conv4.bias': torch.ones(2)}),
     r'the model has no voting_net\.conv4\.bias'),
    (lambda state: state.update({'answer_cls.3.bias': torch.ones(9)}),
     r'answer_head.3.bias: \(9,\) in the file, \(11,\) in the model.*'
     'The repository has channels=256')])
def test_whatever_does_not_fit_is_an_error(golden, published, change,
                                           message):
    model = golden.build(detector=DETECTOR)
    change(published)
    with pytest.raises(CheckpointError, match=message):
        model.load_state_dict(published)


def test_the_test_tool_takes_a_file_as_it_is(golden, sqa3d, tmp_path):
    """The repository's config, but for narrow fusion and few points."""
    state = {name: t.float() for name, t in golden.filled(golden.sqa3d(
        words=300, answers=5, hidden=256, out=512), .05).items()}
    torch.save(state, tmp_path / 'auxi.pth')
    args = apis.testing_parser().parse_args(
        [str(CONFIG), str(tmp_path / 'auxi.pth')])
    cfg = apis.load_config(CONFIG)
    cfg.work_dir, cfg.log_level = str(tmp_path), 'ERROR'
    cfg.experiment_name = tmp_path.name
    cfg.model.update(
        answers=str(sqa3d / 'sqa_task/answer_dict.json'), num_answers=5,
        channels=32)
    cfg.model.detector.update(
        num_proposals=8, out_channels=16, levels=[
            (num, radius, 4, widths) for num, radius, widths in (
                (32, .4, (64, 64, 128)), (16, .8, (128, 128, 256)),
                (8, 1.2, (128, 128, 256)), (4, 2., (128, 128, 256)))])
    loader = cfg.test_dataloader
    loader.update(batch_size=2, num_workers=0)
    loader.dataset.data_root = str(sqa3d)
    loader.dataset.pipeline[0].num_points = 64
    loader.dataset.pipeline[1].word_vectors = str(sqa3d / 'words.npz')
    runner = apis.load_strictly(apis.build_runner(
        apis.configure_testing(cfg, args)))
    assert 0 <= runner.test()['sqa/EM@1'] <= 100
    weight = runner.model.get_parameter('fusion.text_map.weight')
    assert torch.equal(weight, state['lang_feat_linear.0.weight'])
