"""METER in the size of the golden numbers, and its weights and inputs."""

import math
from pathlib import Path
from types import SimpleNamespace

import lm4ve_vqa  # noqa: F401  (registers everything)
import pytest
import torch
from mmpretrain.structures import DataSample

from lm4ve_mm.registry import MODELS

CLIP = dict(
    type='lm4ve_mm.CLIPTower', init='random', config=dict(
        hidden_size=128, intermediate_size=512, num_hidden_layers=4,
        num_attention_heads=2, image_size=32, patch_size=8))
SWIN = dict(
    type='lm4ve_mm.SwinTower', init='random', image_size=64, config=dict(
        image_size=64, embed_dim=16, depths=[2, 2, 2, 2],
        num_heads=[1, 2, 4, 8]))
ROBERTA = dict(
    type='lm4ve_mm.TextTower', init='random', config=dict(
        model_type='roberta', hidden_size=64, num_attention_heads=4,
        num_hidden_layers=2, intermediate_size=256, vocab_size=100,
        max_position_embeddings=20, pad_token_id=1, type_vocab_size=1,
        layer_norm_eps=1e-5))
FUSION = dict(
    type='lm4ve_mm.CoAttention', embed_dims=64, num_layers=2, num_heads=4)
HEADS = dict(VQA=dict(type='lm4ve_mm.VQAHead', num_answers=13),
             Retrieval=dict(type='lm4ve_mm.RetrievalHead'))
TINY = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
NECK = dict(type='lm4ve_mm.TokenInsertNeck', llm=TINY)


def meter(task='VQA', image=CLIP, **options):
    """A model of ours in the golden size."""
    return MODELS.build(dict(dict(
        type=f'lm4ve_mm.METERFor{task}', image_encoder=image,
        text_encoder=ROBERTA, fusion=FUSION, head=HEADS[task]), **options))


def linear(name, out, into):
    return {f'{name}.weight': (out, into), f'{name}.bias': (out, )}


def norm(name, width):
    return {f'{name}.weight': (width, ), f'{name}.bias': (width, )}


def attention(name, width):
    shapes = {}
    for part in ('query', 'key', 'value'):
        shapes.update(linear(f'{name}.self.{part}', width, width))
    return {**shapes, **linear(f'{name}.output.dense', width, width),
            **norm(f'{name}.output.LayerNorm', width)}


def bert_layer(name, width, cross=False):
    shapes = attention(f'{name}.attention', width)
    if cross:
        shapes.update(attention(f'{name}.crossattention', width))
    return {**shapes, **linear(f'{name}.intermediate.dense', 256, width),
            **linear(f'{name}.output.dense', width, 256),
            **norm(f'{name}.output.LayerNorm', width)}


def clip_shapes():
    """METER's CLIP with its left-overs."""
    v = 'vit_model.visual'
    shapes = {
        f'{v}.class_embedding': (128, ), f'{v}.conv1.weight': (128, 3, 8, 8),
        f'{v}.positional_embedding': (17, 128), **norm(f'{v}.ln_pre', 128),
        **norm(f'{v}.ln_post', 128), **norm('vit_model.ln_final', 64),
        'vit_model.positional_embedding': (7, 64)}
    for i in range(3):
        at = f'{v}.transformer.resblocks.{i}'
        shapes.update({
            f'{at}.attn.in_proj_weight': (384, 128),
            f'{at}.attn.in_proj_bias': (384, ),
            **linear(f'{at}.attn.out_proj', 128, 128),
            **norm(f'{at}.ln_1', 128), **norm(f'{at}.ln_2', 128),
            **linear(f'{at}.mlp.c_fc', 512, 128),
            **linear(f'{at}.mlp.c_proj', 128, 512)})
    return shapes


