"""Looks into a model: what its tokens are after every part of the layer."""

from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer, NoLayer
from lm4ve_mm.utils.errors import ConfigError

from .activation import stretched
from .filtering import MEASURES
from .layouts import layout_of
from .pictures import Picture
from .trace import attention_scores, trace

HOST = 'host'
LAYERS = (FrozenLLMLayer, MLPLayer, NoLayer)
# In the trace, but not among what the paper looks at.
ASIDE = ('norm_in', 'final_norm', 'out')
ATTENTION = 'attention'


class Looked(NamedTuple):
    """What a model says of a batch, and what happens inside.

    Args:
        samples: Its predictions.
        pictures: Of each sample.
        steps: Name of a step -> tokens (B, N, C), places in the picture
            alone: ``host`` is what enters the layer, the others are those of
            :func:`lm4ve_mm.analysis.trace.trace`.
        attention: Name of a step -> (B, N): what the class token looks at,
            summed over heads, 0 to 1; where there is no class token, the
            mean over all tokens.
    """

    samples: list
    pictures: list[Picture]
    steps: dict[str, Tensor]
    attention: dict[str, Tensor]

    def shown(self) -> list[str]:
        """Names of the steps that the paper looks at."""
        return [name for name in self.steps if name not in ASIDE]

    def maps(self, names: list[str] | None = None
             ) -> dict[tuple[str, str], Tensor]:
        """Scores of all tokens.

        Args:
            names: Of steps; by default those that the paper looks at.

        Returns:
            dict: (step, measure) -> (B, N) from 0 to 1, where measures are
            ``magnitude``, ``frequency`` and ``attention``.

        Raises:
            ConfigError: If there is no such step.
        """
        names = self.shown() if names is None else names
        unknown = [name for name in names if name not in self.steps]
        if unknown:
            raise ConfigError(f'there is no step {", ".join(unknown)}; this '
                              f'model has {", ".join(self.steps)}')
        found = {}
        for name in names:
            for measure, score in MEASURES.items():
                found[name, measure] = score(self.steps[name])
            if name in self.attention:
                found[name, ATTENTION] = self.attention[name]
        return found


@torch.no_grad()
def look(model: nn.Module, data: dict) -> Looked:
    """Run a batch, and keep what is between the parts of the layer.

    Where the layer computes only the kept tokens, it is run once more with
    all of them; of a model without a layer only ``host`` is there.

    Args:
        model: In eval mode.
        data: A batch of a data loader.

    Raises:
        ConfigError: If nothing is known of this kind of model.
    """
    layout = layout_of(model)
    layer = inserted(model)
    heads = layout.attention(model)
    entered: list = []
    fed: list[Tensor] = []
    with ExitStack() as hooks:
        if layer is not None:
            handle = layer.register_forward_pre_hook(
                lambda _, args, options: entered.append((args, options)),
                with_kwargs=True)
        else:
            handle = layout.host(model).register_forward_hook(
                lambda _, __, output: entered.append(((output, ), {})))
        hooks.callback(handle.remove)
        if heads is not None:
            handle = heads.register_forward_pre_hook(
                lambda _, args: fed.append(args[0]))
            hooks.callback(handle.remove)
        raw = data['inputs']
        data = model.data_preprocessor(data, False)
        samples = model(**data, mode='predict')
    tokens, mask = _tokens(*entered[-1])
    pictures, content = layout.pictures(
        model, raw, data['inputs'], tokens.shape[1])
    # Of several views of a sample the first is looked at.
    views = len(tokens) // len(samples)
    tokens, mask = tokens[::views], None if mask is None else mask[::views]
    steps = {HOST: tokens}
    if layer is not None:
        steps.update(trace(layer, tokens, mask))
    steps = {name: step[:, content].float() for name, step in steps.items()}
    queries = slice(0, 1) if content.start else slice(None)
    scores = partial(_summed, content=content)
    attention = {}
    if fed and isinstance(fed[-1], Tensor):
        attention[HOST] = scores(
            host_attention(heads, fed[-1][::views], queries))
    if isinstance(layer, FrozenLLMLayer) and _attends(layer):
        last = f'attn.{len(layer.blocks) - 1}' if len(
            layer.blocks) > 1 else 'attn'
        name = last if last in steps else last.replace('attn', 'ffn')
        attention[name] = scores(
            attention_scores(layer, tokens, queries, key_padding_mask=mask))
    return Looked(samples, pictures, steps, attention)


def inserted(model: nn.Module) -> nn.Module | None:
    """The last layer in a model: with a block, or a control."""
    found = [part for part in model.modules() if isinstance(part, LAYERS)]
    return found[-1] if found else None


def _attends(layer: FrozenLLMLayer) -> bool:
    try:
        attention_scores(layer, torch.zeros(
            1, 1, layer.embed_dims, device=layer.map_in.weight.device))
    except ValueError:
        return False
    return True


def _tokens(args: tuple, options: dict) -> tuple[Tensor, Tensor | None]:
    """The tokens and the mask of a call of a layer, or a host's output."""
    values = dict(zip(('tokens', 'key_padding_mask', 'keep'), args), **options)
    tokens = values['tokens']
    while isinstance(tokens, (tuple, list)):
        tokens = tokens[0]
    return tokens, values.get('key_padding_mask')


def _summed(weights: Tensor, content: slice) -> Tensor:
    """(B, heads, queries, N) -> (B, places), stretched to 0..1."""
    return stretched(weights.mean(2).sum(1)[:, content])


@torch.no_grad()
def host_attention(attention: nn.Module, fed: Tensor,
                   queries: slice = slice(0, 1)) -> Tensor:
    """How strongly some tokens look at every token, in a host's attention.

    Fused kernels do not give these weights: they are computed again from
    queries and keys.

    Args:
        attention: With ``qkv``, a linear map, and ``num_heads``, such as
            MMPretrain's ``MultiheadAttention``.
        fed: (B, N, C), what entered it.
        queries: Which tokens look.

    Returns:
        Tensor: (B, heads, queries, N), each row of sum 1.
    """
    batch, count, _ = fed.shape
    query, key, _ = attention.qkv(fed).reshape(
        batch, count, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    scores = query[:, :, queries] @ key.transpose(-2, -1)
    return (scores * query.shape[-1]**-.5).softmax(-1)
