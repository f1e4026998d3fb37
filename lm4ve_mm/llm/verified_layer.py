"""What makes a layer's frozen weights provably the right ones."""

from typing import Any, Dict, List

from torch import Tensor, nn

from .weights.read import Blocks
from .errors import BlockMismatchError
from .weights.identity import BlockIdentity, digest
from .maps import LowRankMap

IDENTITY_KEY = 'block_identity'
# Buffers that describe weights and are none.
_MARKS = (IDENTITY_KEY, 'drawn', 'saved_scale')
# Trained tensors that not every layer has, and the keyword that makes them.
_OPTIONAL = {
    'norm_in.weight': 'norm_in',
    'norm_out.weight': 'norm_out',
    'map_in.bias': 'map_bias',
    'map_out.bias': 'map_bias',
}


class GuardedLayer(nn.Module):
    """A layer that knows which block it holds and refuses another one's maps.

    A subclass calls :meth:`seal` once its frozen weights are in place.

    Attributes:
        identity (BlockIdentity): Which blocks were built in.
    """

    trainable: bool
    norm_loaded: bool

    def seal(self, blocks: Blocks, **origin: Any) -> None:
        """Remember what is held now, to compare with later.

        Args:
            blocks: What was read.
            **origin: What the config said of it.
        """
        self.identity = BlockIdentity(blocks.family, blocks.source,
                                      blocks.layers, blocks.dtype,
                                      self.digest())
        self._norm_digest = self._digest_norm()
        self._origin = origin
        if not self.trainable:
            # Bytes in the state dict, checked wherever weights are loaded.
            self.register_buffer(IDENTITY_KEY, self.identity.to_tensor())

    def block_tensors(self) -> list:
        """One dict of name -> tensor per block, and the loaded final norm."""
        held = [block.tensors() for block in self.blocks]
        if self.norm_loaded:
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

    def describe(self) -> dict:
        """Plain values for a checkpoint's metadata: which block, from where.

        Returns:
            dict: The identity, the configured ``checkpoint`` and ``dtype``,
            whether the block is ``trainable``.
        """
        return dict(
            identity=self.identity.to_dict(),
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
                f'The frozen weights have changed: read was {self.identity}, '
                f'in memory is sha256 {found[:16]}. Something wrote into them '
                'or changed their type (model.half(), an initialiser, an '
                "optimiser); store them in another type with dtype='float16' "
                'instead')

    def frozen_tensors(self) -> Dict[str, Tensor]:
        """Every tensor that is not trained, by its name in this layer."""
        return {
            name: tensor
            for name, tensor in self.named_buffers()
            if name.rpartition('.')[2] not in _MARKS
        }

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Refuse weights that belong around another block."""
        given = [k[len(prefix):] for k in state_dict if k.startswith(prefix)]
        self._refuse_other_kinds(given)
        stored = state_dict.get(prefix + IDENTITY_KEY)
        if stored is not None:
            wanted = BlockIdentity.from_tensor(stored)
            if wanted.sha256 != self.identity.sha256:
                raise BlockMismatchError(
                    f'These weights were trained with {wanted}; this model '
                    f'holds {self.identity}. Point the config at the block '
                    'that is wanted (its llm.checkpoint, llm.layers and '
                    'llm.dtype)')
            # Source names may differ in length; ours stays, if we have one.
            state_dict = {**state_dict}
            del state_dict[prefix + IDENTITY_KEY]
            if not self.trainable:
                state_dict[prefix + IDENTITY_KEY] = getattr(
                    self, IDENTITY_KEY)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _refuse_other_kinds(self, given: List[str]) -> None:
        """Raise where weights that learned something have no place here.

        A loader that is not strict would drop them with a warning.
        """
        updates = [name for name in given if '.lora.' in name]
        own = self.state_dict().keys()
        homeless = [name for name in updates if name not in own]
        if homeless:
            raise BlockMismatchError(
                f'These weights contain LoRA updates ({homeless[0]}, ...) '
                'that this model has no place for: set lora=dict(rank=..., '
                'targets=...) in its llm config as it was in training')
        blocks = [name for name in given
                  if name.startswith('blocks.') and name not in updates]
        if blocks and not self.trainable:
            raise BlockMismatchError(
                f'These weights contain a trained block ({blocks[0]}, ...), '
                f'this model holds it frozen: {self.identity}. Set '
                'trainable=True in its llm config')
        for name in ('map_in.weight', 'map_out.weight'):
            if name in given and name not in own:
                raise BlockMismatchError(
                    f'These weights contain a trained {name}, which this '
                    'model draws by seed and updates by LoRA: take '
                    f'{name.partition(".")[0]} out of lora.targets')
        for name in _OPTIONAL:
            if name in given and name not in own:
                raise BlockMismatchError(
                    f'These weights contain a trained {name}, which this '
                    f'model has no place for: set {_OPTIONAL[name]}=True in '
                    'its llm config')