def swin_shapes():
    """METER's Swin."""
    v = 'vit_model'
    shapes = {f'{v}.patch_embed.proj.weight': (16, 3, 4, 4),
              f'{v}.patch_embed.proj.bias': (16, ),
              **norm(f'{v}.patch_embed.norm', 16), **norm(f'{v}.norm', 128)}
    for stage, width in enumerate((16, 32, 64, 128)):
        for block in range(2):
            at = f'{v}.layers.{stage}.blocks.{block}'
            shapes.update({
                **norm(f'{at}.norm1', width), **norm(f'{at}.norm2', width),
                **linear(f'{at}.attn.qkv', 3 * width, width),
                **linear(f'{at}.attn.proj', width, width),
                f'{at}.attn.relative_position_bias_table': (9, 2**stage),
                **linear(f'{at}.mlp.fc1', 4 * width, width),
                **linear(f'{at}.mlp.fc2', width, 4 * width)})
        if stage < 3:
            at = f'{v}.layers.{stage}.downsample'
            shapes.update({f'{at}.reduction.weight': (2 * width, 4 * width),
                           **norm(f'{at}.norm', 4 * width)})
    return shapes


def reference_shapes(image=None, matching=True):
    """Names and shapes of METER, all heads in one."""
    text = 'text_transformer'
    image = image or clip_shapes()
    shapes = {
        **image, **linear(f'{text}.pooler.dense', 64, 64),
        f'{text}.embeddings.word_embeddings.weight': (100, 64),
        f'{text}.embeddings.position_embeddings.weight': (20, 64),
        f'{text}.embeddings.token_type_embeddings.weight': (1, 64),
        **norm(f'{text}.embeddings.LayerNorm', 64),
        'token_type_embeddings.weight': (2, 64),
        **linear('cross_modal_text_transform', 64, 64),
        **linear('cross_modal_image_transform', 64, 128),
        **linear('vqa_classifier.0', 128, 128),
        **norm('vqa_classifier.1', 128),
        **linear('vqa_classifier.3', 13, 128)}
    if matching:
        shapes.update({**linear('itm_score.fc', 2, 128),
                       **linear('rank_output', 1, 128)})
    for kind in ('text', 'image'):
        shapes.update(linear(f'cross_modal_{kind}_pooler.dense', 64, 64))
        for i in range(2):
            shapes.update(bert_layer(
                f'cross_modal_{kind}_layers.{i}', 64, cross=True))
            if kind == 'text':
                shapes.update(bert_layer(f'{text}.encoder.layer.{i}', 64))
    return shapes


def filled(shapes):
    """Fill F of the golden numbers, float64."""
    state = {}
    for j, name in enumerate(sorted(shapes)):
        flat = torch.arange(math.prod(shapes[name])) % 1009
        wave = torch.cos(0.37 * flat.double() + j).view(shapes[name])
        one = wave.dim() == 1 and name.endswith('weight')
        state[name] = 1 + 0.1 * wave if one else 0.05 * wave
    return state


def sines(amplitude, frequency, phase, *shape):
    """amplitude * sin(frequency * n + phase) over the flat index n."""
    flat = torch.arange(math.prod(shape), dtype=torch.float64)
    return (amplitude * torch.sin(frequency * flat + phase)).view(shape)


def texts(lengths, row=0, padding=1, slots=10):
    """Ids and masks (B, slots) of the golden texts."""
    ids = torch.full((len(lengths), slots), padding)
    for b, length in enumerate(lengths):
        ids[b, :length] = 4 + (
            7 * torch.arange(length) + 13 * (b + row) + 5) % 96
        ids[b, 0], ids[b, length - 1] = 0, 2
    mask = torch.arange(slots) < torch.tensor(lengths)[:, None]
    return ids, mask.long()


def samples(ids, mask, **fields):
    """Data samples with these texts, and more rows by name."""
    fields = dict(text_ids=ids, text_mask=mask, **fields)
    made = []
    for number in range(len(ids)):
        sample = DataSample()
        for name, rows in fields.items():
            sample.set_field(rows[number], name)
        made.append(sample)
    return made


@pytest.fixture(scope='session')
def golden():
    """The makers of this file, since test modules cannot import it."""
    return SimpleNamespace(
        configs=Path(__file__).parents[2] / 'configs', CLIP=CLIP,
        SWIN=SWIN, ROBERTA=ROBERTA, FUSION=FUSION, HEADS=HEADS,
        NECK=NECK, TINY=TINY, meter=meter, reference_shapes=reference_shapes,
        clip_shapes=clip_shapes, swin_shapes=swin_shapes, filled=filled,
        sines=sines, texts=texts, samples=samples)
