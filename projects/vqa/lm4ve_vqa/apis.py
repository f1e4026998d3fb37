"""Asking a trained model, and searching images, without a runner."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.model import BaseModel
from mmpretrain.apis import VisualQuestionAnsweringInferencer
from mmpretrain.apis.base import BaseInferencer
from torch import Tensor

from lm4ve_mm import apis
from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import ConfigError

from .datasets.answers import read_answers
from .datasets.check_text_hook import check_vocabulary
from .datasets.tokenise import Tokenise
from .inputs import as_input, check_sentences, list_images, paired


def build(model: BaseModel | str | Path | Config,
          pretrained: str | None) -> BaseModel:
    """A model as MMPretrain's inferencers want it, its config with it.

    Args:
        model: A config, its path, or a model that has its config in
            ``_config``.
        pretrained: Its checkpoint; None leaves the model as it was built.

    Raises:
        ConfigError: If a model comes without its config.
    """
    if isinstance(model, BaseModel):
        if getattr(model, '_config', None) is None:
            raise ConfigError(f'this {type(model).__name__} does not know its '
                              'config: set model._config, or give the config')
        return model
    cfg = model if isinstance(model, Config) else apis.load_config(model)
    if pretrained is None:
        built = apis.build_model(cfg)
    else:
        built = apis.load_model(cfg, str(pretrained))
    built._config = cfg
    return built


def test_pipeline(cfg: Config, model: BaseModel) -> Compose:
    """The pipeline of the config's test data, fitting to the model."""
    steps = [TRANSFORMS.build(step)
             for step in cfg.test_dataloader.dataset.pipeline]
    for step in steps:
        if isinstance(step, Tokenise):
            check_vocabulary(step, model, 'test_dataloader')
    return Compose(steps)


def answers_of(cfg: Config, model: BaseModel) -> list[str]:
    """The answers of a model's head, in the order of its labels.

    Raises:
        DataNotFoundError: If their file is missing.
        ConfigError: If there are not as many as the head has outputs, or
            the model is one for retrieval.
    """
    if not hasattr(model.head, 'answers'):
        raise ConfigError(f'{type(model).__name__} answers no questions: '
                          'give a config for them')
    found = model.head.answers
    if found is not None:
        return found
    data = cfg.test_dataloader.dataset
    path = data.get('answers') or Path(data.data_root, 'answers.json')
    found = read_answers(path)
    if len(found) != model.head.num_answers:
        raise ConfigError(
            f'{path} has {len(found)} answers, the head of the model '
            f'{model.head.num_answers}: give the file that it was trained '
            'with, test_dataloader.dataset.answers')
    return found


def at_least_one(topk: int) -> None:
    """Refuse a ``topk`` that leaves nothing."""
    if topk < 1:
        raise ConfigError(f'topk={topk} names nothing: it has to be at least '
                          '1')


class VQAInferencer(VisualQuestionAnsweringInferencer):
    """Answers questions about images.

    Called as MMPretrain's: ``inferencer(image, question)`` or with two
    lists. Each result has ``question``, ``pred_answer`` and ``answers``, the
    best few with their probabilities (``topk=5``). They are sigmoids, as the
    model is trained with: they do not add up to 1.

    Args:
        model: A config, its path, or a model that has its config in
            ``_config``.
        pretrained: Its checkpoint.
        device: Where to run; None leaves it on the CPU.
    """

    postprocess_kwargs = {'topk'}

    def __init__(self, model: BaseModel | str | Path | Config,
                 pretrained: str | None = None,
                 device: str | torch.device | None = None) -> None:
        super().__init__(build(model, pretrained), pretrained=False,
                         device=device)
        self.answers = answers_of(self.config, self.model)

    def __call__(self, images: Any, questions: str | list[str], *args,
                 **kwargs) -> list:
        """Ask; see MMPretrain's.

        Raises:
            DataError: If an image has no question, or the reverse.
        """
        return super().__call__(*paired(images, questions), *args, **kwargs)

    def _init_pipeline(self, cfg: Config) -> Callable:
        return test_pipeline(cfg, self.model)

    def preprocess(self, inputs: list[dict],
                   batch_size: int = 1) -> Iterator[dict]:
        """Batches of images with their questions."""
        items = (self.pipeline(dict(
            as_input(one['img']), text=one['question'],
            question=one['question'])) for one in inputs)
        yield from map(default_collate,
                       self._get_chunk_data(items, batch_size))

    def postprocess(self, preds: list, visualization: Any,
                    return_datasamples: bool = False,
                    topk: int = 5) -> list:
        """Name the best answers."""
        at_least_one(topk)
        for sample in preds:
            sample.set_field(self.answers[sample.pred_label], 'pred_answer')
        if return_datasamples:
            return preds
        results = []
        for sample in preds:
            scores, labels = sample.pred_score.topk(
                min(topk, len(self.answers)))
            results.append(dict(
                question=sample.question,
                pred_answer=sample.pred_answer,
                answers=[(self.answers[label], score) for label, score in
                         zip(labels.tolist(), scores.tolist())]))
        return results


