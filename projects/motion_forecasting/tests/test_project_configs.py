"""Every leaf: its form, and two training steps; one resumes and submits."""

from pathlib import Path

import h5py
import pytest
import torch
from mmengine.runner import Runner
from pyarrow import parquet

from lm4ve_mm import apis
from lm4ve_mm.testing import (
    ConfigForm,
    MetafileForm,
    StopAfterEpoch,
    train_an_epoch,
)

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
WIDTH = 64


class TestForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('(av[12]|town)(_[a-z]+)?', )
    TOOLBOXES = dict(vectornet='mmpretrain', mmtransformer='mmpretrain')


class TestMetafile(MetafileForm):
    CONFIGS = CONFIGS
    METRICS = 'minADE|minFDE|Miss Rate'
    LEFT_OUT = {
        **dict.fromkeys(
            [leaf.stem for leaf in LEAVES if leaf.stem.endswith('_av2')],
            'the paper has no figures for Argoverse 2'),
        **dict.fromkeys(
            [leaf.stem for leaf in LEAVES if 'submission' in leaf.stem],
            'it tests a model that has an entry'),
        **dict.fromkeys(
            [leaf.stem for leaf in LEAVES
             if leaf.stem.endswith(('_sample', '_town'))],
            'its figures are in the README, beside constant velocity'),
    }


@pytest.fixture(scope='module')
def roots(argoverse1, argoverse2, tmp_path_factory):
    """Where each kind of data set finds its files."""
    town = tmp_path_factory.mktemp('generated') / 'town'
    sample = tmp_path_factory.mktemp('sample')
    return dict(Argoverse1=argoverse1, Argoverse2=argoverse2, Town=town,
                sample=sample)


def toy(path, work_dir, roots, llama):
    """The recipe on two batches of two scenes, and a toy LLaMA."""
    cfg = apis.load_config(path)
    cfg.launcher = 'none'
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{path.stem}'
    cfg.log_level = 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    cfg.train_cfg.val_interval = 1
    for stage in ('train', 'val', 'test'):
        loader = cfg[f'{stage}_dataloader']
        loader.update(batch_size=2, num_workers=0)
        data = loader.dataset
        root = roots[data.type.split('.')[-1]]
        data.data_root = str(root)
        data.cache = str(work_dir / 'cache') if data.cache else None
        if data.get('map_root'):
            data.map_root = str(root / 'map_files')
        if data.type.endswith('Town'):
            data.update(train=4, val=2, test=2)
        if 'scenes' in data:
            data.scenes = (0, 4) if stage == 'train' else (2, 4)
        evaluator = cfg.get(f'{stage}_evaluator') or {}
        if evaluator.get('map_root'):
            evaluator.map_root = str(root / 'map_files')
    llm = (cfg.model.get('neck') or {}).get('llm', {})
    if 'checkpoint' in llm:
        llm.checkpoint = str(llama)
        llm.pop('file_sha256', None)
    if 'hidden_dims' in llm:
        llm.hidden_dims = WIDTH
    return cfg


# A mode that never wins learns nothing in two steps, but these do.
LEARNS = dict(
    vectornet=('actor_encoder.levels.0.0.weight',
               'graph.layers.0.query.weight', 'head.score.0.linear1.weight'),
    mmtransformer=('queries.weight', 'map_decoder.layers.1.ffn.0.weight',
                   'motion_encoder.layers.0.attn.query.weight',
                   'social_encoder.layers.0.attn.value.weight',
                   'head.steps.0.weight'))
# One of each host, data set and kind of layer; the others are slow.
QUICK = ('vectornet_llama_av1', 'mmtransformer_llama_av1',
         'mmtransformer_mlp_av1', 'mmtransformer_llama_random_trained_av1',
         'vectornet_llama_av2', 'vectornet_minilm_town',
         'vectornet_av1_sample')


def marked(path):
    marks = [] if path.stem in QUICK else [pytest.mark.slow]
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize('path', [
    marked(leaf) for leaf in LEAVES if not leaf.stem.endswith('submission')])
def test_trains_two_steps(path, tmp_path, roots, llama):
    runner, names, moved = train_an_epoch(
        toy(path, tmp_path, roots, llama))
    assert runner.iter == 2
    assert runner.message_hub.get_scalar(
        'val/forecast/minFDE_6').current() >= 0
    inserted = {name for name in names if name.startswith('neck.')}
    assert inserted <= moved
    assert set(LEARNS[path.stem.split('_')[0]]) <= moved


def test_every_leaf_is_listed():
    import yaml
    held = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())['Models']
    named = {entry['Name'] for entry in held}
    assert named == {
        leaf.stem for leaf in LEAVES
        if '*paper*, table' in leaf.read_text()}
    for entry in held:
        text = (CONFIGS.parents[2] / entry['Config']).read_text()
        metrics = entry['Results'][0]['Metrics']
        wanted = (f'{metrics["minADE"]:.2f} / {metrics["minFDE"]:.2f} / '
                  f'{metrics["Miss Rate"]:.1f} %')
        assert wanted in text


@pytest.mark.slow
def test_resumes_exactly(tmp_path, roots, llama):
    """The whole recipe, from one epoch's checkpoint to the next."""
    files = {}
    for name, runs in (('whole', [2]), ('resumed', [1, 2])):
        for number, epochs in enumerate(runs):
            cfg = toy(CONFIGS / 'mmtransformer_llama_av1.py',
                      tmp_path / name, roots, llama)
            cfg.experiment_name = f'{tmp_path.name}_{name}_{number}'
            cfg.default_hooks.checkpoint.interval = 1
            cfg.resume = number > 0
            runner = Runner.from_cfg(cfg)
            runner.register_hook(StopAfterEpoch(epochs))
            runner.train()
        files[name] = torch.load(
            tmp_path / name / 'epoch_2.pth', weights_only=True)
    whole, resumed = (files[name]['state_dict'] for name in files)
    assert whole.keys() == resumed.keys()
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key
    assert not any('.blocks.' in key for key in whole)


@pytest.mark.parametrize('leaf, steps', [
    ('vectornet_llama_av1_submission', 30),
    ('vectornet_llama_av2_submission', 60)])
def test_submission_by_the_test_tool(tmp_path, roots, llama, leaf, steps):
    """``tools/test.py`` writes the file that a server takes."""
    path = CONFIGS / f'{leaf}.py'
    cfg = toy(path, tmp_path, roots, llama)
    torch.manual_seed(0)
    torch.save(dict(state_dict=apis.build_model(cfg).state_dict()),
               tmp_path / 'model.pth')
    args = apis.testing_parser().parse_args(
        [str(path), str(tmp_path / 'model.pth')])
    cfg = apis.configure_testing(toy(path, tmp_path, roots, llama), args)
    out = tmp_path / Path(cfg.test_evaluator.out_file).name
    cfg.test_evaluator.out_file = str(out)
    found = apis.load_strictly(apis.build_runner(cfg)).test()
    assert found == {'submission/scenes': 2.}
    if steps == 30:
        with h5py.File(out) as file:
            rows = file['argoverse_forecasting'][()]
        assert rows.shape == (2 * 6 * 30, 4)
        assert set(rows[:, 0]) == {7., 8.}
    else:
        lines = parquet.read_table(out).to_pylist()
        assert len(lines) == 12
        assert {len(line['predicted_trajectory_x']) for line in lines} == {60}
        assert lines[0]['track_id'] == '1'
