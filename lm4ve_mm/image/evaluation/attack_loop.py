"""Tests a classifier on images that were changed to fool it."""

import zlib
from copy import deepcopy

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import TestLoop, autocast
from torch import Tensor

from lm4ve_mm.models.layers import unwrap
from lm4ve_mm.registry import LOOPS
from lm4ve_mm.utils.errors import ConfigError

from .attacks import ATTACKS, Attack, attacked, start_noise


@LOOPS.register_module()
class AttackTestLoop(TestLoop):
    """Tests every image twice: as it is, and attacked.

    Metrics are given twice, as ``clean/...`` and under the attack's name.
    The outcome does not depend on the batch size or the number of processes.
    Gradients are computed in float32, also where ``fp16`` predicts.

    Args:
        runner, dataloader, evaluator, fp16: As in
            :class:`mmengine.runner.TestLoop`.
        attack (dict): ``name``, a key of
            :data:`lm4ve_mm.image.evaluation.attacks.ATTACKS`, and fields of
            :class:`lm4ve_mm.image.evaluation.attacks.Attack` to change.

    Raises:
        ConfigError: If there is no such attack, or if the model does not
            normalise its images by mean and deviation.
    """

    def __init__(self, runner, dataloader, evaluator, fp16: bool = False,
                 attack: dict | None = None) -> None:
        # Before the evaluator is built: its copy has to be one of its own.
        copied = deepcopy(evaluator)
        super().__init__(runner, dataloader, evaluator, fp16)
        self.clean = copied if isinstance(copied, Evaluator) else (
            runner.build_evaluator(copied))
        self.clean.dataset_meta = self.evaluator.dataset_meta
        given = dict(attack or dict(name='fgsm'))
        self.name = given.pop('name', None)
        unknown = given.keys() - set(Attack._fields)
        if self.name not in ATTACKS or unknown:
            raise ConfigError(
                f'attack={attack}: name is one of {", ".join(ATTACKS)}, and '
                f'{", ".join(Attack._fields)} may be given')
        self.attack = ATTACKS[self.name]._replace(**given)

    def run(self) -> dict:
        """Test, and give both kinds of metrics."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        for idx, data_batch in enumerate(self.dataloader):
            self.run_iter(idx, data_batch)
        count = len(self.dataloader.dataset)
        metrics = {f'{name}/{key}': value
                   for name, evaluator in (('clean', self.clean),
                                           (self.name, self.evaluator))
                   for key, value in evaluator.evaluate(count).items()}
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch) -> None:
        """Predict a batch, attack it, predict it again."""
        self.runner.call_hook(
            'before_test_iter', batch_idx=idx, data_batch=data_batch)
        model = unwrap(self.runner.model)
        data = model.data_preprocessor(data_batch, training=False)
        images, samples = data['inputs'], data['data_samples']
        changed = self._attacked(model, images, samples)
        for evaluator, inputs in ((self.clean, images),
                                  (self.evaluator, changed)):
            with autocast(enabled=self.fp16):
                outputs = model(inputs, deepcopy(samples), mode='predict')
            evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch,
            outputs=outputs)

    def _attacked(self, model, images: Tensor, samples: list) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W), both normalised."""
        mean, std = (getattr(model.data_preprocessor, name, None)
                     for name in ('mean', 'std'))
        if mean is None or std is None:
            raise ConfigError(
                'an attack is measured in levels of pixels, but the '
                "model's data_preprocessor has no mean and std")
        labels = torch.cat([sample.gt_label for sample in samples])
        noise = None
        if self.attack.random_start:
            noise = start_noise(
                tuple(images.shape[1:]), [_number(s) for s in samples],
                self.attack.seed).to(images)
        return attacked(lambda x: model(x, mode='tensor'), images,
                        labels.to(images.device), self.attack, mean, std,
                        noise)


def _number(sample) -> int:
    """What an image is drawn by: its path, or else its place."""
    path = sample.get('img_path')
    if path is not None:
        return zlib.crc32(str(path).encode())
    place = sample.get('sample_idx')
    if place is None:
        raise ConfigError(
            'a random start is drawn by the name of each image, but the '
            'samples have neither img_path nor sample_idx: keep one of them '
            "in PackInputs' meta_keys, or set random_start=False")
    return int(place)
