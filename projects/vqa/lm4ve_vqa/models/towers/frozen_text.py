"""A text encoder that is not trained, so that each text is encoded once."""

from collections.abc import Callable

import torch
from mmengine.model import BaseModule
from torch import Tensor

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError

from .text import TextTower

# What the first token becomes, which METER's pooler reads.
FIRSTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'own': lambda tokens, mask: tokens[:, 0],
    'mean': lambda tokens, mask: (
        (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)),
}


@MODELS.register_module()
class FrozenTextTower(BaseModule):
    """The last hidden states of a text encoder, computed once for each text.

    The encoder is read when this is built. It is no part of the model's
    state: it does not train, and checkpoints hold no weight of it.

    Args:
        checkpoint: A folder of Hugging Face, ``package://NAME`` or
            ``hf://OWNER/MODEL``.
        first: What stands in the first place: ``'own'``, the encoder's first
            token, or ``'mean'``, the mean over the real tokens, which is
            what sentence encoders such as MiniLM are trained to give.
        max_cached: Texts to keep; those beyond are encoded each time.
        obtain: Command that gets the checkpoint, shown when it is missing.

    Raises:
        ConfigError: If ``first`` is unknown.
    """

    def __init__(self, checkpoint: str, first: str = 'own',
                 max_cached: int = 20_000, obtain: str | None = None) -> None:
        super().__init__()
        if first not in FIRSTS:
            raise ConfigError(f'first={first!r} is unknown; known: '
                              f'{", ".join(FIRSTS)}')
        tower = TextTower(checkpoint, obtain=obtain)
        tower.load_source(checkpoint)
        # In a list, where torch does not look for modules.
        self._tower = [tower.requires_grad_(False).eval()]
        self._cache: dict[bytes, Tensor] = {}
        self.first = first
        self.max_cached = max_cached
        self.width = tower.width

    @property
    def vocab_size(self) -> int:
        """How many ids it knows."""
        return self._tower[0].vocab_size

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode; a text that was seen before is looked up.

        Args:
            ids: (B, L) int64.
            mask: (B, L) int64, 0 on padding.

        Returns:
            Tensor: (B, L, width) float32.
        """
        rows = torch.stack([ids, mask], 1).cpu().numpy()
        keys = [row.tobytes() for row in rows]
        new = {key: place for place, key in enumerate(keys)
               if key not in self._cache}
        found = {}
        if new:
            places = torch.tensor(list(new.values()), device=ids.device)
            found = dict(zip(new, self._encode(ids[places], mask[places])))
            room = self.max_cached - len(self._cache)
            self._cache.update(list(found.items())[:max(room, 0)])
        return torch.stack([
            found[key] if key in found else self._cache[key]
            for key in keys]).to(ids.device)

    @torch.no_grad()
    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Run the encoder in full precision; (B, L, width) on the CPU."""
        tower = self._tower[0].to(ids.device)
        with torch.autocast(ids.device.type, enabled=False):
            tokens = tower(ids, mask).clone()
            tokens[:, 0] = FIRSTS[self.first](tokens, mask)
        return tokens.cpu()
