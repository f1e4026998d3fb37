"""FGSM and PGD: against closed forms, other libraries, and in a test loop."""

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import Runner
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.image.evaluation.attacks import ATTACKS, attacked, start_noise
from lm4ve_mm.llm import digest
from lm4ve_mm.models import find_llm_layers
from lm4ve_mm.testing.processes import metrics_of_two
from lm4ve_mm.utils.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / 'configs'
MEAN = torch.tensor([123.675, 116.28, 103.53])[:, None, None]
STD = torch.tensor([58.395, 57.12, 57.375])[:, None, None]


@pytest.fixture(scope='module')
def case():
    """A small net, images in levels, labels."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.GELU(), nn.Flatten(), nn.Linear(8 * 100, 5))
    return net.eval(), torch.rand(6, 3, 12, 12) * 255, torch.arange(6) % 5


def change(case, attack, noise=None):
    """How many levels each pixel was changed by."""
    net, levels, labels = case
    out = attacked(net, (levels - MEAN) / STD, labels, attack, MEAN, STD,
                   noise)
    return out * STD + MEAN - levels


def test_fgsm_is_the_sign_of_the_gradient(case):
    net, levels, labels = case
    images = ((levels - MEAN) / STD).requires_grad_()
    F.cross_entropy(net(images), labels).backward()
    inside = (levels > 1) & (levels < 254)
    moved = change(case, ATTACKS['fgsm'])
    assert torch.allclose(moved[inside], images.grad.sign()[inside],
                          atol=1e-4)


@pytest.mark.parametrize('eps', [1., 8.])
def test_bounds(case, eps):
    levels = case[1]
    attack = ATTACKS['pgd']._replace(eps=eps)
    moved = change(case, attack, start_noise((3, 12, 12), list(range(6)), 0))
    # Rounding of the normalisation.
    assert moved.abs().max() <= eps * (1 + 2e-5) + 2e-5
    assert (levels + moved).min() >= -1e-4
    assert (levels + moved).max() <= 255 + 1e-4


def test_more_steps_do_more_harm(case):
    net, levels, labels = case

    def loss(moved):
        return F.cross_entropy(net((levels + moved - MEAN) / STD), labels)

    plain = loss(torch.zeros_like(levels))
    fgsm = loss(change(case, ATTACKS['fgsm']))
    pgd = loss(change(case, ATTACKS['pgd']._replace(random_start=False)))
    assert plain < fgsm <= pgd + 1e-6


def test_the_random_start_is_the_image_s_own():
    """Not that of its batch."""
    together = start_noise((3, 4, 4), [7, 8, 9], 0)
    assert torch.equal(together[1], start_noise((3, 4, 4), [8], 0)[0])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together, start_noise((3, 4, 4), [7, 8, 9], 1))
    assert together.abs().max() <= 1


def test_no_gradient_is_left(case):
    case[0].zero_grad()
    change(case, ATTACKS['fgsm'])
    assert all(p.grad is None for p in case[0].parameters())


def test_torchattacks(case):
    torchattacks = pytest.importorskip(
        'torchattacks', reason='torchattacks is an oracle of this test alone')
    net, levels, labels = case
    shown = nn.Sequential(_Normalise(), net).eval()
    for oracle, attack in (
            (torchattacks.FGSM(shown, eps=1 / 255), ATTACKS['fgsm']),
            (torchattacks.PGD(shown, eps=1 / 255, alpha=.5 / 255, steps=5,
                              random_start=False),
             ATTACKS['pgd']._replace(random_start=False))):
        wanted = (oracle(levels / 255, labels) * 255) - levels
        assert torch.allclose(change(case, attack), wanted, atol=1e-3)


def test_foolbox(case):
    foolbox = pytest.importorskip(
        'foolbox', reason='foolbox is an oracle of this test alone')
    net, levels, labels = case
    shown = foolbox.PyTorchModel(
        nn.Sequential(_Normalise(), net).eval(), bounds=(0, 1))
    for oracle, attack in (
            (foolbox.attacks.LinfFastGradientAttack(random_start=False),
             ATTACKS['fgsm']),
            (foolbox.attacks.LinfPGD(abs_stepsize=.5 / 255, steps=5,
                                     random_start=False),
             ATTACKS['pgd']._replace(random_start=False))):
        found = oracle.run(shown, levels / 255, labels, epsilon=1 / 255)
        assert torch.allclose(change(case, attack), found * 255 - levels,
                              atol=1e-3)


class _Normalise(nn.Module):

    def forward(self, images):
        return (images * 255 - MEAN) / STD


def metrics_of(cfg, work_dir, state, **changes):
    """Metrics of an attacked test of ten digits."""
    cfg = copy.deepcopy(cfg)
    cfg.update(work_dir=str(work_dir), log_level='ERROR', launcher='none',
               experiment_name=f'{work_dir.name}_{len(changes)}_'
               f'{changes.get("batch_size", 10)}_{changes.get("type", "")}')
    cfg.test_cfg = dict(type='lm4ve_mm.AttackTestLoop', attack=dict(
        name=changes.get('type', 'pgd'), eps=changes.get('eps', 8.),
        step=changes.get('step', 2.)))
    cfg.test_dataloader.update(batch_size=changes.get('batch_size', 10))
    cfg.test_dataloader.dataset.indices = 10
    runner = Runner.from_cfg(cfg)
    runner.model.load_state_dict(state)
    before = {name: digest([dict(layer.frozen_tensors())]) for name, layer in
              find_llm_layers(runner.model).items()}
    found = runner.test()
    assert before == {
        name: digest([dict(layer.frozen_tensors())])
        for name, layer in find_llm_layers(runner.model).items()}
    return found


@pytest.fixture(scope='module')
def digits():
    """A config, and weights that have half of ten digits right."""
    cfg = apis.load_config(CONFIGS / 'vit_tiny_minilm_digits.py')
    torch.manual_seed(0)
    model = apis.build_model(copy.deepcopy(cfg))
    return cfg, model.state_dict()


def test_loop(digits, tmp_path):
    """Clean and attacked; neither batch size nor a repetition matters."""
    cfg, state = digits
    found = metrics_of(cfg, tmp_path, state)
    assert set(found) == {'clean/accuracy/top1', 'pgd/accuracy/top1'}
    assert found['pgd/accuracy/top1'] <= found['clean/accuracy/top1']
    assert metrics_of(cfg, tmp_path, state, batch_size=3) == found
    harmless = metrics_of(cfg, tmp_path, state, type='fgsm', eps=0.)
    assert harmless['clean/accuracy/top1'] == harmless['fgsm/accuracy/top1']


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(digits, tmp_path):
    """Eleven images: the two do not get the same number of them."""
    cfg, state = digits
    torch.save(dict(state_dict=state), tmp_path / 'model.pth')
    for name in ('fgsm', 'pgd'):
        cfg = copy.deepcopy(cfg)
        cfg.update(work_dir=str(tmp_path / name), log_level='ERROR',
                   load_from=str(tmp_path / 'model.pth'), launcher='none',
                   experiment_name=f'{tmp_path.name}_{name}')
        cfg.env_cfg.dist_cfg.backend = 'gloo'
        cfg.test_cfg = dict(type='lm4ve_mm.AttackTestLoop', attack=dict(
            name=name, eps=8., step=2.))
        cfg.test_dataloader.batch_size = 3
        cfg.test_dataloader.dataset.indices = 11
        (tmp_path / name).mkdir()
        one = dict(Runner.from_cfg(copy.deepcopy(cfg)).test())
        assert one.keys() == {'clean/accuracy/top1', f'{name}/accuracy/top1'}
        assert metrics_of_two(cfg, tmp_path / name)[0] == one


def test_unknown_attacks(digits, tmp_path):
    cfg, state = digits
    with pytest.raises(ConfigError, match='one of fgsm, pgd'):
        metrics_of(cfg, tmp_path, state, type='cw')
