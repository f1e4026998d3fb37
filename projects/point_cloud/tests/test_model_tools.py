"""predict.py and convert_point_bert.py, as they are called."""

import runpy
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from lm4ve_point_cloud.datasets.solids import SOLIDS

from lm4ve_mm import apis
from lm4ve_mm.llm import read_blocks
from lm4ve_mm.ops import fps_numpy

PROJECT = Path(__file__).parents[1]
CONFIG = PROJECT / 'configs' / 'point_bert_shapes.py'


@pytest.fixture()
def call(monkeypatch, capsys):
    """Run a tool; gives its exit status, what it printed, and its errors."""

    def run(tool, *words):
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
        code = 0
        try:
            runpy.run_path(str(PROJECT / 'tools' / tool), run_name='__main__')
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """An untrained model in a file, and the model."""
    torch.manual_seed(0)
    model = apis.build_model(apis.load_config(CONFIG))
    path = tmp_path_factory.mktemp('trained') / 'model.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return path, model


@pytest.fixture(scope='module')
def cloud():
    rng = np.random.default_rng(0)
    return SOLIDS['torus'](rng)(rng, 700).astype(np.float32)


PLY = """ply
format ascii 1.0
element vertex {count}
property float x
property float y
property float z
end_header
"""


def write_ply(path, cloud):
    lines = '\n'.join(' '.join(map(repr, map(float, p))) for p in cloud)
    path.write_text(PLY.format(count=len(cloud)) + lines + '\n')


def write_h5(path, cloud):
    with h5py.File(path, 'w') as file:
        file['data'] = np.stack([cloud, cloud + 100])


WRITERS = {
    '.npy': np.save,
    '.txt': lambda path, cloud: np.savetxt(path, cloud, delimiter=','),
    '.ply': write_ply,
    '.h5': write_h5,
}


@pytest.mark.parametrize('suffix', WRITERS)
def test_predict(call, trained, cloud, tmp_path, suffix):
    """Every format gives what the model itself says of the cloud."""
    checkpoint, model = trained
    path = tmp_path / f'cloud{suffix}'
    WRITERS[suffix](path, cloud)
    index = ['--index', 0] if suffix == '.h5' else []
    code, out, err = call('predict.py', CONFIG, checkpoint, path, *index,
                          '--topk', 15)
    assert code == 0, err
    points = torch.from_numpy(cloud[fps_numpy(cloud, 256)])
    with torch.no_grad():
        scores = model(points[None]).softmax(1)[0]
    lines = [line.split() for line in out.splitlines() if '%' in line]
    order = scores.argsort(descending=True)
    assert [name for _, name in lines] == [list(SOLIDS)[i] for i in order]
    shown = [float(percent[:-1]) for percent, _ in lines]
    assert shown == pytest.approx(100 * scores[order].numpy(), abs=0.051)


def test_predict_a_cloud_elsewhere(call, trained, cloud, tmp_path):
    """It is told of, and --normalize makes it the same as at the origin."""
    np.save(tmp_path / 'far.npy', 40 * cloud + 7)
    np.save(tmp_path / 'near.npy', cloud)
    words = ['predict.py', CONFIG, trained[0]]
    _, out, _ = call(*words, tmp_path / 'far.npy')
    assert 'warning: the cloud lies' in out and '--normalize' in out
    _, moved, _ = call(*words, tmp_path / 'far.npy', '--normalize')
    _, here, _ = call(*words, tmp_path / 'near.npy', '--normalize')
    assert 'warning' not in moved
    assert moved.splitlines()[-3:] == here.splitlines()[-3:]


def test_predict_says_what_is_wrong(call, trained, cloud, tmp_path):
    np.save(tmp_path / 'few.npy', cloud[:50])
    np.save(tmp_path / 'nan.npy', np.where(cloud > 1, np.nan, cloud))
    np.save(tmp_path / 'cloud.npy', cloud)
    (tmp_path / 'cut.pth').write_bytes(trained[0].read_bytes()[:2000])
    for words, message in (
        ([trained[0], tmp_path / 'few.npy'], '256 different points of 50'),
        ([trained[0], tmp_path / 'nan.npy'], 'not finite'),
        ([trained[0], tmp_path / 'no.npy'], 'no file'),
        ([tmp_path / 'no.pth', tmp_path / 'cloud.npy'], 'no.pth'),
        ([tmp_path / 'cut.pth', tmp_path / 'cloud.npy'], 'cut.pth')):
        code, _, err = call('predict.py', CONFIG, *words)
        assert code == 2 and message in err, (message, err)


