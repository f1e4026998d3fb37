"""The steps from a question about a scene to the model's tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.structures import DataSample

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.errors import ConfigError

from .augmentation import (
    SHIFT_STEP,
    draws_of,
    move_boxes,
    move_points,
    move_rotation,
)
from .situations import to_quaternion
from .targets import box_targets, votes_of
from .word_vectors import read_word_vectors

# Mean colour of ScanNet's points, 0 to 255, and the divisor.
MEAN_COLOUR = np.array([109.8, 97.2, 83.8])
COLOUR_SCALE = 256.
# Where the reference's colours end up, which it normalises again and again.
LEGACY_COLOUR = -MEAN_COLOUR / (COLOUR_SCALE - 1)
COLOUR_MODES = ('normal', 'legacy_constant')
COLUMNS = ('colour', 'position', 'height')


@TRANSFORMS.register_module()
class SampleScene(BaseTransform):
    """Takes some points of the scene, in a random order.

    Args:
        num_points: How many; a scene with fewer gives some of them twice.
        seed: None draws anew at each visit. A number draws the same for the
            same scene, so that a test gives the same every time.
    """

    def __init__(self, num_points: int = 40_000,
                 seed: int | None = None) -> None:
        self.num_points = num_points
        self.seed = seed

    def choose(self, count: int) -> np.ndarray:
        """Which of ``count`` points, (num_points, )."""
        random = (np.random if self.seed is None
                  else np.random.RandomState(self.seed))
        return random.choice(count, self.num_points,
                             replace=count < self.num_points)

    def transform(self, results: dict) -> dict:
        """Give ``xyz``, ``colours``, ``heights``, ``instances``, ``labels``.
        """
        scene = results['scene']
        rows = self.choose(len(scene.vertices))
        taken = scene.vertices[rows]
        return dict(
            results, xyz=taken[:, :3], colours=taken[:, 3:6],
            heights=taken[:, 2] - scene.floor,
            instances=scene.instances[rows], labels=scene.labels[rows],
            boxes=scene.boxes)


@TRANSFORMS.register_module()
class AugmentScene(BaseTransform):
    """Mirrors, turns and shifts the scene and the situation.

    Args:
        flip: Whether to mirror along x and along y, each every second time.
            The texts do not change, although left and right do.
        degrees: Largest turn about each axis.
        reach: Largest shift along each axis in metres.
    """

    def __init__(self, flip: bool = True, degrees: float = 5.,
                 reach: float = .5) -> None:
        self.flip = flip
        self.degrees = degrees
        self.reach = reach

    def transform(self, results: dict) -> dict:
        """Move ``xyz``, ``boxes``, ``position`` and ``rotation``."""
        grid = round(2 * self.reach / SHIFT_STEP) + 1
        return self.apply(results, np.random.rand(5),
                          np.random.randint(0, grid, 3))

    def apply(self, results: dict, uniform: Sequence[float],
              steps: Sequence[int]) -> dict:
        """Move as given random numbers say, see :func:`draws_of`."""
        draws = draws_of(uniform, steps, self.flip, self.degrees, self.reach)
        return dict(
            results,
            xyz=move_points(results['xyz'], draws).astype(np.float32),
            boxes=move_boxes(results['boxes'], draws),
            position=move_points(results['position'][None], draws)[0],
            rotation=move_rotation(results['rotation'], draws))


@TRANSFORMS.register_module()
class DetectionTargets(BaseTransform):
    """Adds what the detector learns from: votes and boxes."""

    def transform(self, results: dict) -> dict:
        """Give ``detection``, the targets by name."""
        return dict(results, detection=dict(
            **votes_of(results['xyz'], results['instances'],
                       results['labels']),
            **box_targets(results['boxes'])))


@TRANSFORMS.register_module()
class EmbedTexts(BaseTransform):
    """Turns situation and question into word vectors.

    Args:
        word_vectors: See :func:`.word_vectors.read_word_vectors`.
        pieces: For a language model's table, ``'mean'`` or ``'first'``.
        word_vectors_pickle: Whether ``glove.p`` may be read.
        scale: Factor of all vectors. Those of language models are short:
            the entries of MiniLM's are of size 0.05, those of GloVe's 0.3.
    """

    def __init__(self, word_vectors: str, pieces: str = 'mean',
                 word_vectors_pickle: bool = False,
                 scale: float = 1.) -> None:
        self.vectors = read_word_vectors(
            word_vectors, pieces, word_vectors_pickle)
        self.scale = scale

    def transform(self, results: dict) -> dict:
        """Give ``embedded``, two arrays (100, E)."""
        return dict(results, embedded={
            key: self.vectors.embed(results[text]) * np.float32(self.scale)
            for key, text in (('situation', 'situation_text'),
                              ('question', 'question_text'))})


def point_columns(results: dict, columns: Sequence[str], colour_mode: str,
                  colour_scale: float = 1.) -> np.ndarray:
    """The points (N, 3 + C) float32 that a model sees."""
    xyz = results['xyz']
    parts = [xyz]
    if 'colour' in columns and colour_mode == 'normal':
        parts.append(colour_scale * (results['colours'] - MEAN_COLOUR)
                     / COLOUR_SCALE)
    elif 'colour' in columns:
        parts.append(np.broadcast_to(LEGACY_COLOUR, xyz.shape))
    if 'position' in columns:
        parts.append(xyz)
    if 'height' in columns:
        parts.append(results['heights'][:, None])
    return np.concatenate(parts, 1).astype(np.float32)


@TRANSFORMS.register_module()
class PackSituatedQA(BaseTransform):
    """Packs a question into the model's input and a data sample.

    Args:
        columns: What a point has beside its coordinates, in this order:
            ``'colour'``, ``'position'`` (the coordinates once more, since
            set abstraction sees only differences of them; not in the
            reference) and ``'height'``.
        color_mode: ``'normal'``, or ``'legacy_constant'`` for the colours
            that the reference's models were trained on: it normalises a
            scene's colours anew at each visit, and after the third they are
            all the same.
        color_scale: Factor of the normal colours, which are from -0.43 to
            0.67, beside coordinates in metres.

    Raises:
        ConfigError: If a column or the mode is unknown.
    """

    META = ('question_text', 'situation_text', 'question_id', 'scene_id',
            'answer', 'question_type')

    def __init__(self, columns: Sequence[str] = ('colour', 'height'),
                 color_mode: str = 'normal',
                 color_scale: float = 1.) -> None:
        if list(columns) != [name for name in COLUMNS if name in columns]:
            raise ConfigError(f'columns={tuple(columns)}: they are some of '
                              f'{", ".join(COLUMNS)}, in this order')
        if color_mode not in COLOUR_MODES:
            raise ConfigError(f'color_mode is {" or ".join(COLOUR_MODES)}, '
                              f'not {color_mode!r}')
        self.columns = tuple(columns)
        self.color_mode, self.color_scale = color_mode, color_scale

    def transform(self, results: dict) -> dict:
        """Give ``inputs``, the points or proposals, and ``data_samples``."""
        sample = DataSample(
            metainfo={key: results[key] for key in self.META})
        fields = dict(results['embedded'], **results.get('detection', {}))
        fields.update(
            gt_score=results['gt_score'], gt_label=results['gt_label'],
            gt_position=results['position'].astype(np.float32),
            gt_rotation=to_quaternion(
                results['rotation']).astype(np.float32))
        if 'proposals' in results:
            inputs = results['proposals']
            fields['objectness_mask'] = results['objectness_mask']
        else:
            inputs = point_columns(results, self.columns, self.color_mode,
                                   self.color_scale)
        for key, value in fields.items():
            sample.set_field(torch.from_numpy(np.asarray(value)), key)
        return dict(inputs=torch.from_numpy(inputs), data_samples=sample)
