"""Blocks of every geometry, run in every way; what tests of ways share."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lm4ve_mm.llm import FrozenLLMLayer

BIASES = dict(qkv_bias=True, out_bias=True, ffn_bias=True)
QWEN3 = dict(num_kv_heads=2, qk_norm=True, head_dim=24, rope_theta=100.)
GEOMETRIES = {
    'llama': dict(),
    'grouped': dict(num_kv_heads=2, rope_theta=100.),
    'gemma2': dict(placement='sandwich', norm_offset=1.0, softcap=20.0,
                   attention_scale=0.2),
    'gemma3': dict(placement='sandwich', norm_offset=1.0, qk_norm=True,
                   head_dim=24),
    # Its bound makes the constant that a bias adds to all scores matter.
    'bounded': dict(norm='layer', softcap=2.0, gated=False, **BIASES),
    'opt': dict(norm='layer', gated=False, activation='relu', **BIASES),
    'gpt2': dict(norm='layer', gated=False, activation='gelu_tanh', **BIASES),
    'bert': dict(norm='layer', placement='post', gated=False, **BIASES),
    'post': dict(placement='post'),
    'phi': dict(norm='layer', parallel=True, shared_norm=True, gated=False,
                **BIASES),
    'neox': dict(norm='layer', parallel=True, gated=False, **BIASES),
    'qwen3': QWEN3,
}
WAYS = ('absorb', 'fold', 'fold_absorb')
KEEPS = [slice(0, 1), [5, 2], slice(None, None, 3), None]
TARGETS = ('attn.q', 'attn.k', 'attn.v', 'attn.out', 'ffn.up', 'ffn.down')
LORA = dict(rank=3, targets=(*TARGETS, 'map_in'), alpha=2)
MAPS = {
    'map': dict(),
    'map with bias': dict(map_bias=True, residual='hybrid'),
    'lora': dict(lora=LORA),
    'trained block': dict(trainable=True),
}
LINEAR_KEYS = [name for name, geometry in GEOMETRIES.items()
               if 'qk_norm' not in geometry]
# Those where the keys are not linear in the tokens.
NO_ABSORPTION = [('qwen3', dict()), ('gemma3', dict()),
                 ('grouped', dict(rope=True))]


def build(name, shortcut, **options):
    layer = FrozenLLMLayer(
        24,
        init='random',
        geometry=dict(
            width=64, num_heads=4, ffn_dim=96, **GEOMETRIES[name]),
        shortcut=shortcut,
        **options)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # norms that are not one, biases that are not zero
        for tensor in [*layer.frozen_tensors().values(), *layer.parameters()]:
            if not tensor.is_floating_point():
                continue
            noise = 0.1 * torch.randn(tensor.shape, generator=generator)
            tensor.copy_(noise + (tensor.dim() == 1))
    return layer


def padded():
    mask = torch.zeros(3, 9, dtype=torch.bool)
    mask[1, 4:] = True
    mask[2] = True  # nothing to look at
    return mask


def some_tokens(dtype=torch.float32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 9, 24, generator=generator).to(dtype)


def run(layer, mask, keep, dtype=torch.float32, autocast=False, seed=1):
    """Output and gradients of the tokens and of every parameter."""
    layer = layer.to(dtype)
    tokens = some_tokens(dtype, seed).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        out = layer(tokens, mask, keep)
    weight = torch.linspace(-1, 1, out.numel()).view_as(out)
    (out * weight.to(out.dtype)).sum().backward()
    return [out.detach(), tokens.grad,
            *(parameter.grad for parameter in layer.parameters())]


def worst(found, wanted):
    """Largest error of a tensor, as a share of that tensor's largest value.

    Or of a hundredth of the largest gradient: where a token can only look at
    itself, for example, the exact gradient of the queries is zero.
    """
    floor = max(x.abs().max() for x in wanted) / 100
    return max(((a - b).abs().max() / b.abs().max().clamp(min=floor)).item()
               for a, b in zip(found, wanted, strict=True))


def same_as_plain(name, way, mask, keep, **options):
    """In fp64 to 1e-11, so the formula is exact; in fp32 by rounding.

    Of a trained block every weight's gradient is compared, among them small
    ones that are left of large sums: up to 1.6e-5 was seen.
    """
    rounding = 3e-5 if options.get('trainable') else 1e-5
    for dtype, tolerance in ((torch.float64, 1e-11),
                             (torch.float32, rounding)):
        found, plain = (
            run(build(name, shortcut, **options), mask, keep, dtype)
            for shortcut in (way, 'off'))
        assert worst(found, plain) < tolerance


def some_calls(cases, count=2):
    """Each case with ``count`` choices of keep, maps, mask and causality."""
    chosen = []
    for i, case in enumerate(cases):
        chosen += [(*case, KEEPS[(2 * i + k + i // 3) % 4],
                    list(MAPS)[(i + k + i // 3 * 3) % 4], (i + k) % 2 == 1,
                    (i // 2 + i // 3) % 2 == 1) for k in range(count)]
    return chosen


def operations(layer):
    """Of one call in which no gradient is wanted."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(some_tokens())
    return counter.get_total_flops()


def forbid(layer, *names):
    """Fail where the last block forms one of these."""
    for name in names:
        layer.blocks[-1].get_submodule(name).register_forward_hook(
            lambda *_: pytest.fail('formed'))
