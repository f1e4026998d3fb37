"""METER's leaves: their form, their index, some training steps."""

from pathlib import Path

import pytest

from lm4ve_mm import apis
from lm4ve_mm.testing import ConfigForm, MetafileForm, train_an_epoch

CONFIGS = Path(__file__).parents[1] / 'configs'
DIGITS = [leaf.stem for leaf in CONFIGS.glob('*.py') if 'digits' in leaf.stem]


class TestForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('vqav2', 'flickr30k', 'digits_(vqa|retrieval)')
    TOOLBOXES = dict(meter='mmpretrain')


class TestMetafile(MetafileForm):
    CONFIGS = CONFIGS
    METRICS = r'Accuracy|Yes/No|Number|Other|IR@\d+'
    LEFT_OUT = dict.fromkeys(DIGITS, 'its figures are in the README')


TOWERS = dict(
    image=dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2,
               num_attention_heads=2, image_size=32, patch_size=16),
    text=dict(model_type='roberta', hidden_size=32, intermediate_size=64,
              num_hidden_layers=1, num_attention_heads=2, vocab_size=30,
              max_position_embeddings=60, pad_token_id=1, type_vocab_size=1))
SWIN = dict(image_size=32, patch_size=4, embed_dim=16, depths=[2, 2],
            num_heads=[1, 2], window_size=1)
# One of each task and kind of layer; the others are slow.
QUICK = ('meter_llama_vqav2', 'meter_llama_random_trained_flickr30k')
LEAVES = [leaf for leaf in sorted(CONFIGS.glob('*.py'))
          if leaf.stem not in DIGITS]


def toy(path, work_dir, root, tokenizer, llama):
    """The recipe on a few photos, small encoders, a toy LLaMA."""
    cfg = apis.load_config(path)
    cfg.launcher = 'none'
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{path.stem}'
    cfg.log_level = 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    for hook in cfg.custom_hooks:
        if hook.type.endswith('AccumulateHook'):
            hook.batch_size = 1
    for stage in ('train', 'val', 'test'):
        loader = cfg[f'{stage}_dataloader']
        data = loader.dataset
        # Of five captions an image, a batch has to hold two images' or more.
        loader.update(batch_size=2 if 'answers' in data else 8,
                      num_workers=0)
        data.data_root = str(root)
        if 'answers' in data:
            data.answers = str(root / 'answers.json')
        else:
            data.check_counts = False
        for step in data.pipeline:
            if 'tokenizer' in step:
                step.tokenizer = str(tokenizer)
            if 'size' in step:
                step.size = 32
    model = cfg.model
    for part, fields in TOWERS.items():
        model[f'{part}_encoder'].update(
            init='random', checkpoint=None, config=None)
        model[f'{part}_encoder'].config = fields
    if path.stem.startswith('meter_swin'):
        model.image_encoder.config = SWIN
    model.image_encoder.image_size = 32
    model.fusion.update(embed_dims=32, num_layers=1, num_heads=2)
    if 'answers' in model.head:
        model.head.update(
            answers=str(root / 'answers.json'), num_answers=4)
    llm = (model.get('neck') or {}).get('llm', {})
    if 'checkpoint' in llm:
        llm.checkpoint = str(llama)
    if 'hidden_dims' in llm:
        llm.hidden_dims = 64
    return cfg


@pytest.mark.parametrize('path', [
    pytest.param(leaf, id=leaf.stem, marks=(
        [] if leaf.stem in QUICK else [pytest.mark.slow]))
    for leaf in LEAVES])
def test_trains(path, tmp_path, vqav2, flickr30k, tokenizer,
                          llama):
    """Three steps, of which the first is at rate zero."""
    vqa = path.stem.endswith('vqav2')
    runner, names, moved = train_an_epoch(toy(
        path, tmp_path, vqav2 if vqa else flickr30k, tokenizer, llama))
    assert runner.iter == 3
    assert runner.message_hub.get_scalar(
        'val/vqa/overall' if vqa else 'val/retrieval/IR@1').current() >= 0
    assert {name for name in names if name.startswith('neck.')} <= moved
    assert 'fusion.cross_modal_image_layers.0.output.dense.weight' in moved
    still = {name for name in names if 'itm_score' in name}
    assert still.isdisjoint(moved)
    assert bool(still) != vqa
