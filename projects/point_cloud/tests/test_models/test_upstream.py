"""Published files: every name, both kinds, and what does not fit."""

import copy

import pytest
import torch
from lm4ve_point_cloud.upstream import RENAMES, rename
from mmengine.runner import load_checkpoint

from lm4ve_mm.llm import (
    BlockMismatchError,
    CheckpointError,
    CheckpointNotFoundError,
    read_blocks,
)
from lm4ve_mm.registry import MODELS

HEAD = ['head.mlp.0.weight', 'head.mlp.0.bias', 'head.mlp.3.weight',
        'head.mlp.3.bias']
WIDTH, HIDDEN = 64, 192


@pytest.fixture(scope='module')
def baseline(golden):
    return golden.filled(golden.upstream_shapes())


@pytest.fixture(scope='module')
def model(golden):
    """The baseline; a test that loads into it loads all of it."""
    return golden.build(golden.classifier()).double()


@pytest.fixture(scope='module')
def block_file(tmp_path_factory):
    """A LLaMA in Meta's format, which is the form of the block in a file."""
    folder = tmp_path_factory.mktemp('meta')
    shapes = {
        'attention.wq': (WIDTH, WIDTH), 'attention.wk': (WIDTH, WIDTH),
        'attention.wv': (WIDTH, WIDTH), 'attention.wo': (WIDTH, WIDTH),
        'feed_forward.w1': (HIDDEN, WIDTH),
        'feed_forward.w2': (WIDTH, HIDDEN),
        'feed_forward.w3': (HIDDEN, WIDTH),
        'attention_norm': (WIDTH, ), 'ffn_norm': (WIDTH, )}
    generator = torch.Generator().manual_seed(0)
    layer = {f'layers.0.{name}.weight':
             torch.randn(shape, generator=generator).mul(.05).half()
             for name, shape in shapes.items()}
    torch.save({**layer, 'norm.weight': torch.full((WIDTH, ), 2.).half()},
               folder / 'consolidated.00.pth')
    (folder / 'params.json').write_text(
        f'{{"dim": {WIDTH}, "multiple_of": 32, "n_heads": 32, "n_layers": 1, '
        '"norm_eps": 1e-6, "vocab_size": 32}')
    return folder, layer


@pytest.fixture(scope='module')
def with_llama(golden, block_file):
    """A published +LLaMA file: everything in float32, the norm of ones."""
    _, layer = block_file
    state = golden.filled(golden.upstream_shapes(WIDTH))
    state.update({f'llama.{n}': t.float() for n, t in layer.items()})
    state['llama.norm.weight'] = torch.ones(WIDTH)
    return state


@pytest.fixture()
def llama_model(golden, block_file):
    def build(**llm):
        cfg = golden.classifier(
            dict(dict(checkpoint=str(block_file[0])), **llm))
        return golden.build(cfg).double()

    return build


def pretraining(baseline):
    """Point-BERT.pth: the model that was pretrained, its twin, its codes."""
    state = {}
    for name, tensor in baseline.items():
        if not name.startswith('cls_head_finetune'):
            state[f'module.transformer_q.{name}'] = tensor
            state[f'module.transformer_k.{name}'] = 5 + tensor
    state['module.transformer_q.mask_token'] = torch.zeros(1, 1, 384)
    state['module.transformer_q.lm_head.weight'] = torch.zeros(8192, 384)
    state['module.transformer_q.lm_head.bias'] = torch.zeros(8192)
    state['module.transformer_q.cls_head.0.weight'] = torch.zeros(384, 768)
    state['module.dvae.encoder.first_conv.0.weight'] = torch.zeros(128, 3, 1)
    state['module.queue'] = torch.zeros(256, 16384)
    state['module.queue_ptr'] = torch.zeros(1)
    return state


def finetuned(state, wrapped):
    prefix = 'module.' if wrapped else ''
    return dict(
        base_model={prefix + name: t for name, t in state.items()},
        optimizer=dict(state={}, param_groups=[]),
        epoch=157,
        metrics=dict(acc=torch.tensor(87.4)),
        best_metrics=dict(acc=torch.tensor(87.4)))


def logged(monkeypatch):
    from lm4ve_point_cloud.models import point_classifier
    lines = []
    monkeypatch.setattr(point_classifier, 'print_log',
                        lambda text, **_: lines.append(text))
    return lines


def assert_loaded(model, state):
    own = model.state_dict()
    for name, tensor in state.items():
        if not name.startswith('llama.'):
            assert torch.equal(own[rename(name)].double(), tensor.double()
                               ), name


