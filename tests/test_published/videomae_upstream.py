"""Upstream's video model written down by hand: files, and their function.

VideoMAE's names and those of arXiv 2310.12973, at a size of their own.
"""

from argparse import Namespace

import torch
from torch.nn import functional as F

WIDTH, DEPTH, HEADS, CLASSES = 48, 2, 3, 5
LLM, HIDDEN, LLM_HEADS = 64, 96, 4
FRAMES, SIZE, PATCH = 4, 16, 8  # 2 x 2 x 2 tokens
TOKENS = 8


def encoder_shapes():
    """Upstream's names of what both kinds of files have."""
    shapes = {
        'patch_embed.proj.weight': (WIDTH, 3, 2, PATCH, PATCH),
        'patch_embed.proj.bias': (WIDTH, )}
    for i in range(DEPTH):
        shapes.update({f'blocks.{i}.{name}': shape for name, shape in {
            'norm1.weight': (WIDTH, ), 'norm1.bias': (WIDTH, ),
            'attn.q_bias': (WIDTH, ), 'attn.v_bias': (WIDTH, ),
            'attn.qkv.weight': (3 * WIDTH, WIDTH),
            'attn.proj.weight': (WIDTH, WIDTH), 'attn.proj.bias': (WIDTH, ),
            'norm2.weight': (WIDTH, ), 'norm2.bias': (WIDTH, ),
            'mlp.fc1.weight': (4 * WIDTH, WIDTH),
            'mlp.fc1.bias': (4 * WIDTH, ),
            'mlp.fc2.weight': (WIDTH, 4 * WIDTH), 'mlp.fc2.bias': (WIDTH, ),
        }.items()})
    return shapes


def classifier_shapes(llama):
    shapes = dict(
        encoder_shapes(), **{
            'fc_norm.weight': (WIDTH, ), 'fc_norm.bias': (WIDTH, ),
            'head.weight': (CLASSES, WIDTH), 'head.bias': (CLASSES, )})
    if llama:
        block = dict.fromkeys([f'attention.w{x}' for x in 'qkvo'], (LLM, LLM))
        block.update({
            'feed_forward.w1': (HIDDEN, LLM), 'feed_forward.w2': (LLM, HIDDEN),
            'feed_forward.w3': (HIDDEN, LLM), 'attention_norm': (LLM, ),
            'ffn_norm': (LLM, )})
        shapes.update({f'llama.layers.0.{name}.weight': shape
                       for name, shape in block.items()})
        shapes.update({
            'llama.norm.weight': (LLM, ),
            'llama_dim_mapper1.weight': (LLM, WIDTH),
            'llama_dim_mapper2.weight': (WIDTH, LLM)})
    return shapes


def filled(shapes, seed=0):
    """Random weights, none of them at the value it would start from."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        scale = 1 / shape[-1]**.5 if len(shape) > 1 else .3
        state[name] = torch.randn(shape, generator=generator) * scale
        if name.startswith('llama.'):
            # LLaMA's values are those of float16, held in float32.
            state[name] = state[name].half().float()
    if 'llama.norm.weight' in state:
        state['llama.norm.weight'] = torch.ones(LLM)
    return state


def finetuned(llama, container='model'):
    """A file as upstream's ``save_model`` writes it."""
    return {
        container: filled(classifier_shapes(llama)),
        'optimizer': dict(state={}, param_groups=[]),
        'epoch': 39,
        'scaler': dict(scale=65536., growth_factor=2.),
        'args': Namespace(lr=1e-3, opt_betas=[.9, .999], window_size=(8, 14)),
    }


def pretraining():
    """The autoencoder: another half, and an encoder with a final norm."""
    state = {f'encoder.{name}': tensor
             for name, tensor in filled(encoder_shapes()).items()}
    other = {
        'encoder.norm.weight': (WIDTH, ), 'encoder.norm.bias': (WIDTH, ),
        'encoder_to_decoder.weight': (32, WIDTH), 'mask_token': (1, 1, 32),
        'decoder.blocks.0.norm1.weight': (32, ),
        'decoder.norm.weight': (32, ), 'decoder.head.weight': (384, 32)}
    return dict(model=dict(state, **filled(other, seed=1)),
                args=Namespace(mask_ratio=.9))


def positions():
    """Fixed sine and cosine of (2, 2, 2) places in a row, in float32."""
    place = torch.arange(TOKENS, dtype=torch.float64)[:, None]
    channel = torch.arange(WIDTH)
    angle = place / 10000**((channel // 2).double() * 2 / WIDTH)
    table = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
    return table.float().to(torch.float64)


def attend(q, k, v, heads):
    """(B, N, C) three times -> (B, N, C); no mask, softmax over all."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2)
               for x in (q, k, v))
    weights = (q @ k.transpose(-2, -1) / q.shape[-1]**.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def rms(x, weight):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * weight


def llama_layer(x, state):
    """What upstream inserts: no rotary phase, a final norm of ones."""
    w = {name.removeprefix('llama.layers.0.').removesuffix('.weight'): tensor
         for name, tensor in state.items()}
    x = x @ w['llama_dim_mapper1'].T
    fed = rms(x, w['attention_norm'])
    q, k, v = (fed @ w[f'attention.w{c}'].T for c in 'qkv')
    x = x + attend(q, k, v, LLM_HEADS) @ w['attention.wo'].T
    fed = rms(x, w['ffn_norm'])
    x = x + (F.silu(fed @ w['feed_forward.w1'].T)
             * (fed @ w['feed_forward.w3'].T)) @ w['feed_forward.w2'].T
    return rms(x, 1.) @ w['llama_dim_mapper2'].T


def upstream_logits(clips, state):
    """Upstream's classifier on its own names: (B, 3, T, H, W) -> (B, K)."""
    def norm(x, name):
        return F.layer_norm(x, (WIDTH, ), state[f'{name}.weight'],
                            state[f'{name}.bias'], 1e-6)

    def linear(x, name):
        return F.linear(x, state[f'{name}.weight'], state[f'{name}.bias'])

    x = F.conv3d(clips, state['patch_embed.proj.weight'],
                 state['patch_embed.proj.bias'], (2, PATCH, PATCH))
    x = x.flatten(2).transpose(1, 2) + positions()
    for i in range(DEPTH):
        at = f'blocks.{i}'
        bias = torch.cat([state[f'{at}.attn.q_bias'],
                          torch.zeros(WIDTH, dtype=x.dtype),
                          state[f'{at}.attn.v_bias']])
        qkv = F.linear(norm(x, f'{at}.norm1'), state[f'{at}.attn.qkv.weight'],
                       bias)
        x = x + linear(attend(*qkv.chunk(3, -1), HEADS), f'{at}.attn.proj')
        hidden = F.gelu(linear(norm(x, f'{at}.norm2'), f'{at}.mlp.fc1'))
        x = x + linear(hidden, f'{at}.mlp.fc2')
    if 'llama_dim_mapper1.weight' in state:
        x = llama_layer(x, state)
    return linear(norm(x.mean(1), 'fc_norm'), 'head')
