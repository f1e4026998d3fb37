"""MMPretrain's classifier for clouds of points."""

from pathlib import Path

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from mmpretrain.models.classifiers import ImageClassifier

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.published.translate import compare, shapes_of, tensors_of
from lm4ve_mm.registry import MODELS

from ..upstream import STARTS_ANEW, is_upstream, translate, unwrapped


@MODELS.register_module()
class PointCloudClassifier(ImageClassifier):
    """Backbone, neck and head, as for images; inputs are (B, P, 3).

    It reads published files of Point-BERT and of arXiv 2310.12973 wherever
    weights are loaded (``pretrained``, ``load_from``, ``tools/test.py``):
    their names are translated, and anything that does not fit is an error,
    see :mod:`lm4ve_point_cloud.upstream`.

    Args:
        backbone (dict): Such as :class:`PointBERT`.
        neck (dict, optional): Norm and pooling, with or without the block.
        head (dict, optional): Such as :class:`PointBERTHead`.
        pretrained (str, optional): A checkpoint to start from, of ours or
            published, which must hold all but the head and the inserted
            layer. It is read when training starts, not for a test.
        data_preprocessor (dict, optional): By default
            :class:`PointCloudPreprocessor`.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    # See lm4ve_mm.models.starts.
    reads_published_files = True

    def __init__(self,
                 backbone: dict,
                 neck: dict | None = None,
                 head: dict | None = None,
                 pretrained: str | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        # Built here, since the base adds arguments for batches of images.
        cfg = dict(data_preprocessor or {})
        cfg.setdefault('type', 'lm4ve_mm.PointCloudPreprocessor')
        super().__init__(
            backbone,
            neck,
            head,
            pretrained,
            data_preprocessor=MODELS.build(cfg),
            init_cfg=init_cfg)
        self.pretrained = pretrained

    def init_weights(self) -> None:
        """Initialise, from all of ``pretrained`` if that is given.

        Raises:
            CheckpointNotFoundError: If there is no file ``pretrained``.
            CheckpointError: If it does not fit; names every tensor.
        """
        path = self.pretrained
        if path and '://' not in path and not Path(path).is_file():
            raise CheckpointNotFoundError(
                f'model.pretrained={path!r}: there is no such file. '
                'Point-BERT.pth is linked in the README of '
                'github.com/lulutang0608/Point-BERT; put it there, or give '
                'another place with --cfg-options model.pretrained=PATH, or '
                'start from nothing, or resume, with model.pretrained=None')
        if path:
            self._require_fit(path)
        super().init_weights()

    def _require_fit(self, path: str) -> None:
        """Compare a file of ours: MMEngine would only warn of what differs.

        A published one is compared where it is translated.
        """
        state = tensors_of(
            CheckpointLoader.load_checkpoint(path, map_location='cpu'), path)
        if is_upstream(state):
            return
        try:
            found = compare(unwrapped(state), shapes_of(self), STARTS_ANEW)
        except CheckpointError as error:
            raise CheckpointError(
                f'model.pretrained={path!r}: {error}') from error
        print_log(
            f'model.pretrained={path!r} fits: {len(found.weights)} tensors. '
            f'Missing, left as initialised: {found.missing}.',
            logger='current')

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Translate a published file; the modules inside are loaded after."""
        if not prefix and is_upstream(state_dict):
            found = translate(state_dict, self)
            print_log(
                f'Read a published {found.kind} file: {len(found.weights)} '
                f'tensors. Missing, left as initialised: {found.missing}. '
                f'Unused: {found.unexpected}.',
                logger='current')
            state_dict.clear()
            state_dict.update(found.weights)
        super()._load_from_state_dict(state_dict, prefix, *args)