def test_every_name_has_one_partner(model, golden):
    names = golden.upstream_shapes()
    ours = [rename(name) for name in names]
    assert sorted(ours) == sorted(model.state_dict())
    assert rename('llama.layers.0.attention.wq.weight') is None
    assert rename('mask_token') is None
    assert len({pattern for pattern, _ in RENAMES}) == len(RENAMES)


@pytest.mark.parametrize('wrapped', [True, False])
def test_finetuned_baseline(model, baseline, tmp_path, wrapped):
    torch.save(finetuned(baseline, wrapped), tmp_path / 'best.pth')
    fresh = copy.deepcopy(model)
    load_checkpoint(fresh, str(tmp_path / 'best.pth'), strict=True)
    assert_loaded(fresh, baseline)


def test_pretraining_file(golden, baseline, tmp_path, monkeypatch):
    """Exact lists, and no initialisation after it."""
    lines = logged(monkeypatch)
    torch.save(dict(base_model=pretraining(baseline)), tmp_path / 'p.pth')
    cfg = golden.classifier(
        dict(init='random', geometry=dict(
            width=WIDTH, num_heads=4, ffn_dim=HIDDEN)))
    fresh = MODELS.build(dict(cfg, pretrained=str(tmp_path / 'p.pth')))
    head = {n: t.clone() for n, t in fresh.head.state_dict().items()}
    fresh.init_weights()
    missing = ['neck.layer.block_identity', 'neck.layer.map_in.weight',
               'neck.layer.map_out.weight', *HEAD]
    assert lines == [
        'Read a published pretraining file: 160 tensors. Missing, left as '
        f'initialised: {missing}. Unused: '
        "['mask_token', 'lm_head.weight', 'lm_head.bias']."]
    assert_loaded(fresh, {n: t.float() for n, t in baseline.items()
                          if not n.startswith('cls_head_finetune')})
    for name, tensor in fresh.head.state_dict().items():
        assert torch.equal(tensor, head[name]), name


def test_statistics_come_from_the_pretraining_file(model, baseline):
    state = pretraining(baseline)
    state['module.transformer_q.encoder.first_conv.1.running_mean'] += 3
    fresh = copy.deepcopy(model)
    # The head is not in a pretraining file.
    fresh.load_state_dict(dict(base_model=state), strict=False)
    assert (fresh.backbone.encoder.first_conv[1].running_mean == 3).all()


def test_published_llama_model(llama_model, with_llama, tmp_path):
    torch.save(finetuned(with_llama, True), tmp_path / 'best.pth')
    model = llama_model()
    load_checkpoint(model, str(tmp_path / 'best.pth'), strict=True)
    assert_loaded(model, with_llama)
    model.neck.layer.check_digest()


def test_its_block_is_compared(llama_model, with_llama):
    state = dict(with_llama)
    name = 'llama.layers.0.attention.wv.weight'
    state[name] = state[name].clone()
    state[name][0, 0] += 1e-3
    with pytest.raises(BlockMismatchError, match='--block BLOCK'):
        llama_model().load_state_dict(finetuned(state, False))


def test_its_block_becomes_the_trained_one(llama_model, with_llama,
                                           block_file):
    model = llama_model(trainable=True)
    model.load_state_dict(finetuned(with_llama, False))
    wanted = read_blocks(str(block_file[0])).tensors[0]
    for name, tensor in model.neck.layer.blocks[0].named_parameters():
        assert torch.equal(tensor, wanted[name].to(tensor.dtype)), name


def changed(state, drop=(), **more):
    return {**{n: t for n, t in state.items() if n not in drop}, **more}


@pytest.mark.parametrize('change, words', [
    (dict(drop=['norm.bias']), 'file lacks neck.norm.bias'),
    (dict(extra=torch.ones(1)), 'the model has no extra'),
    (dict(cls_token=torch.ones(1, 1, 8)),
     r'backbone.cls_token: \(1, 1, 8\) in the file'),
    ({'cls_head_finetune.3.bias': torch.ones(15)}, 'num_outputs'),
    ({'llama.norm.weight': torch.ones(8)}, 'use the .LLaMA config'),
])
def test_a_file_that_does_not_fit(model, baseline, change, words):
    state = changed(baseline, **change)
    with pytest.raises(CheckpointError, match=words):
        copy.deepcopy(model).load_state_dict(finetuned(state, True))


def test_pretraining_file_that_does_not_fit(model, baseline):
    state = pretraining(baseline)
    del state['module.transformer_q.reduce_dim.weight']
    state['module.transformer_q.odd.weight'] = torch.ones(1)
    with pytest.raises(CheckpointError) as refused:
        copy.deepcopy(model).load_state_dict(dict(base_model=state))
    assert 'lacks backbone.reduce_dim.weight;' in str(refused.value)
    assert 'has no odd.weight.' in str(refused.value)


