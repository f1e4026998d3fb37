"""The recipes as numbers, and a test by the test tool."""

from pathlib import Path

import pytest
import torch
from lm4ve_vqa3d.engine import BNMomentumHook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.registry import HOOKS, MODELS

CONFIGS = Path(__file__).parents[1] / 'configs'
PAPER = [leaf for leaf in sorted(CONFIGS.glob('*.py'))
         if not leaf.stem.endswith('_rooms')]


def load(name):
    cfg = apis.load_config(CONFIGS / f'{name}.py')
    init_default_scope(cfg.default_scope)
    return cfg


def rates(cfg):
    """The rate of every epoch."""
    built = build_optim_wrapper(nn.Linear(2, 2), cfg.optim_wrapper)
    schedule = PARAM_SCHEDULERS.build(
        cfg.param_scheduler, default_args=dict(optimizer=built))
    found = []
    for _ in range(cfg.train_cfg.max_epochs):
        found.append(built.optimizer.param_groups[0]['lr'])
        built.optimizer.step()
        schedule.step()
    return found


def test_paper():
    """30 epochs, a tenth at 10, 15 and 20; 32 questions; width 768."""
    cfg = load('sqa3d_llama')
    assert rates(cfg) == pytest.approx(
        [5e-4] * 10 + [5e-5] * 5 + [5e-6] * 5 + [5e-7] * 10)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ('AdamW', 1e-5)
    assert cfg.train_dataloader.batch_size == 32
    assert cfg.auto_scale_lr.base_batch_size == 32
    assert cfg.model.channels == 768
    assert cfg.model.neck.llm.map_init == 'default'
    assert cfg.train_pipeline[-1].color_mode == 'normal'


def test_repository():
    """50 epochs at one rate, Adam, 16 questions, width 256."""
    cfg = load('sqa3d_repository')
    assert rates(cfg) == [5e-4] * 50
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ('Adam', 1e-5)
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.auto_scale_lr.base_batch_size == 16
    for stage in ('train', 'val', 'test'):
        pipeline = cfg[f'{stage}_dataloader'].dataset.pipeline
        assert pipeline[-1].color_mode == 'legacy_constant'
        assert pipeline[0].num_points == 40_000
    cfg.model.answers = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert [sum(p.numel() for p in part.parameters()) for part in (
        model, model.detector, model.detector.backbone,
        model.detector.voting, model.detector.head)] == [
            10_429_041, 953_764, 642_112, 199_171, 112_481]


def test_parts_of_both_widths():
    """Parameters of the parts, as the repository and the paper have them."""
    for channels, texts, layer, guided, flatten in (
            (256, 571_392, 789_760, 1_053_440, 197_633),
            (768, 3_287_040, 7_087_872, 9_451_776, 590_849)):
        with torch.device('meta'):
            model = MODELS.build(dict(type='lm4ve_mm.SituatedQA',
                                      channels=channels))
        fusion = model.fusion
        assert [sum(p.numel() for p in part.parameters()) for part in (
            fusion.texts, fusion.question[1], fusion.by_question[1],
            model.flatten['question'])] == [texts, layer, guided, flatten]


@pytest.mark.parametrize('leaf', PAPER, ids=lambda leaf: leaf.stem)
def test_chosen_on_val_and_tested_on_test(leaf):
    cfg = load(leaf.stem)
    assert cfg.default_hooks.checkpoint.save_best == 'sqa/EM@1'
    assert cfg.val_dataloader.dataset.split == 'val'
    assert cfg.test_dataloader.dataset.split == 'test'
    assert cfg.train_cfg.val_interval == 1
    assert cfg.optim_wrapper.clip_grad == dict(type='value', clip_value=1.)
    assert [HOOKS.build(hook) for hook in cfg.custom_hooks
            if hook.type == 'lm4ve_mm.BNMomentumHook']


def test_clip_by_value():
    model = nn.Linear(4, 4)
    built = build_optim_wrapper(model, load('sqa3d').optim_wrapper)
    (1e3 * model(torch.ones(2, 4)).sum()).backward()
    built.step()
    assert all((p.grad == 1).all() for p in model.parameters())


def test_momentum_of_batch_norms():
    hook = BNMomentumHook()
    assert [hook.momentum(epoch) for epoch in (0, 19, 20, 40, 49)] == [
        .5, .5, .25, .125, .125]
    assert hook.momentum(20 * 9) == .001

    class Runner:
        epoch = 45
        model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

    hook.before_train_epoch(Runner)
    assert Runner.model[1].momentum == .125


def toy(path, work_dir, sqa3d, llama):
    """The config with a small host, few points and a toy LLaMA."""
    cfg = apis.load_config(path)
    cfg.launcher = 'none'
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{path.stem}'
    cfg.log_level = 'ERROR'
    loader = cfg.test_dataloader
    loader.update(batch_size=2, num_workers=0)
    loader.dataset.data_root = str(sqa3d)
    loader.dataset.pipeline[0].num_points = 200
    loader.dataset.pipeline[1].word_vectors = str(sqa3d / 'words.npz')
    cfg.model.update(
        answers=str(sqa3d / 'sqa_task/answer_dict.json'), num_answers=5,
        channels=32)
    cfg.model.detector.update(
        num_proposals=8, out_channels=16, seed_channels=16, levels=[
            (num, radius, 4, (8, 8)) for num, radius in (
                (32, .4), (16, .8), (8, 1.2), (4, 2.))])
    cfg.model.neck.llm.checkpoint = str(llama)
    return cfg


def test_predictions_of_the_test_tool(tmp_path, sqa3d, llama):
    """``tools/test.py`` runs on a checkpoint and fills the samples."""
    path = CONFIGS / 'sqa3d_llama.py'
    cfg = toy(path, tmp_path, sqa3d, llama)
    model = apis.build_model(cfg)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    args = apis.testing_parser().parse_args(
        [str(path), str(tmp_path / 'model.pth')])
    cfg = apis.configure_testing(toy(path, tmp_path, sqa3d, llama), args)
    runner = apis.load_strictly(apis.build_runner(cfg))
    found = runner.test()
    assert 0 <= found['sqa/EM@1'] <= 100
    data = next(iter(runner.test_dataloader))
    sample, _ = runner.model.test_step(data)
    assert sample.pred_score.shape == (5, )
    assert sample.pred_label == int(sample.pred_score.argmax())
    assert sample.pred_answer == sorted(
        ['red', 'two', 'chair', 'lamp', 'unknown'])[sample.pred_label]
    assert sample.pred_position.shape == (3, )
    assert sample.pred_rotation.shape == (4, )
    assert sample.proposals.shape == (8, 3)
    assert sample.proposal_mask.dtype == torch.bool
