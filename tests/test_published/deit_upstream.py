"""Upstream's image model written down by hand: files, and their function.

The names of timm 0.4's ViT and of arXiv 2310.12973, at a size of their own.
"""

from argparse import Namespace

import torch
from torch.nn import functional as F

from .videomae_upstream import (
    LLM_HEADS,
    attend,
    classifier_shapes,
    filled,
    llama_layer,
)

WIDTH, DEPTH, HEADS, CLASSES = 48, 2, 3, 5
SIZE, PATCH = 16, 8  # 2 x 2 patches and a class token
TOKENS = 5

__all__ = ['LLM_HEADS']


def shapes(llama):
    """Upstream's names, with the block or without."""
    found = {
        'cls_token': (1, 1, WIDTH), 'pos_embed': (1, TOKENS, WIDTH),
        'patch_embed.proj.weight': (WIDTH, 3, PATCH, PATCH),
        'patch_embed.proj.bias': (WIDTH, )}
    for i in range(DEPTH):
        found.update({f'blocks.{i}.{name}': shape for name, shape in {
            'norm1.weight': (WIDTH, ), 'norm1.bias': (WIDTH, ),
            'attn.qkv.weight': (3 * WIDTH, WIDTH),
            'attn.qkv.bias': (3 * WIDTH, ),
            'attn.proj.weight': (WIDTH, WIDTH), 'attn.proj.bias': (WIDTH, ),
            'norm2.weight': (WIDTH, ), 'norm2.bias': (WIDTH, ),
            'mlp.fc1.weight': (4 * WIDTH, WIDTH),
            'mlp.fc1.bias': (4 * WIDTH, ),
            'mlp.fc2.weight': (WIDTH, 4 * WIDTH), 'mlp.fc2.bias': (WIDTH, ),
        }.items()})
    found.update({
        'norm.weight': (WIDTH, ), 'norm.bias': (WIDTH, ),
        'head.weight': (CLASSES, WIDTH), 'head.bias': (CLASSES, )})
    if llama:
        found.update({name: shape for name, shape in
                      classifier_shapes(True).items()
                      if name.startswith('llama')})
    return found


def state(llama, seed=0):
    """Random weights, none of them at the value it would start from."""
    return filled(shapes(llama), seed)


def released(llama):
    """A file as upstream's training script writes it."""
    return {'model': state(llama), 'optimizer': dict(state={}), 'epoch': 299,
            'lr_scheduler': dict(last_epoch=299), 'scaler': dict(scale=65536.),
            'args': Namespace(lr=5e-4, opt_betas=None)}


def logits(images, weights):
    """Upstream's classifier on its own names: (B, 3, H, W) -> (B, K)."""
    def norm(x, name):
        return F.layer_norm(x, (WIDTH, ), weights[f'{name}.weight'],
                            weights[f'{name}.bias'], 1e-6)

    def linear(x, name):
        return F.linear(x, weights[f'{name}.weight'], weights[f'{name}.bias'])

    x = F.conv2d(images, weights['patch_embed.proj.weight'],
                 weights['patch_embed.proj.bias'], PATCH)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([weights['cls_token'].expand(len(x), -1, -1), x], 1)
    x = x + weights['pos_embed']
    for i in range(DEPTH):
        at = f'blocks.{i}'
        qkv = linear(norm(x, f'{at}.norm1'), f'{at}.attn.qkv')
        x = x + linear(attend(*qkv.chunk(3, -1), HEADS), f'{at}.attn.proj')
        hidden = F.gelu(linear(norm(x, f'{at}.norm2'), f'{at}.mlp.fc1'))
        x = x + linear(hidden, f'{at}.mlp.fc2')
    if 'llama_dim_mapper1.weight' in weights:
        x = llama_layer(x, weights)
    return linear(norm(x, 'norm')[:, 0], 'head')