class ImageSearchInferencer(BaseInferencer):
    """Ranks images for a sentence.

    As MMPretrain's text-to-image inferencer it gets its images at the start,
    which are encoded then, and a sentence or several when it is called. Each
    result is a list of dicts, the best first, with ``match_score``,
    ``sample_idx`` and ``sample``. Scores compare images for one sentence;
    they are no probabilities.

    Args:
        model, pretrained, device: See :class:`VQAInferencer`; the model has
            to be one for retrieval.
        prototype: A folder of images, or a list of images.
        batch_size: Images to encode, and pairs to match, at a time.

    Raises:
        ConfigError: If the model is not one for retrieval.
        DataNotFoundError: If there are no images.
    """

    postprocess_kwargs = {'topk'}

    def __init__(self, model: BaseModel | str | Path | Config,
                 prototype: str | Path | Sequence,
                 pretrained: str | None = None,
                 device: str | torch.device | None = None,
                 batch_size: int = 64) -> None:
        built = build(model, pretrained)
        if not hasattr(built, 'match'):
            raise ConfigError(f'{type(built).__name__} does not rank images: '
                              'give a config for retrieval')
        super().__init__(built, pretrained=False, device=device)
        self.images = list_images(prototype)
        self.batch_size = batch_size
        self.prototype = self._encode_images()

    def _init_pipeline(self, cfg: Config) -> Callable:
        return test_pipeline(cfg, self.model)

    @torch.no_grad()
    def _encode_images(self) -> Tensor:
        """(I, N, C)."""
        items = (self.pipeline(as_input(one)) for one in self.images)
        found = []
        for chunk in self._get_chunk_data(items, self.batch_size):
            batch = dict(inputs=torch.stack([one['inputs'] for one in chunk]),
                         data_samples=None)
            data = self.model.data_preprocessor(batch, False)
            found.append(self.model.encode_image(data['inputs']))
        return torch.cat(found)

    def preprocess(self, inputs: Sequence[str],
                   batch_size: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Ids and masks, (T, L)."""
        tokenise = next(step for step in self.pipeline.transforms
                        if isinstance(step, Tokenise))
        for chunk in self._get_chunk_data(inputs, batch_size):
            found = tokenise.transform(dict(texts=chunk))
            yield found['text_ids'], found['text_mask']

    @torch.no_grad()
    def forward(self, inputs: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Scores of all images for each sentence, (I, )."""
        ids, mask = (one.to(self.prototype.device) for one in inputs)
        texts, scores = self.model.encode_text(ids, mask), []
        for text, real in zip(texts, mask):
            scores.append(torch.cat([
                self.model.match(part, text.expand(len(part), *text.shape),
                                 real.expand(len(part), *real.shape))
                for part in self.prototype.split(self.batch_size)]))
        return scores

    def _inputs_to_list(self, inputs: str | Sequence[str]) -> list[str]:
        return check_sentences(
            list(inputs) if isinstance(inputs, (list, tuple)) else [inputs])

    def visualize(self, *args, **kwargs) -> None:
        """Nothing: ``tools/search_images.py`` draws."""

    def postprocess(self, preds: list[Tensor], visualization: None,
                    return_datasamples: bool = False,
                    topk: int = 3) -> list[list[dict]]:
        """Name the best images."""
        at_least_one(topk)
        results = []
        for scores in preds:
            best = scores.topk(min(topk, len(scores)))
            results.append([
                dict(match_score=score, sample_idx=place,
                     sample=dict(img_path=self.images[place]))
                for score, place in zip(best.values.tolist(),
                                        best.indices.tolist())])
        return results
