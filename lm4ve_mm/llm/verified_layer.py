"""Proof that a layer's frozen weights, and its function, are the right ones.

Two entries of the state dict say what the trained weights belong to:
``block_identity`` (digest and origin of the frozen blocks) and
``layer_function`` (what is computed with them). Both are compared wherever
weights are loaded.
"""

import logging
from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from .block.transformer_block import TransformerBlock
from .errors import BlockMismatchError
from .function import differences
from .maps import LowRankMap
from .weights.identity import (
    BlockIdentity,
    digest,
    from_tensor,
    to_tensor,
)
from .weights.read import Blocks

IDENTITY_KEY = 'block_identity'
FUNCTION_KEY = 'layer_function'
# Buffers that describe weights but are not weights.
_MARKS = (IDENTITY_KEY, FUNCTION_KEY, 'drawn', 'saved_scale')
# Trained tensors that not every layer has, and the keyword that makes them.
_OPTIONAL = {
    'norm_in.weight': 'norm_in',
    'norm_out.weight': 'norm_out',
    'map_in.bias': 'map_bias',
    'map_out.bias': 'map_bias',
}
_LOG = logging.getLogger(__name__)


class VerifiedLayer(nn.Module):
    """A layer that knows which block it holds and refuses another one's maps.

    A subclass calls :meth:`seal` once its frozen weights are in place.

    Attributes:
        identity (BlockIdentity): Which blocks were built in.
        function (dict): What is computed with their weights.
    """

    trainable: bool
    norm_loaded: bool
    blocks: nn.ModuleList
    final_norm: nn.Module | None

    def seal(self, blocks: Blocks, function: dict[str, Any],
             accept_other_function: bool, **origin: Any) -> None:
        """Remember what is held now, to compare with later.

        Args:
            blocks: What was read.
            function: What :func:`.function.layer_function` gives.
            accept_other_function: Whether weights that were trained with
                another function may be loaded.
            **origin: The config's words for it.
        """
        self.identity = BlockIdentity(blocks.family, blocks.source,
                                      blocks.layers, blocks.dtype,
                                      self.digest())
        self.function = function
        self.accept_other_function = accept_other_function
        self._norm_digest = self._digest_norm()
        self._origin = origin
        # Bytes in the state dict, checked wherever weights are loaded.
        if not self.trainable:
            self.register_buffer(IDENTITY_KEY, self.identity.to_tensor())
        self.register_buffer(FUNCTION_KEY, to_tensor(function))

    def block_tensors(self) -> list[dict[str, Tensor]]:
        """One dict of name -> tensor per block, and the loaded final norm."""
        held = [cast(TransformerBlock, block).tensors()
                for block in self.blocks]
        if self.norm_loaded and self.final_norm is not None:
            norm = self.final_norm
            held.append({f'final_norm.{name}': tensor for name, tensor in (
                *norm.named_buffers(), *norm.named_parameters())})
        return held

    def digest(self) -> str:
        """sha256 of the blocks as they are in memory now."""
        return digest(self.block_tensors())

    def _digest_norm(self) -> str:
        """sha256 of the final norm, which the identity has when loaded."""
        norm = self.final_norm
        return digest([] if norm is None else [dict(norm.named_buffers())])

    def describe(self) -> dict[str, Any]:
        """Plain values for a checkpoint's metadata: which block, from where.

        Returns:
            dict: The identity, the function, the configured ``checkpoint``
            and ``dtype``, whether the block is ``trainable``.
        """
        return dict(
            identity=self.identity.to_dict(),
            function=dict(self.function),
            trainable=self.trainable,
            **self._origin)

    def check_digest(self) -> None:
        """Compare the blocks in memory with those that were read.

        Under LoRA, compare the weights of maps with those that were drawn.

        Raises:
            BlockMismatchError: If they differ.
        """
        if self.trainable:
            return
        for name, module in self.named_modules():
            if isinstance(module, LowRankMap) and not module.is_intact():
                raise BlockMismatchError(
                    f'The frozen weight of {name} has changed: it is no '
                    'longer what the seed draws. Something wrote into it or '
                    'changed its type (model.half(), an initialiser)')
        found = self.digest()
        whole = found == self.identity.sha256
        if not whole or self._digest_norm() != self._norm_digest:
            raise BlockMismatchError(
                f'The frozen weights have changed: {self.identity} was read, '
                f'sha256 {found[:16]} is in memory. Something wrote into them '
                'or changed their type (model.half(), an initialiser, an '
                "optimiser); to store them in another type, set dtype="
                "'float16'")

    def frozen_tensors(self) -> dict[str, Tensor]:
        """Every tensor that is not trained, by its name in this layer."""
        return {
            name: tensor
            for name, tensor in self.named_buffers()
            if name.rpartition('.')[2] not in _MARKS
        }

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor],
                              prefix: str, *args: Any) -> None:
        """Refuse weights that were trained with another block or function."""
        given = [k[len(prefix):] for k in state_dict if k.startswith(prefix)]
        self._refuse_other_kinds(given)
        self._compare_block(state_dict.get(prefix + IDENTITY_KEY))
        if given:
            self._compare_function(state_dict.get(prefix + FUNCTION_KEY),
                                   prefix)
        # They have been compared. Texts may differ in length, and files of
        # version 0.1 have no function: load our own.
        own = {**state_dict, prefix + FUNCTION_KEY: self.layer_function}
        if own.pop(prefix + IDENTITY_KEY, None) is not None and (
                not self.trainable):
            own[prefix + IDENTITY_KEY] = self.block_identity
        super()._load_from_state_dict(own, prefix, *args)

    def _compare_block(self, stored: Tensor | None) -> None:
        if stored is None:
            return
        wanted = BlockIdentity.from_tensor(stored)
        if wanted.sha256 != self.identity.sha256:
            raise BlockMismatchError(
                f'These weights were trained with {wanted}; this model holds '
                f'{self.identity}. Set the llm config (llm.checkpoint, '
                'llm.layers, llm.dtype) to the block of the training')

    def _compare_function(self, stored: Tensor | None, prefix: str) -> None:
        layer = prefix[:-1] or type(self).__name__
        if stored is None:
            _LOG.warning(
                '%s: the weights do not say which function they were trained '
                'with (rope, causal, heads, ...), as files of version 0.1 and '
                'converted ones: it could not be compared', layer)
            return
        found = differences(from_tensor(stored), self.function)
        if not found:
            return
        listed = '; '.join(f'{key} was {trained!r} in training and is {own!r} '
                           'here' for key, (trained, own) in found.items())
        if self.accept_other_function:
            _LOG.warning('%s: weights of another function are loaded, as '
                         'accept_other_function=True allows: %s', layer,
                         listed)
            return
        raise BlockMismatchError(
            f'These weights were trained with another function around the '
            f'block: {listed}. Set the llm config as it was in training '
            '(numbers of heads, norms and the like come from the '
            "language model's own configuration), or, if the change is "
            'meant, llm.accept_other_function=True')

    def _refuse_other_kinds(self, given: list[str]) -> None:
        """Raise where trained weights have no place here.

        A loader that is not strict would drop them with a warning.
        """
        if 'norm.weight' in given:
            raise BlockMismatchError(
                'These weights belong to an MLPLayer (norm.weight), this '
                f'model has {self.identity} in its place: set '
                "type='lm4ve_mm.MLPLayer' in its llm config")
        own = self.state_dict().keys()
        for name in given:
            if name in own:
                continue
            if '.lora.' in name:
                raise BlockMismatchError(
                    f'These weights contain LoRA updates ({name}, ...) that '
                    'this model has no place for: set lora=dict(rank=..., '
                    'targets=...) in its llm config as it was in training')
            if name.startswith('blocks.') and not self.trainable:
                raise BlockMismatchError(
                    f'These weights contain a trained block ({name}, ...), '
                    f'this model holds it frozen: {self.identity}. Set '
                    'trainable=True in its llm config')
            if name in ('map_in.weight', 'map_out.weight'):
                raise BlockMismatchError(
                    f'These weights contain a trained {name}, which this '
                    'model draws by seed and updates by LoRA: take '
                    f'{name.partition(".")[0]} out of lora.targets')
            if name in _OPTIONAL:
                raise BlockMismatchError(
                    f'These weights contain a trained {name}, which this '
                    f'model has no place for: set {_OPTIONAL[name]}=True in '
                    'its llm config')
