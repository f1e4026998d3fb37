"""A local page: drop an image, see what a model marks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from lm4ve_mm.analysis.features import ATTENTION, Looked, look
from lm4ve_mm.analysis.filtering import MEASURES
from lm4ve_mm.analysis.pictures import sheet
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.install import how_to_install, is_installed

from .inference import read_image

TOP = 3


class Shown(NamedTuple):
    """A model of the page.

    Args:
        name: Of its config.
        cfg: The config.
        model: In eval mode.
    """

    name: str
    cfg: Config
    model: nn.Module

    def names(self) -> Sequence[str]:
        """Of its classes; may be empty."""
        kind = DATASETS.get(self.cfg.test_dataloader.dataset.type)
        return getattr(kind, 'METAINFO', {}).get('classes', ())


def explore(shown: Sequence[Shown], image: np.ndarray, measure: str,
            threshold: float) -> tuple[str, np.ndarray]:
    """Look into every model.

    Args:
        shown: The models.
        image: (H, W, 3) uint8 RGB.
        measure: ``magnitude``, ``frequency`` or ``attention``.
        threshold: 0 colours the tokens by their values; above 0, tokens that
            are not above it are dimmed.

    Returns:
        tuple: Predictions as text, and a sheet with a row for each model,
        (H, W, 3) uint8.
    """
    lines, rows = [], []
    for one in shown:
        looked = look(one.model, pseudo_collate([read_image(one.cfg, image)]))
        lines.append(f'{one.name}: {_said(looked, one.names())}')
        rows.append(_row(one.name, looked, measure, threshold))
    return '\n\n'.join(lines), _pixels(rows)


def _said(looked: Looked, names: Sequence[str]) -> str:
    scores = looked.samples[0].pred_score
    best = scores.topk(min(TOP, len(scores)))
    return ', '.join(
        f'{names[k] if k < len(names) else f"class {k}"} {score:.0%}'
        for score, k in zip(best.values.tolist(), best.indices.tolist()))


def _row(name: str, looked: Looked, measure: str,
         threshold: float) -> list[tuple]:
    picture = looked.pictures[0]
    cells = [(picture, None, None, name)]
    cells += [
        (picture, values[0].cpu().numpy(), threshold or None, step)
        for (step, given), values in looked.maps().items() if given == measure]
    return cells


def _pixels(rows: list[list[tuple]]) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    figure = sheet(rows, height=2.2)
    figure.tight_layout(pad=.3)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def build_page(shown: Sequence[Shown], example: np.ndarray | None = None):
    """Build the page; ``launch`` shows it.

    Args:
        shown: One model, or two to be compared.
        example: An image that is there from the start.

    Returns:
        Blocks: Of Gradio.

    Raises:
        ImportError: If Gradio is not installed.
    """
    if not is_installed('gradio'):
        raise ImportError('the page needs gradio, which is not installed: '
                          f'{how_to_install("app")}')
    import gradio

    def answer(image, measure, threshold):
        if image is None:
            return 'Drop an image.', None
        return explore(shown, image, measure, threshold)

    with gradio.Blocks(title='lm4ve_mm', analytics_enabled=False) as page:
        gradio.Markdown('### Where does it look?')
        with gradio.Row():
            image = gradio.Image(value=example, label='image', type='numpy',
                                 image_mode='RGB', height=260)
            with gradio.Column():
                measure = gradio.Radio([*MEASURES, ATTENTION], label='measure',
                                       value='magnitude')
                threshold = gradio.Slider(
                    0, .95, 0, step=.05, label='threshold (0: all in colour)')
                said = gradio.Markdown()
        maps = gradio.Image(label='maps of the layer, one row a model')
        given, shows = [image, measure, threshold], [said, maps]
        for part in given:
            part.change(answer, given, shows, api_name=False, queue=False)
        page.load(answer, given, shows, api_name='explore', queue=False)
    return page
