"""Finds layers that are built in, but that nobody runs."""

from mmengine.model import MMSeparateDistributedDataParallel, is_model_wrapper
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer

MAPS = ('map_in', 'map_out')
# Wrappers that leave the parameters what they are.
TRANSPARENT = (DistributedDataParallel, MMSeparateDistributedDataParallel)


class GradientWatch:
    """Looks whether the maps of every layer get a gradient.

    Hooks on the parameters note the backward pass itself. Whether a step was
    taken, as under gradient accumulation or after an overflow in mixed
    precision, makes no difference, and neither does a gradient of zero.

    Args:
        model (nn.Module): As it is trained, in its wrapper if it has one.
            Wrappers that replace the parameters (FSDP) are not watched.
    """

    def __init__(self, model: nn.Module) -> None:
        self._seen: set[str] = set()
        self._watched: list[str] = []
        self._handles = []
        if is_model_wrapper(model):
            if not isinstance(model, TRANSPARENT):
                return
            model = model.module
        for name, layer in model.named_modules():
            if isinstance(layer, (FrozenLLMLayer, MLPLayer)):
                for one in MAPS:
                    self._watch(f'{name}.{one}', getattr(layer, one))

    def _watch(self, name: str, module: nn.Module) -> None:
        trained = [p for p in module.parameters() if p.requires_grad]
        if not trained:
            # Frozen on purpose, which FreezeLLMHook says.
            return
        self._watched.append(name)

        def note(gradient: Tensor) -> None:
            self._seen.add(name)

        self._handles += [p.register_hook(note) for p in trained]

    def finish(self) -> None:
        """Take the hooks away and judge.

        Raises:
            RunError: If a map had no gradient in the backward pass.
        """
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        idle = [name for name in self._watched if name not in self._seen]
        if idle:
            raise RunError(
                f'{", ".join(idle)} had no gradient in the first iteration: '
                'the layer is built in, but nobody runs it, or its output '
                'does not reach the loss, so the plain host would be trained. '
                'Check the place of the layer: insert_after of a '
                'FrozenLLMBackbone must name a module that is called (not a '
                'ModuleList) and whose first output goes on to the head; a '
                'neck must be part of the model that is trained. '
                'find_unused_parameters=True only hides this')