@pytest.mark.parametrize('change, words', [
    ({'llama.norm.weight': torch.full((WIDTH, ), 2.)}, 'all ones'),
    ({'llama.layers.1.ffn_norm.weight': torch.ones(1)}, 'layers.1.ffn_norm'),
    (dict(drop=['llama.layers.0.ffn_norm.weight']), 'ffn_norm.weight'),
    (dict(drop=['llama_dim_mapper1.weight']), 'neck.layer.map_in.weight'),
])
def test_block_that_does_not_fit(llama_model, with_llama, change, words):
    state = changed(with_llama, **change)
    with pytest.raises(CheckpointError, match=words):
        llama_model().load_state_dict(finetuned(state, True))


def test_baseline_file_in_the_llama_model(llama_model, baseline):
    with pytest.raises(CheckpointError, match='baseline config'):
        llama_model().load_state_dict(finetuned(baseline, True))


def test_our_own_files_are_left_alone(model):
    fresh = copy.deepcopy(model)
    state = {n: torch.full_like(t, 2) for n, t in model.state_dict().items()}
    fresh.load_state_dict(state, strict=True)
    assert (fresh.backbone.cls_pos == 2).all()


def test_absent_file(golden):
    model = MODELS.build(dict(golden.classifier(), pretrained='no/P.pth'))
    with pytest.raises(CheckpointNotFoundError, match='model.pretrained=None'
                       ) as missing:
        model.init_weights()
    assert 'no/P.pth' in str(missing.value)


SMALL = dict(num_layers=2, num_groups=16, group_size=8, num_heads=2,
             feedforward_channels=48)
RANDOM = dict(init='random', geometry=dict(
    width=32, num_heads=4, ffn_dim=64))


@pytest.fixture()
def start(golden, tmp_path):
    """Starts a small model from a file, with or without a block."""

    def build(content, llm=None):
        path = tmp_path / 'ours.pth'
        torch.save(content, path)
        model = MODELS.build(dict(
            golden.classifier(llm, backbone=SMALL, embed_dims=24),
            pretrained=str(path)))
        drawn = {n: t.clone() for n, t in model.state_dict().items()}
        model.init_weights()
        return model, drawn

    return build


@pytest.fixture(scope='module')
def ours(golden):
    """What a small baseline of ours saves."""
    model = MODELS.build(golden.classifier(backbone=SMALL, embed_dims=24))
    return {name: torch.full_like(tensor, 2)
            for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_start_from_a_file_of_ours(start, ours, monkeypatch, prefix):
    """Its head and layer may be another's; what is new stays as drawn."""
    lines = logged(monkeypatch)
    model, _ = start(dict(state_dict={
        prefix + name: tensor for name, tensor in ours.items()}))
    assert all((t == 2).all() for t in model.state_dict().values())
    assert 'Missing, left as initialised: []' in lines[0]
    headless = {f'{prefix}{name}': tensor for name, tensor in ours.items()
                if not name.startswith('head.')}
    model, drawn = start(headless, RANDOM)
    for name, tensor in model.state_dict().items():
        if name in ours and not name.startswith('head.'):
            assert (tensor == 2).all(), name
        else:
            assert torch.equal(tensor, drawn[name]), name
    new = ['neck.layer.block_identity', 'neck.layer.layer_function',
           'neck.layer.map_in.weight', 'neck.layer.map_out.weight', *HEAD]
    assert f'Missing, left as initialised: {new}.' in lines[1]


@pytest.mark.parametrize('change, words', [
    (lambda state: {f'net.{n}': t for n, t in state.items()},
     r'lacks backbone.cls_token, .* more; the model has no net.backbone'),
    (lambda state: changed(state, ['backbone.reduce_dim.bias']),
     'lacks backbone.reduce_dim.bias; the model has no nothing'),
    (lambda state: changed(state, ['neck.norm.bias']), 'lacks neck.norm.bias'),
    (lambda state: changed(state, odd=torch.ones(1)), 'has no odd'),
    (lambda state: changed(
        state, **{'neck.layer.map_in.weight': torch.ones(32, 24)}),
     'has no neck.layer.map_in.weight'),
    (lambda state: changed(state, **{'backbone.cls_pos': torch.ones(1, 1, 8)}),
     r'backbone.cls_pos: \(1, 1, 8\) in the file'),
    (lambda state: [1, 2], 'holds list, not tensors by name'),
], ids=['names', 'backbone', 'norm', 'odd', 'maps', 'shape', 'list'])
def test_start_from_a_file_that_does_not_fit(start, ours, change, words):
    """MMEngine's own loading would train from chance, with a warning."""
    with pytest.raises(CheckpointError, match=words) as refused:
        start(change(ours))
    assert 'ours.pth' in str(refused.value)
