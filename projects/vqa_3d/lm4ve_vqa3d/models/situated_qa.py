"""SQA3D's model: a scene, a situation and a question to an answer."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError, DataError

from ..datasets.answers import read_answers
from ..published import is_published, translate
from .answer_losses import answer_losses
from .attention import Flatten
from .fusion import Fused, Fusion
from .voting import Detection

# Weights of the losses, whose sum is multiplied by SCALE.
WEIGHTS = dict(vote=1., objectness=.5, box=1., answer=.1, position=.1,
               rotation=.1)
WEIGHTS['class'] = .1
SCALE = 10.
# What the detector learns from, and what the answer is learnt from.
TARGETS = ('center_label', 'box_mask', 'heading_class', 'heading_residual',
           'size_class', 'size_residual', 'sem_class', 'vote_label',
           'vote_mask')
TRUTHS = ('gt_score', 'gt_position', 'gt_rotation')
TEXTS = ('situation', 'question')


def head(in_channels: int, hidden: int, out_channels: int,
         dropout: float) -> nn.Sequential:
    """Two maps with a GELU between them."""
    return nn.Sequential(
        nn.Linear(in_channels, hidden), nn.GELU(), nn.Dropout(dropout),
        nn.Linear(hidden, out_channels))


def questions_per_scene(inputs: Tensor, data_samples: list) -> int:
    """How many questions each scene is asked, scene after scene.

    Raises:
        DataError: If it is not the same number for all.
    """
    each, left = divmod(len(data_samples), len(inputs))
    if left or not each:
        raise DataError(f'{len(data_samples)} questions about {len(inputs)} '
                        'scenes: every scene has to have the same number')
    return each


@MODELS.register_module()
class SituatedQA(BaseModel):
    """Proposals of objects fused with two texts, and an answer out of all.

    The frozen block is among the proposals, behind the fusion and in front
    of their sum; it does not look at proposals without an object. A scene
    without any is treated as if all of them held one. A batch may ask each
    scene several questions, see :class:`.SharedScenes`.

    Published files of SQA3D's repository are read wherever weights are
    loaded; what does not fit is an error, see :mod:`lm4ve_vqa3d.published`.

    Args:
        num_answers: Classes of the answer, the unknown one included.
        detector: :class:`VoteNet`, trained along, which takes points; or None
            for inputs that are proposals already, with ``objectness_mask``
            in their samples.
        channels: Width of all tokens: 256 in the repository, 768 in the
            paper.
        word_dims: Width of the word vectors.
        proposal_dims: Width of the proposals' features, where there is no
            detector.
        num_heads: Heads of the fusion.
        depth: Layers of each stack of the fusion.
        flatten_hidden: Width inside the weighing of tokens.
        flatten_channels: Width of each stream's sum.
        blind: Whether the scene is not looked at at all: the baseline that
            knows situation and question alone.
        weights: (name, weight) of losses that differ from :data:`WEIGHTS`.
        dropout: Factor of all dropout rates of the reference, which are .3
            for words and in front of the answer and .1 elsewhere; 0 for a
            small model that sees its data once or twice.
        answers: ``answer_dict.json``, to give predictions as text.
        neck: :class:`TokenInsertNeck` with the block; None is the host.
        data_preprocessor: By default :class:`ScenePreprocessor`.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self,
                 num_answers: int = 707,
                 detector: dict | None = None,
                 channels: int = 256,
                 word_dims: int = 300,
                 proposal_dims: int = 128,
                 num_heads: int = 8,
                 depth: int = 2,
                 flatten_hidden: int = 256,
                 flatten_channels: int = 512,
                 blind: bool = False,
                 weights: Sequence[tuple[str, float]] = (),
                 dropout: float = 1.,
                 answers: str | Path | None = None,
                 neck: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        cfg = dict(data_preprocessor or {})
        cfg.setdefault('type', 'lm4ve_mm.ScenePreprocessor')
        super().__init__(MODELS.build(cfg), init_cfg)
        if blind and detector is not None:
            raise ConfigError('a blind model needs no detector: leave out '
                             'either blind=True or the detector')
        self.weights = {**WEIGHTS, **dict(weights)}
        if unknown := sorted({*self.weights} - {*WEIGHTS}):
            raise ConfigError(f'weights of {", ".join(unknown)}: the losses '
                              f'are {", ".join(WEIGHTS)}')
        self.blind, self.proposal_dims = blind, proposal_dims
        self.answers = None if answers is None else read_answers(answers)
        if self.answers and len(self.answers) != num_answers:
            raise ConfigError(
                f'num_answers={num_answers}, but {answers} makes '
                f'{len(self.answers)} classes: both have to agree')
        self.detector = None
        if detector is not None:
            self.detector = MODELS.build(detector)
            self.proposal_dims = self.detector.out_channels
        self.fusion = Fusion(word_dims, self.proposal_dims, channels,
                             num_heads, depth)
        self.neck = None
        if neck is not None:
            self.neck = MODELS.build({**neck, 'in_channels': channels})
        self.flatten = nn.ModuleDict({
            stream: Flatten(channels, flatten_hidden, flatten_channels)
            for stream in ('situation', 'question', 'proposals')})
        self.answer_head = head(3 * flatten_channels, channels, num_answers,
                                .3)
        self.situation_head = head(2 * flatten_channels, channels, 7, .1)
        for name, module in self.named_modules():
            if isinstance(module, nn.Dropout) and not name.startswith('neck'):
                module.p *= dropout

    def stacked(self, data_samples: list | None, names: tuple[str, ...],
                hint: str) -> dict[str, Tensor]:
        """Fields of a batch by name, (B, ...) each.

        Raises:
            DataError: If a sample lacks one; ``hint`` says what to do.
        """
        for number, sample in enumerate(data_samples or [{}]):
            lacking = [name for name in names if name not in sample]
            if lacking:
                raise DataError(f'sample {number} of the batch has no '
                                f'{", ".join(lacking)}: {hint}')
        device = next(self.parameters()).device
        batch = {name: torch.stack([sample.get(name)
                                    for sample in data_samples]).to(device)
                 for name in names}
        dtype = next(self.parameters()).dtype
        return {name: tensor.to(dtype) if tensor.is_floating_point()
                else tensor for name, tensor in batch.items()}

    def look(self, inputs: Tensor, data_samples: list | None
             ) -> tuple[Tensor, Tensor, Detection | None]:
        """Find proposals.

        Returns:
            tuple: Their features (B, K, D), a mask (B, K) that is True for
            those without an object, and what the detector says of them.
        """
        if self.blind:
            nothing = inputs.new_zeros(len(inputs), 1, self.proposal_dims)
            return nothing, nothing.new_ones(nothing.shape[:2]).bool(), None
        if self.detector is not None:
            found = self.detector(inputs)
            return found.features, ~found.mask, found
        if inputs.shape[-1] != self.proposal_dims:
            raise DataError(
                f'inputs are {tuple(inputs.shape)}; without a detector they '
                f'are proposals (B, K, {self.proposal_dims}). Give points to '
                'a model with a detector, or set proposal_dims')
        objects = self.stacked(
            data_samples, ('objectness_mask', ), 'proposals go with the mask '
            'of those that hold an object')['objectness_mask']
        return inputs, objects == 0, None

    def insert(self, fused: Fused) -> Fused:
        """Run the block, if there is one, among the proposals."""
        if self.neck is None:
            return fused
        valid = ~fused.proposal_padding
        # Where there is no object at all, all proposals count.
        valid = valid | ~valid.any(1, keepdim=True)
        return fused._replace(proposals=self.neck(fused.proposals, valid))

    def decode(self, inputs: Tensor, data_samples: list | None
               ) -> tuple[Tensor, Tensor, Detection | None]:
        """Answer.

        Returns:
            tuple: Logits (B, num_answers), situations (B, 7), and what the
            detector found.
        """
        texts = self.stacked(data_samples, TEXTS, 'word vectors come from '
                             'lm4ve_mm.EmbedTexts in the pipeline')
        each = questions_per_scene(inputs, data_samples)
        features, padding, found = self.look(inputs, data_samples[::each])
        features, padding = (one.repeat_interleave(each, 0)
                             for one in (features, padding))
        fused = self.insert(self.fusion(
            texts['situation'], texts['question'], features, padding))
        situation, question, proposals = (
            self.flatten[stream](tokens, mask)[0] for stream, tokens, mask in
            zip(self.flatten, fused[:3], fused[3:], strict=True))
        scores = self.answer_head(
            torch.cat([situation, question, proposals], -1))
        return scores, self.situation_head(
            torch.cat([situation, proposals], -1)), found

    def forward(self, inputs: Tensor, data_samples: list | None = None,
                mode: str = 'tensor'):
        """Run the model.

        Args:
            inputs: (B, N, 3 + C) points, or (B, K, D) proposals.
            data_samples: One for each question: B, or several for each
                scene, one scene after the other.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            Logits (B, num_answers) and situations (B, 7); losses; or the
            samples with predictions.
        """
        if mode == 'tensor':
            return self.decode(inputs, data_samples)[:2]
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode is 'tensor', 'loss' or 'predict', not "
                         f'{mode!r}')

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Losses by name, weighted; their sum is what is minimised."""
        scores, situations, found = self.decode(inputs, data_samples)
        truths = self.stacked(data_samples, TRUTHS, 'a training set tells '
                              'answers and situations')
        if truths['gt_score'].shape != scores.shape:
            raise DataError(
                f'the data set has {truths["gt_score"].shape[1]} answers, '
                f'the model {scores.shape[1]}: set model.num_answers')
        parts = answer_losses(scores, situations, **truths)
        if found is not None:
            parts.update(self.detector.loss(found, self.stacked(
                data_samples[::questions_per_scene(inputs, data_samples)],
                TARGETS, 'a detector learns from boxes and votes, from '
                'lm4ve_mm.DetectionTargets in the pipeline')))
        return {f'loss_{name}': SCALE * weight * parts[name]
                for name, weight in self.weights.items() if name in parts}

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Fill the samples.

        With ``pred_score`` (num_answers, ), ``pred_label``, ``pred_answer``
        where the answers are known, ``pred_position`` (3, ),
        ``pred_rotation`` (4, ), not normalised, and, of a detector,
        ``proposals`` (K, 3), their centres, and ``proposal_mask`` (K, ),
        True for those that hold an object.
        """
        scores, situations, found = self.decode(inputs, data_samples)
        positions, rotations = situations.split((3, 4), -1)
        fields = dict(pred_score=scores.sigmoid(), pred_position=positions,
                      pred_rotation=rotations)
        if found is not None:
            each = questions_per_scene(inputs, data_samples)
            fields.update(
                proposals=found.centres.repeat_interleave(each, 0),
                proposal_mask=found.mask.repeat_interleave(each, 0))
        labels = scores.argmax(-1).tolist()
        for number, sample in enumerate(data_samples):
            for name, batch in fields.items():
                sample.set_field(batch[number], name)
            sample.set_field(labels[number], 'pred_label')
            if self.answers is not None:
                sample.set_field(self.answers[labels[number]], 'pred_answer')
        return data_samples

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Translate a published file; the modules inside are loaded after."""
        if not prefix and is_published(state_dict):
            found = translate(state_dict, self)
            print_log(
                f'Read a file of SQA3D: {len(found.weights)} tensors. '
                f'Missing, left as initialised: {found.missing}. Unused: '
                f'{found.unexpected}.', logger='current')
            state_dict.clear()
            state_dict.update(found.weights)
        super()._load_from_state_dict(state_dict, prefix, *args)
