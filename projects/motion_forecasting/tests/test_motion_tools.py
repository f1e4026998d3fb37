"""The tools, as they are called."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lm4ve_motion.apis import (
    Forecast,
    forecast,
    mean_measures,
    read_scene,
    velocity_forecast,
)
from lm4ve_motion.datasets import DataNotFoundError

from lm4ve_mm import apis

PROJECT = Path(__file__).parents[1]
CONFIG = PROJECT / 'configs/vectornet_av1.py'


def call(monkeypatch, capsys, tool, *words):
    """Run a tool in this process: its exit status and what it printed."""
    monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
    status = 0
    try:
        runpy.run_path(str(PROJECT / 'tools' / f'{tool}.py'),
                       run_name='__main__')
    except SystemExit as end:
        status = end.code or 0
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.fixture(scope='module')
def trained(tmp_path_factory, argoverse1):
    """A small config, and weights for it."""
    root = tmp_path_factory.mktemp('trained')
    config = root / 'small.py'
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        "model = dict(widths=(8, 16))\n"
        f"test_dataloader = dict(num_workers=0, dataset=dict("
        f"data_root='{argoverse1}', map_root='{argoverse1}/map_files'))\n")
    torch.manual_seed(0)
    model = apis.build_model(apis.load_config(config))
    torch.save(dict(state_dict=model.state_dict()), root / 'small.pth')
    return config, root / 'small.pth'


def test_predict(trained, argoverse1, tmp_path, monkeypatch, capsys):
    """A picture and trajectories in city coordinates, of one file each."""
    scenes = [argoverse1 / 'val/data/5.csv',
              argoverse1 / 'test_obs/data/7.csv']
    status, text = call(monkeypatch, capsys, 'predict', *trained, *scenes,
                        '--map-root', argoverse1 / 'map_files', '--out',
                        tmp_path)
    assert status == 0, text
    assert '5: the likeliest of 6' in text
    for name in ('5', '7'):
        assert (tmp_path / f'{name}.png').stat().st_size > 5_000
        held = json.loads((tmp_path / f'{name}.json').read_text())
        assert held['city'] == 'MIA' and held['track_id'] == 'AGENT'
        assert np.array(held['trajectories']).shape == (6, 30, 2)
        assert sum(held['probabilities']) == pytest.approx(1)
        scene, _ = read_scene(
            next(path for path in scenes if path.stem == name))
        start = scene.positions[scene.target, 19]
        assert np.linalg.norm(
            np.array(held['trajectories'])[:, 0] - start, axis=1).max() < 60


def test_future_is_not_looked_at(trained, argoverse1):
    config, checkpoint = trained
    cfg = apis.load_config(config)
    model = apis.load_model(cfg, str(checkpoint))
    scene, lanes = read_scene(argoverse1 / 'val/data/5.csv',
                              str(argoverse1 / 'map_files'))
    whole = forecast(model, cfg, scene, lanes)
    past = forecast(model, cfg, scene.past(), lanes)
    assert np.array_equal(whole.trajs, past.trajs)
    assert past.measures(scene.past(), 6) is None
    assert whole.measures(scene, 1)['minFDE'] >= whole.measures(scene, 6)[
        'minFDE']


def test_predict_of_the_other_benchmark(trained, argoverse2, monkeypatch,
                                        capsys):
    status, text = call(monkeypatch, capsys, 'predict', *trained,
                        argoverse2 / 'val/val0')
    assert status == 2 and 'take an av1 config for Argoverse 1' in text


def test_scenario_of_argoverse2(argoverse2):
    """By its folder or by the file in it."""
    folder = argoverse2 / 'val/val0'
    for path in (folder, folder / 'scenario_val0.parquet'):
        scene, lanes = read_scene(path)
        assert scene.scene_id == 'val0' and len(lanes.ids) == 3
    cfg = apis.load_config(PROJECT / 'configs/vectornet_av2.py')
    cfg.model.widths = (8, 16)
    found = forecast(apis.build_model(cfg), cfg, scene, lanes)
    assert found.trajs.shape == (6, 60, 2)


def test_bad_words(trained, tmp_path, argoverse1, monkeypatch, capsys):
    config, checkpoint = trained
    scene = argoverse1 / 'val/data/5.csv'
    for words, message in (
            ((config, tmp_path / 'no.pth', scene), 'no checkpoint'),
            ((config, checkpoint, tmp_path / 'a.txt'), 'neither a CSV file'),
            ((config, checkpoint, scene, '--map-root', tmp_path),
             'no map file'),
            ((tmp_path / 'no.py', checkpoint, scene), 'no config file')):
        status, text = call(monkeypatch, capsys, 'predict', *words)
        assert status == 2 and message in text, text
    with pytest.raises(DataNotFoundError):
        read_scene(tmp_path / 'a.txt')


def test_draw_beside_another_model(trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new' / 'sheet.png'
    status, text = call(monkeypatch, capsys, 'draw_scenes', *trained,
                        '--beside', *trained, '--count', 2, '--out', out)
    assert status == 0, text
    assert text.count('of 2 missed') == 2
    assert text.count('K=1 minADE') == 3  # both, and the constant velocity
    assert text.count('K=6 minADE') == 2
    assert out.stat().st_size > 20_000


def test_title_of_a_picture(cases):
    """Errors with one and six guesses; red where all six miss."""
    from lm4ve_motion.drawing import caption, missed
    scene = cases.scene_s()
    truth = scene.positions[scene.target, 20:]
    found = Forecast(np.stack([truth + 3, truth + (0, 1.5)]),
                     np.array([.6, .4]))
    assert caption(scene, found) == '7: 4.2 m (K=1) 1.5 m (K=6)'
    assert not missed(scene, found)
    assert missed(scene, Forecast(found.trajs + 5, found.chances))
    assert caption(scene.past(), found) == '7'


def test_constant_velocity_tool(trained, monkeypatch, capsys):
    status, text = call(monkeypatch, capsys, 'constant_velocity', trained[0])
    assert status == 0 and text.count('2 scenes: K=1 minADE') == 2, text
    assert 'mean of the last second' in text
    status, text = call(monkeypatch, capsys, 'constant_velocity', trained[0],
                        '--steps', 30)
    assert status == 2 and 'over 30 steps: the past has 1 to 19' in text


def test_convert(tmp_path, monkeypatch, capsys):
    """Of a file whose names are the reference's."""
    from lm4ve_motion.models import VectorNet
    ours = VectorNet().state_dict()
    theirs = {}
    for name, tensor in ours.items():
        for mine, other in (
                ('actor_encoder.levels', 'actor_subgraphs.encoders'),
                ('lane_encoder.levels', 'lane_subgraphs.encoders'),
                ('graph.layers.0.query',
                 'globalgraphs.global_attention_layers.0.q_layer'),
                ('graph.layers.0.key',
                 'globalgraphs.global_attention_layers.0.k_layer'),
                ('graph.layers.0.value',
                 'globalgraphs.global_attention_layers.0.v_layer'),
                ('graph.layers.0.norm',
                 'globalgraphs.global_attention_layers.0.norm.0'),
                ('graph.layers.0.merge',
                 'globalgraphs.linear_cross_attn_layers.0'),
                ('graph.layers.0.skip', 'globalgraphs.linears.0'),
                ('head.modes', 'decoder.preds'),
                ('head.end_embed', 'decoder.delta_fusion.delta_embedding'),
                ('head.fuse', 'decoder.delta_fusion.mapping'),
                ('head.score', 'decoder.classifier')):
            name = name.replace(mine, other)
        theirs[name] = tensor
    file, out = tmp_path / 'vectornet.ckpt', tmp_path / 'ours.pth'
    torch.save(dict(state_dict=theirs, epoch=3, optimizer={}), file)
    status, text = call(monkeypatch, capsys, 'convert_forecaster', file,
                        '--config', CONFIG, '--out', out)
    assert status == 0, text
    assert 'missing: nothing\nunused: nothing' in text
    held = torch.load(out, weights_only=True)['state_dict']
    assert all(torch.equal(held[name], value) for name, value in ours.items())
    torch.save(dict(state_dict=ours), file)
    status, text = call(monkeypatch, capsys, 'convert_forecaster', file,
                        '--config', CONFIG, '--out', out)
    assert status == 2 and 'of neither repository' in text


