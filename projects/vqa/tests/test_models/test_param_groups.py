"""METER's six parameter groups, and that of the inserted layer."""

import pytest
from lm4ve_vqa.upstream import RENAMES, split
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from lm4ve_mm import apis
from lm4ve_mm.published.translate import our_names
from lm4ve_mm.utils.errors import ConfigError

# What METER spares from decay, and its groups by name.
SPARED = ('bias', 'LayerNorm.weight', 'norm.weight', 'norm1.weight',
          'norm2.weight')
HEADS = ('vqa_classifier', 'mlm_score', 'itm_score')
OTHER_HEADS = (('itm_score', 'rank_output'), ('vqa_classifier', ))
# B.1: parameters of METER's six groups in the golden size.
SIZES = dict(
    VQA=(728512, 6400, 18176, 269, 282624, 5120),
    Retrieval=(728640, 6401, 256, 2, 282624, 5120),
    Swin=(676288, 9566, 18176, 269, 282624, 5120))
GROUPS = ('host', 'host_no_decay', 'head', 'head_no_decay', 'cross_modal',
          'cross_modal_no_decay')


def wrapped(golden, model, name='meter_vqav2', **changes):
    """The optimiser of a recipe, around a model."""
    cfg = apis.load_config(golden.configs / f'{name}.py').optim_wrapper
    init_default_scope('mmpretrain')
    for key, value in changes.items():
        cfg[key] = value
    return build_optim_wrapper(model, cfg)


def reference_group(name):
    """Index of METER's group, by its own names."""
    spared = any(part in name for part in SPARED)
    if any(part in name for part in HEADS):
        return 2 + spared
    return 4 * ('cross_modal' in name) + spared


@pytest.mark.parametrize('task', SIZES)
def test_groups_are_those_of_meter(golden, task):
    """B.1, tensor by tensor; what METER has and we do not is left out."""
    swin = task == 'Swin'
    shapes = golden.reference_shapes(
        golden.swin_shapes() if swin else None, not swin)
    held = golden.filled({
        name: shape for name, shape in shapes.items()
        if not name.startswith(OTHER_HEADS[task == 'Retrieval'])})
    counts = [0] * 6
    for name, tensor in held.items():
        counts[reference_group(name)] += tensor.numel()
    assert tuple(counts) == SIZES[task]
    model = golden.meter('VQA' if swin else task,
                         image=golden.SWIN if swin else golden.CLIP)
    built = wrapped(golden, model, 'meter_flickr30k')
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    names = {id(p): n for n, p in trained.items()}
    found = {names[id(p)]: group['name']
             for group in built.optimizer.param_groups
             for p in group['params']}
    wanted = {}
    for name in split(held):
        ours = [n for n in our_names(name, RENAMES) if n in trained]
        if ours:
            whole = name.replace('.in_proj.', '.in_proj_')
            wanted[ours[0]] = GROUPS[reference_group(whole)]
    assert found == wanted
    assert len(found) == len(trained)


def test_group_of_the_inserted_layer(golden):
    """Check 4: ten times the encoders' rate; the block is in no group."""
    model = golden.meter(neck=golden.NECK)
    built = wrapped(golden, model)
    rates = {group['name']: (group['lr'] / 1e-5, group['weight_decay'])
             for group in built.optimizer.param_groups}
    assert rates == {
        'host': (1, .01), 'host_no_decay': (1, 0.), 'head': (
            pytest.approx(50), .01), 'head_no_decay': (
            pytest.approx(50), 0.), 'cross_modal': (pytest.approx(10), .01),
        'cross_modal_no_decay': (pytest.approx(10), 0.),
        'inserted': (pytest.approx(10), .01)}
    inserted, = (group['params'] for group in built.optimizer.param_groups
                 if group['name'] == 'inserted')
    assert {id(p) for p in inserted} == {
        id(p) for p in model.neck.parameters()}
    assert len(inserted) == 2
    assert built.optimizer.defaults['betas'] == (0.9, 0.98)


def test_unknown_keys_of_groups(golden):
    with pytest.raises(ConfigError, match='has head_mult, which'):
        wrapped(golden, golden.meter(), paramwise_cfg=dict(head_mult=5.))
    with pytest.raises(ConfigError, match='needs lr and weight_decay'):
        wrapped(golden, golden.meter(), optimizer=dict(type='AdamW', lr=1e-5))
