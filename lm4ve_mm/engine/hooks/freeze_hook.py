"""Keeps what is frozen frozen, says so, and proves it."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn

from lm4ve_mm.engine.checksum import checksum
from lm4ve_mm.engine.gradient_watch import GradientWatch
from lm4ve_mm.engine.ranks import compare_ranks
from lm4ve_mm.llm import BlockMismatchError, digest
from lm4ve_mm.models import META_KEY, find_llm_layers, report_frozen, unwrap
from lm4ve_mm.registry import HOOKS


@HOOKS.register_module()
class FreezeLLMHook(Hook):
    """Reports, enforces and checks the frozen part of a model.

    * Once at the start it logs how many parameters there are, are trained
      and are frozen, and which block is built in.
    * It freezes the host's modules named in ``freeze`` and keeps them in
      eval mode: ``freeze=['backbone']`` trains adapters on a frozen ViT.
    * It compares the block's digest before and after training, before
      testing and before a validation by itself, and that of the frozen host
      modules over the training. Before each checkpoint, and each validation
      of a training, a checksum is compared, so that no checkpoint names a
      block that was changed.
    * It compares the blocks of all processes at the start.
    * It looks whether the maps of every layer had a gradient in the first
      iteration: if not, nobody runs the layer.
    * It writes the block's identity into the checkpoint's metadata. Loading
      says of a checkpoint without one that it has none.

    Args:
        freeze (Sequence[str]): Names of host modules to freeze.
        check_digest (bool): Whether to compare digests; one costs about a
            second for the block of a 7B model.

    Raises:
        ValueError: When the run starts, if a name in ``freeze`` is unknown.
        RunError: After the first iteration, if nobody runs a layer.
        BlockMismatchError: If frozen weights were changed, or differ from
            process to process.
    """

    # Before EMAHook makes its copy of the model.
    priority = 'HIGH'

    def __init__(self,
                 freeze: Sequence[str] = (),
                 check_digest: bool = True) -> None:
        self.freeze = tuple(freeze)
        self.check_digest = check_digest
        self._frozen_host: dict[str, nn.Module] = {}
        self._host_digest = ''
        self._reported = False
        self._iteration = 0
        self._gradients: GradientWatch | None = None
        # Checksums of what is frozen, while training.
        self._sums: dict[str, list] = {}

    def before_run(self, runner) -> None:
        """Freeze the named modules before anything is trained."""
        model = unwrap(runner.model)
        self._frozen_host = {
            name: self._find(model, name)
            for name in self.freeze
        }
        for name, module in self._frozen_host.items():
            module.requires_grad_(False)
            for layer in find_llm_layers(module):
                runner.logger.warning(
                    f'FreezeLLMHook: {name} contains the layer {layer}, whose '
                    'maps are frozen with it; freeze modules beside it '
                    '(backbone.backbone in a FrozenLLMBackbone) to train them')
        if self._frozen_host and is_model_wrapper(runner.model):
            # A distributed wrapper waits for the gradients of all that was
            # trainable when it was made; make it again.
            runner.model = model
            runner.model = runner.wrap_model(
                runner.cfg.get('model_wrapper_cfg'), model)

    @staticmethod
    def _find(model: nn.Module, name: str) -> nn.Module:
        modules = dict(model.named_modules())
        if not name or name not in modules:
            top = [child for child, _ in model.named_children()]
            raise ValueError(
                f'FreezeLLMHook(freeze=[{name!r}]): {type(model).__name__} '
                f'has no such module; at the top it has {", ".join(top)}')
        return modules[name]

    def before_train(self, runner) -> None:
        """Report, and check the block after initialisation and resume."""
        self._report(runner)
        compare_ranks(find_llm_layers(unwrap(runner.model)))
        self._check(runner)
        report_frozen(unwrap(runner.model), self.freeze)
        if self.check_digest:
            self._sums = self._checksums(runner)
            if self._frozen_host:
                self._host_digest = self._digest_host()
        self._gradients = GradientWatch(runner.model)

    def before_train_iter(self,
                          runner,
                          batch_idx: int,
                          data_batch=None) -> None:
        """Keep frozen modules in eval mode: the loop sets train mode."""
        for module in self._frozen_host.values():
            if module.training:
                module.eval()

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Once, look for layers that had no gradient."""
        self._iteration = runner.iter + 1
        if self._gradients is not None:
            watch, self._gradients = self._gradients, None
            watch.finish()

    def after_train_epoch(self, runner) -> None:
        """Compare checksums in every process; only one of them saves."""
        self._compare_sums(runner)

    def after_train(self, runner) -> None:
        """Check that nothing frozen has moved."""
        self._sums = {}
        self._check(runner)
        if self._host_digest and self._digest_host() != self._host_digest:
            raise BlockMismatchError(
                f'modules {list(self._frozen_host)} were frozen, yet their '
                'weights or statistics changed during training')

    def before_val(self, runner) -> None:
        """Check as before a test; within a training, by the checksum."""
        if self._sums:
            self._compare_sums(runner)
        else:
            self.before_test(runner)

    def before_test(self, runner) -> None:
        """Report, and check the block that is about to be tested."""
        self._report(runner)
        compare_ranks(find_llm_layers(unwrap(runner.model)))
        self._check(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Check what is frozen, and write which block the weights belong to.

        Raises:
            BlockMismatchError: If it has changed; nothing is saved then.
        """
        self._compare_sums(runner)
        layers = find_llm_layers(unwrap(runner.model))
        if layers:
            checkpoint['meta'][META_KEY] = {
                name: layer.describe()
                for name, layer in layers.items()
            }

    def _checksums(self, runner) -> dict[str, list]:
        """Checksums of frozen blocks and frozen host modules, by name."""
        layers = find_llm_layers(unwrap(runner.model))
        frozen = {name: layer.frozen_tensors().values()
                  for name, layer in layers.items() if not layer.trainable}
        frozen.update((name, module.state_dict().values())
                      for name, module in self._frozen_host.items())
        return {name: checksum(tensors) for name, tensors in frozen.items()}

    def _compare_sums(self, runner) -> None:
        """Compare with the checksums of the start, if there are any."""
        if not self._sums:
            return
        found = self._checksums(runner)
        changed = [name for name in found if found[name] != self._sums[name]]
        if changed:
            raise BlockMismatchError(
                f'The frozen weights of {changed} have changed '
                f'since the training began, by iteration {self._iteration}. '
                'Something wrote into them or changed their type (an '
                'initialiser, an optimiser, model.half()). The checkpoints '
                'before were checked when they were saved: resume from the '
                'last of them once the cause is found')

    def _check(self, runner) -> None:
        if not self.check_digest:
            return
        for layer in find_llm_layers(unwrap(runner.model)).values():
            layer.check_digest()

    def _digest_host(self) -> str:
        states = [
            module.state_dict() for module in self._frozen_host.values()
        ]
        return digest(states)

    def _report(self, runner) -> None:
        """Log counts and identities, once."""
        if self._reported:
            return
        self._reported = True
        model = unwrap(runner.model)
        layers = find_llm_layers(model)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        held = sum(p.numel() for p in model.parameters()
                   if not p.requires_grad)
        frozen = [(name, tensor.numel()) for layer in layers.values()
                  for name, tensor in layer.frozen_tensors().items()]
        # Under LoRA on the maps, their own weights are frozen too.
        maps = sum(n for name, n in frozen if name.startswith('map_'))
        block = sum(n for _, n in frozen) - maps
        total = trained + held + maps + block
        runner.logger.info(
            f'FreezeLLMHook: {total:,} parameters = {trained:,} trainable '
            f'({trained / total:.2%}) + {held:,} frozen in the host + ' +
            (f'{maps:,} frozen in maps + ' if maps else '') +
            f'{block:,} frozen in language-model blocks')
        for name, layer in layers.items():
            state = 'trained' if layer.trainable else 'frozen'
            runner.logger.info(
                f'FreezeLLMHook: {name} ({state}) is {layer.identity}')