def test_cache_tool(trained, argoverse1, tmp_path, monkeypatch, capsys):
    status, text = call(monkeypatch, capsys, 'build_motion_cache',
                        trained[0], '--cache', tmp_path, '--stages', 'test')
    assert status == 0, text
    assert f'test: 2 scenes in {tmp_path}' in text


def test_check_tool(argoverse1, monkeypatch, capsys):
    status, text = call(monkeypatch, capsys, 'check_motion_data',
                        'argoverse1', argoverse1)
    assert status == 1
    assert 'train has 4 scenes, published are 205942' in text
    assert 'problems:' in text


def test_miami(shared_data, trained, tmp_path, monkeypatch, capsys):
    """Real scenes drawn; those of Miami have lanes around them."""
    root = shared_data / 'argoverse1'
    status, text = call(
        monkeypatch, capsys, 'draw_scenes', *trained, '--scenes',
        root / 'csv_samples/36.csv', '--out', tmp_path / 'real.png')
    assert status == 0 and 'of 1 missed' in text, text


def test_measures_for_people(cases):
    """Means over the scenes whose future is known."""
    scene = cases.scene_s()
    truth = scene.positions[scene.target, 20:]
    right = Forecast(truth[None], np.ones(1))
    wrong = Forecast(truth[None] + (3, 4), np.ones(1))
    scenes = [scene, scene, scene.past()]
    assert mean_measures(scenes, [right, wrong, wrong], 1) == (
        'K=1 minADE 2.50 m, minFDE 2.50 m, missed 50.0%')
    assert mean_measures(scenes[2:], [wrong], 6) == ''


def test_velocity_forecast(cases):
    """The target drives 0.5 and 0.3 m a step, and a little faster each."""
    scene = cases.scene_s()
    start = scene.positions[scene.target, 19]
    for steps, along in ((1, .5 + .37), (None, .5 + .19)):
        found = velocity_forecast(scene.past(), steps)
        assert found.trajs.shape == (1, 30, 2)
        assert np.allclose(found.trajs[0, 9] - start, (10 * along, 3))
