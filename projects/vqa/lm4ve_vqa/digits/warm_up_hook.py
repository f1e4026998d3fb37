"""Teaches a small image encoder what METER's knows when it starts."""

import json
from pathlib import Path

import torch
from mmengine.dataset import default_collate
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import HOOKS, TRANSFORMS
from lm4ve_mm.utils.errors import ConfigError

from ..datasets.grid_pictures import COLOURS, PLACES
from ..datasets.grids import CONTENTS, DigitsRetrieval, DigitsVQA
from ..datasets.vqav2_files import PARTS


@HOOKS.register_module()
class WarmUpOnDigitsHook(Hook):
    """Trains the image encoder alone before the run.

    Each patch token learns to tell its digit, its colour and its place, from
    the training pictures. It plays the part of CLIP's pre-training: without
    it the whole stays near the question-only accuracy for much longer. A run
    that is resumed has had it.

    Args:
        steps: Of the optimiser.
        batch_size: Pictures a step.
        lr: Where the rate starts; it falls to 0 linearly.

    Raises:
        ConfigError: If there is nothing to train on.
    """

    def __init__(self, steps: int = 900, batch_size: int = 64,
                 lr: float = 2e-3) -> None:
        if steps < 1 or batch_size < 1:
            raise ConfigError(
                f'steps={steps} of batch_size={batch_size}: both have to be '
                'at least 1; without a warm-up, leave WarmUpOnDigitsHook out '
                'of custom_hooks')
        self.steps = steps
        self.batch_size = batch_size
        self.lr = lr

    def before_train(self, runner) -> None:
        """Train, unless the run goes on where it was.

        Raises:
            ConfigError: If the training data are not the digits.
        """
        if runner.iter > 0:
            return
        data = runner.train_dataloader.dataset
        if not isinstance(data, (DigitsVQA, DigitsRetrieval)):
            raise ConfigError(
                f'WarmUpOnDigitsHook knows what is in the pictures of the '
                f'digits, not of {type(data).__name__}')
        model = unwrap(runner.model)
        images, digits, colours = read_pictures(data)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(runner.seed or 0)
            right = self.warm_up(model, images, digits, colours)
        print_log(
            f'The image encoder was trained alone for {self.steps} steps of '
            f'{self.batch_size} pictures; of the last ones it told '
            f'{right[0]:.1%} of the digits, {right[1]:.1%} of the colours and '
            f'{right[2]:.1%} of the places',
            logger='current')

    def warm_up(self, model: nn.Module, images: Tensor, digits: Tensor,
                colours: Tensor) -> Tensor:
        """Train on patch tokens.

        Args:
            model: With ``image_encoder`` and ``data_preprocessor``.
            images: (N, 3, H, W) uint8.
            digits, colours: (N, 4) labels.

        Returns:
            Tensor: (3, ), shares of right digits, colours and places lately.
        """
        tower = model.image_encoder.train()
        device = next(tower.parameters()).device
        sizes = [10, len(COLOURS), len(PLACES)]
        head = nn.Linear(tower.width, sum(sizes)).to(device)
        places = torch.arange(len(PLACES)).expand_as(digits)
        optimiser = AdamW([*tower.parameters(), *head.parameters()],
                          lr=self.lr, weight_decay=0.01)
        schedule = LambdaLR(optimiser, lambda step: 1 - step / self.steps)
        right = []
        for _ in range(self.steps):
            chosen = torch.randint(len(images), (self.batch_size, ))
            inputs = model.data_preprocessor(
                dict(inputs=images[chosen], data_samples=None))['inputs']
            tokens = tower(inputs)[:, -len(PLACES):]  # (B, 4, C)
            guesses = head(tokens).flatten(0, 1).split(sizes, -1)
            truths = [labels[chosen].flatten().to(device)
                      for labels in (digits, colours, places)]
            loss = sum(functional.cross_entropy(guess, truth)
                       for guess, truth in zip(guesses, truths))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            right.append([(guess.argmax(-1) == truth).float().mean().item()
                          for guess, truth in zip(guesses, truths)])
        tower.zero_grad()
        return torch.tensor(right[-50:]).mean(0)


def read_pictures(data: DigitsVQA | DigitsRetrieval
                  ) -> tuple[Tensor, Tensor, Tensor]:
    """The training pictures with what is in them.

    They are loaded, resized and cropped as the data set does it, but not
    augmented.

    Args:
        data: Whose files are read.

    Returns:
        tuple: Images (N, 3, H, W) uint8, digits (N, 4), colours (N, 4).
    """
    root, part = Path(data.data_root), PARTS['train']
    steps = [step for step in data.pipeline.transforms
             if type(step).__name__ in ('LoadPhoto', 'ResizeCrop')]
    pack = TRANSFORMS.build(dict(type='mmpretrain.PackInputs'))
    held = json.loads((root / CONTENTS).read_text())['train']
    names = list(COLOURS)
    images = []
    for number, _ in enumerate(held, 1):
        item = dict(img_path=str(root / part.images / part.image(number)))
        for step in steps:
            item = step.transform(item)
        images.append(pack.transform(item)['inputs'])
    digits = torch.tensor([digits for digits, _ in held])
    colours = torch.tensor([[names.index(one) for one in colours]
                            for _, colours in held])
    return default_collate(images), digits, colours
