"""Publishing: what goes, what stays, and a file that is complete."""

import copy
import hashlib
import json
import shutil
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, load_checkpoint

from lm4ve_mm.apis.publish import publish
from lm4ve_mm.llm import BlockMismatchError, CheckpointError, read_blocks
from lm4ve_mm.registry import MODELS

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs' / 'vit_tiny_minilm_digits.py'
numbers = count()


def train(work_dir, ema=True, **llm):
    """Two steps of the digits recipe, with an average."""
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'publish_{next(numbers)}'
    cfg.log_level = 'ERROR'
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    cfg.train_dataloader.update(batch_size=8)
    cfg.train_dataloader.dataset.indices = 16
    cfg.model.backbone.arch.num_layers = 1
    if llm:
        cfg.model.neck.llm = dict(llm)
    if ema:
        cfg.custom_hooks = [
            dict(type='lm4ve_mm.RawEvalEMAHook', momentum=0.5),
            *cfg.custom_hooks]
    Runner.from_cfg(cfg).train()
    DefaultScope._instance_dict.clear()
    return SimpleNamespace(cfg=cfg, file=work_dir / 'epoch_1.pth')


def load(path):
    return torch.load(path, weights_only=True)


def predict(cfg, file, checkpoint=None):
    """Scores of the model that a config and a file make."""
    model_cfg = copy.deepcopy(cfg.model)
    if checkpoint is not None:
        model_cfg.neck.llm.checkpoint = str(checkpoint)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(model_cfg).eval()
        load_checkpoint(model, str(file), strict=True)
        image = torch.randn(
            4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            return model(image, mode='tensor')


@pytest.fixture(scope='module')
def llama_run(tmp_path_factory, tiny_llama):
    """Trained with a LLaMA folder that is gone now; its scores are kept."""
    folder = tmp_path_factory.mktemp('run')
    llama = folder / 'llama'
    shutil.copytree(tiny_llama, llama)
    run = train(folder, checkpoint=str(llama), layers=(-1, ))
    run.scores = predict(run.cfg, run.file)
    run.moved = folder / 'elsewhere'
    llama.rename(run.moved)
    return run


def same_tensors(found, wanted):
    return found.keys() == wanted.keys() and all(
        torch.equal(found[name], wanted[name]) for name in wanted)


def test_only_weights_and_metadata_are_left(llama_run, tmp_path):
    final = publish(llama_run.file, tmp_path / 'model.pth')
    whole, published = load(llama_run.file), load(final)
    assert {'optimizer', 'message_hub', 'ema_state_dict',
            'param_schedulers'} <= set(whole)
    assert set(published) == {'meta', 'state_dict'}
    assert same_tensors(published['state_dict'], whole['state_dict'])
    assert published['meta'] == whole['meta']
    assert published['meta']['frozen_llm']['neck.layer']


def test_name_carries_the_hash(llama_run, tmp_path):
    final = publish(llama_run.file, tmp_path / 'new' / 'model.pth')
    sha256 = hashlib.sha256(final.read_bytes()).hexdigest()
    assert final == tmp_path / 'new' / f'model-{sha256[:8]}.pth'
    assert list(final.parent.iterdir()) == [final]
    # Readable by others, unlike the temporary file that it was.
    assert final.stat().st_mode & 0o777 == 0o644


def test_source_and_namesakes_are_left_alone(llama_run, tmp_path):
    """Publishing under the checkpoint's own name, too."""
    source = tmp_path / 'epoch_1.pth'
    shutil.copy(llama_run.file, source)
    before = source.read_bytes()
    final = publish(source, source)
    assert final.is_file() and final != source
    assert source.is_file() and source.read_bytes() == before


def test_average(llama_run, tmp_path):
    final = publish(llama_run.file, tmp_path / 'model.pth', use_ema=True)
    whole, published = load(llama_run.file), load(final)
    average = {
        name.removeprefix('module.'): value
        for name, value in whole['ema_state_dict'].items() if name != 'steps'
    }
    assert same_tensors(published['state_dict'], average)
    weight = 'head.layers.head.weight'
    assert not torch.equal(published['state_dict'][weight],
                           whole['state_dict'][weight])
    scores = predict(llama_run.cfg, final, llama_run.moved)
    assert scores.shape == llama_run.scores.shape == (4, 10)
    assert not torch.equal(scores, llama_run.scores)


def test_the_swapped_average_of_mmengine(edited, tmp_path):
    """Its EMAHook saves the average as ``state_dict``, and no mark."""
    def swap(checkpoint):
        del checkpoint['meta']['raw_eval_ema']

    refused(CheckpointError, 'EMAHook', edited(swap), tmp_path / 'out',
            use_ema=True)


def test_with_the_block_the_file_is_enough(llama_run, tmp_path):
    """It is the language model's checkpoint and the weights' in one."""
    final = publish(llama_run.file, tmp_path / 'model.pth', with_llm=True,
                    llm_checkpoint=str(llama_run.moved))
    assert not Path(llama_run.cfg.model.neck.llm.checkpoint).exists()
    assert torch.equal(
        predict(llama_run.cfg, final, checkpoint=final), llama_run.scores)
    # Weights of training go with the published block as well.
    assert torch.equal(
        predict(llama_run.cfg, llama_run.file, checkpoint=final),
        llama_run.scores)


def test_published_with_the_block_twice(llama_run, tmp_path):
    """From the published file the block can be taken again."""
    first = publish(llama_run.file, tmp_path / 'a.pth', with_llm=True,
                    llm_checkpoint=str(llama_run.moved))
    second = publish(llama_run.file, tmp_path / 'b.pth', with_llm=True,
                     llm_checkpoint=str(first))
    one, other = (load(file)['frozen_llm'] for file in (first, second))
    assert one['metadata'] == other['metadata']
    assert same_tensors(other['tensors'], one['tensors'])


LORA = dict(rank=2, targets=('attn.q', 'attn.v', 'map_in'))


def test_with_the_block_under_lora(tiny_llama, tmp_path):
    """The block goes in as it was read; the updates are weights."""
    run = train(tmp_path / 'run', checkpoint=str(tiny_llama), lora=LORA)
    final = publish(run.file, tmp_path / 'model.pth', with_llm=True)
    published = load(final)
    prefix = 'neck.layer.blocks.0.attn.v.lora'
    assert published['state_dict'][f'{prefix}.up'].any()
    assert not any(name.endswith(('blocks.0.attn.v.weight', 'map_in.weight'))
                   for name in published['state_dict'])
    block = read_blocks(str(final))
    assert block.identity().sha256 == read_blocks(
        str(tiny_llama)).identity().sha256
    scores = predict(run.cfg, run.file)
    assert torch.equal(predict(run.cfg, final, checkpoint=final), scores)
    # Without the updates it is another model.
    published['state_dict'][f'{prefix}.up'].zero_()
    torch.save(published, tmp_path / 'reset.pth')
    assert not torch.equal(predict(run.cfg, tmp_path / 'reset.pth'), scores)


def test_average_under_lora(tiny_llama, tmp_path):
    run = train(tmp_path / 'run', checkpoint=str(tiny_llama), lora=LORA)
    final = publish(run.file, tmp_path / 'model.pth', use_ema=True)
    name = 'neck.layer.map_in.lora.up'
    assert load(final)['state_dict'][name].any()
    assert not torch.equal(predict(run.cfg, final),
                           predict(run.cfg, run.file))


@pytest.fixture()
def edited(llama_run, tmp_path):
    """A function that writes a copy of the checkpoint, changed by another."""

    def edit(change):
        checkpoint = load(llama_run.file)
        change(checkpoint)
        file = tmp_path / 'edited.pth'
        torch.save(checkpoint, file)
        return file

    return edit


def refused(error, words, source, out, **options):
    """Publishing fails with these words, and leaves nothing behind."""
    with pytest.raises(error, match=words):
        publish(source, out / 'model.pth', **options)
    assert not out.exists() or not list(out.iterdir())


def test_no_frozen_block(edited, tmp_path):
    def forget(checkpoint):
        del checkpoint['meta']['frozen_llm']

    refused(CheckpointError, 'names 0', edited(forget), tmp_path / 'out',
            with_llm=True)


def test_a_trained_block_is_in_the_file_already(edited, tmp_path):
    def thaw(checkpoint):
        checkpoint['meta']['frozen_llm']['neck.layer']['trainable'] = True

    refused(CheckpointError, 'trained and saved already', edited(thaw),
            tmp_path / 'out', with_llm=True)


def test_two_blocks(edited, tmp_path):
    def another(checkpoint):
        held = checkpoint['meta']['frozen_llm']
        held['other'] = copy.deepcopy(held['neck.layer'])
        held['other']['identity']['sha256'] = '0' * 64

    refused(CheckpointError, 'names 2', edited(another), tmp_path / 'out',
            with_llm=True)


def test_random_block(tmp_path):
    run = train(tmp_path / 'run', ema=False, init='random', seed=5,
                geometry=dict(width=32, num_heads=4, ffn_dim=64))
    refused(CheckpointError, 'random .seed 5.', run.file, tmp_path / 'out',
            with_llm=True)
    refused(CheckpointError, 'no averaged weights', run.file,
            tmp_path / 'out', use_ema=True)


def test_wrong_language_model(llama_run, tmp_path):
    """The same files with one value changed."""
    wrong = tmp_path / 'wrong'
    shutil.copytree(llama_run.moved, wrong)
    state = load(wrong / 'consolidated.00.pth')
    state['layers.0.attention.wv.weight'][3, 5] += 1
    torch.save(state, wrong / 'consolidated.00.pth')
    identity = load(llama_run.file)['meta']['frozen_llm']['neck.layer'][
        'identity']
    refused(BlockMismatchError, identity['sha256'][:16], llama_run.file,
            tmp_path / 'out', with_llm=True, llm_checkpoint=str(wrong))


def test_no_checkpoint_of_ours(tmp_path):
    torch.save(dict(weight=torch.ones(2)), tmp_path / 'plain.pth')
    refused(CheckpointError, "no 'state_dict'; it holds weight",
            tmp_path / 'plain.pth', tmp_path / 'out')


def test_interrupted_writing_leaves_nothing(llama_run, tmp_path, monkeypatch):
    def fail(content, path):
        Path(path).write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', fail)
    refused(OSError, 'disk full', llama_run.file, tmp_path / 'out')


def test_tool(llama_run, run_tool, tmp_path):
    """The command line, the language model's folder being gone."""
    tool = [ROOT / 'tools/model_converters/publish_model.py',
            llama_run.file, tmp_path / 'model.pth', '--with-llm']
    done = run_tool(*tool)
    assert done.returncode == 2
    assert llama_run.cfg.model.neck.llm.checkpoint in done.stderr
    done = run_tool(*tool, '--llm-checkpoint', llama_run.moved)
    assert done.returncode == 0, done.stderr
    written, = tmp_path.glob('model-*.pth')
    assert str(written) in done.stdout
    sha256 = load(written)['frozen_llm']['metadata']['sha256']
    assert set(json.loads(sha256)) >= {'0'}
