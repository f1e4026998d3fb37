"""Products of weights, kept while the weights stay what they are."""

from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from torch import Tensor


class FoldCache:
    """One value and the tensors that it was made from.

    Trained tensors are compared by value at each use: writing through
    ``.data``, as weight averaging does, leaves no other trace. A few million
    numbers are compared; to run the host takes a thousand times longer.
    Frozen tensors are large and only compared by identity and version.
    """

    def __init__(self) -> None:
        self._value: Any = None
        self._trained: Optional[List[Tensor]] = None
        self._frozen: List[tuple] = []

    def get(self, trained: Sequence[Tensor], frozen: Sequence[Tensor],
            make: Callable[[], Any]) -> Any:
        """The value, made anew if anything that it depends on has changed.

        Args:
            trained: Tensors that training changes.
            frozen: Tensors that nobody should change.
            make: Makes the value.
        """
        marks = [_mark(tensor) for tensor in frozen]
        fresh = self._trained is not None and self._same(trained) and all(
            old[0] is new[0] and old[1] == new[1]
            for old, new in zip(self._frozen, marks, strict=True))
        if not fresh:
            self.drop()
            self._value = make()
            self._trained = [tensor.detach().clone() for tensor in trained]
            self._frozen = marks
        return self._value

    def _same(self, trained: Sequence[Tensor]) -> bool:
        return all(
            new.dtype == old.dtype and new.device == old.device
            and torch.equal(new, old)
            for new, old in zip(trained, self._trained, strict=True))

    def drop(self) -> None:
        """Forget the value and free its memory."""
        self._value, self._trained, self._frozen = None, None, []

    def __bool__(self) -> bool:
        return self._trained is not None

    def __deepcopy__(self, memo: Dict[int, Any]) -> 'FoldCache':
        """A copy has weights of its own: it starts empty."""
        return FoldCache()

    def __getstate__(self) -> dict:
        """Nor does it travel with a pickled module."""
        return FoldCache().__dict__


def _mark(tensor: Tensor) -> tuple:
    """The tensor itself, and how often it was written to."""
    # Tensors made in inference mode count no versions.
    version = 0 if tensor.is_inference() else tensor._version
    return tensor, version