def test_predict_refuses_other_weights(call, trained, cloud, tmp_path):
    np.save(tmp_path / 'cloud.npy', cloud)
    state = dict(trained[1].state_dict())
    del state['neck.norm.weight']
    torch.save(dict(state_dict=state), tmp_path / 'lacks.pth')
    code, _, err = call('predict.py', CONFIG, tmp_path / 'lacks.pth',
                        tmp_path / 'cloud.npy')
    assert code == 2 and 'neck.norm.weight' in err
    state = dict(trained[1].state_dict())
    state['head.mlp.3.weight'] = torch.zeros(40, 256)
    torch.save(dict(state_dict=state), tmp_path / 'forty.pth')
    code, _, err = call('predict.py', CONFIG, tmp_path / 'forty.pth',
                        tmp_path / 'cloud.npy')
    assert code == 2 and 'model.head.num_outputs=40' in err


WIDTH, HIDDEN = 64, 96


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """A file of the paper: a block and, in place of a model, one tensor."""
    generator = torch.Generator().manual_seed(0)
    shapes = {f'attention.{name}': (WIDTH, WIDTH)
              for name in ('wq', 'wk', 'wv', 'wo')}
    shapes.update({
        'feed_forward.w1': (HIDDEN, WIDTH), 'feed_forward.w2': (WIDTH, HIDDEN),
        'feed_forward.w3': (HIDDEN, WIDTH), 'attention_norm': (WIDTH, ),
        'ffn_norm': (WIDTH, )})
    state = {f'module.llama.layers.0.{name}.weight':
             torch.randn(shape, generator=generator).half().float()
             for name, shape in shapes.items()}
    state['module.llama.norm.weight'] = torch.ones(WIDTH)
    state['module.cls_token'] = torch.zeros(1, 1, 384)
    path = tmp_path_factory.mktemp('published') / 'best.pth'
    torch.save(dict(base_model=state, epoch=3), path)
    return path, state


@pytest.mark.parametrize('dtype', ['auto', 'float16'])
def test_keep_the_block(call, published, tmp_path, dtype):
    """The file can be a config's checkpoint; the type changes no value."""
    path, state = published
    block = tmp_path / 'block.safetensors'
    code, out, err = call('convert_point_bert.py', path, '--block', block,
                          '--dtype', dtype)
    assert code == 0, err
    blocks = read_blocks(str(block))
    assert blocks.layers == (31, ) and blocks.num_layers == 32
    assert blocks.geometry.num_heads == 32
    assert blocks.dtype == ('float32' if dtype == 'auto' else dtype)
    value = state['module.llama.layers.0.attention.wv.weight']
    assert torch.equal(blocks.tensors[0]['attn.v.weight'].float(), value)
    assert blocks.identity().sha256[:16] in out


def test_convert_a_published_model(call, tmp_path):
    """Into a file of ours that loads strictly."""
    config = PROJECT / 'configs' / 'point_bert_scanobjectnn_hardest.py'
    small = ['--cfg-options', 'model.backbone.num_layers=1']
    cfg = apis.load_config(config)
    cfg.model.backbone.num_layers = 1
    model = apis.build_model(cfg)
    names = {}
    for name in model.state_dict():
        for ours, theirs in (('backbone.layers.', 'blocks.blocks.'),
                             ('ffn.layers.0.0', 'mlp.fc1'),
                             ('ffn.layers.1', 'mlp.fc2'), ('ln1', 'norm1'),
                             ('ln2', 'norm2'), ('neck.', ''),
                             ('head.mlp', 'cls_head_finetune'),
                             ('backbone.', '')):
            names[name] = names.get(name, name).replace(ours, theirs)
    torch.save(dict(base_model={names[name]: tensor for name, tensor in
                                model.state_dict().items()}),
               tmp_path / 'best.pth')
    code, out, err = call(
        'convert_point_bert.py', tmp_path / 'best.pth', '--config', config,
        '--out', tmp_path / 'ours.pth', *small)
    assert code == 0, err
    assert 'fine-tuned' in out and 'missing: nothing' in out
    state = torch.load(tmp_path / 'ours.pth', weights_only=True)
    assert state['meta']['converted_from'] == 'best.pth'
    model.load_state_dict(state['state_dict'], strict=True)


def test_convert_says_what_is_wrong(call, published, trained, tmp_path):
    path, _ = published
    for words, message in (
        ([tmp_path / 'no.pth', '--block', tmp_path / 'b.safetensors'],
         'there is no file'),
        ([trained[0], '--block', tmp_path / 'b.safetensors'],
         'no file of Point-BERT'),
        ([path], 'give --block, or --config and --out'),
        ([path, '--block', tmp_path / 'b.bin'], 'end in .safetensors'),
        ([path, '--config', CONFIG, '--out', tmp_path / 'o.pth'],
         'use the +LLaMA config')):
        code, _, err = call('convert_point_bert.py', *words)
        assert code == 2 and message in err, (message, err)
    assert not list(tmp_path.glob('*'))
