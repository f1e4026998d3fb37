"""Point-BERT's classification head."""


from collections.abc import Sequence

from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class PointBERTHead(ClsHead):
    """Two linear layers with ReLU and dropout in between.

    Args:
        in_channels (int): Width of the pooled feature: twice that of the
            tokens with ``pooling='cls_max'``.
        num_classes (int): Classes of the data.
        num_outputs (int): Outputs of the head. Point-BERT's configs have 40
            for every data set, also for the 15 classes of ScanObjectNN, and
            its published weights have them too. The prediction is the
            largest of all outputs, so that one beyond the classes is an
            error. Set it to ``num_classes`` when neither matters.
        hidden_channels (int): Width in between.
        dropout (float): Rate of the dropout.
        label_smoothing (float): What the other outputs share of a target;
            upstream's switch makes it 0.2, its scripts leave it off.
        init_cfg (dict, optional): MMEngine's initialisation. None is
            torch's, as upstream.
        **kwargs: Passed to :class:`mmpretrain.models.heads.ClsHead`.

    Raises:
        ValueError: If there are fewer outputs than classes, or two losses.
    """

    def __init__(self,
                 in_channels: int,
                 num_classes: int,
                 num_outputs: int = 40,
                 hidden_channels: int = 256,
                 dropout: float = 0.5,
                 label_smoothing: float = 0.,
                 init_cfg=None,
                 **kwargs) -> None:
        if num_outputs < num_classes:
            raise ValueError(
                f'the head has num_outputs={num_outputs}, too few for '
                f'num_classes={num_classes}')
        if label_smoothing and 'loss' in kwargs:
            raise ValueError(
                f'label_smoothing={label_smoothing} builds a loss, and loss='
                f'{kwargs["loss"]!r} is another: give one of them')
        if label_smoothing:
            # MMPretrain spreads over all outputs, the target's own included.
            spread = label_smoothing * num_outputs / (num_outputs - 1)
            kwargs['loss'] = dict(
                type='mmpretrain.LabelSmoothLoss',
                label_smooth_val=spread,
                num_classes=num_outputs,
                mode='original')
        super().__init__(init_cfg=init_cfg, **kwargs)
        self.num_classes = num_classes
        self.num_outputs = num_outputs
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden_channels), nn.ReLU(inplace=True),
            nn.Dropout(dropout), nn.Linear(hidden_channels, num_outputs))

    def forward(self, feats: tuple[Tensor, ...] | Sequence[Tensor]
                ) -> Tensor:
        """Classify.

        Args:
            feats: Levels, the last one (B, in_channels).

        Returns:
            Tensor: (B, num_outputs) logits.
        """
        return self.mlp(self.pre_logits(feats))

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Refuse weights of another number of outputs.

        MMEngine would log it, and go on with a head that was never trained.
        """
        stored = state_dict.get(f'{prefix}mlp.3.weight')
        if stored is not None and len(stored) != self.num_outputs:
            raise ValueError(
                f'these weights have {len(stored)} outputs, this head has '
                f'{self.num_outputs}: set model.head.num_outputs='
                f'{len(stored)}, or remove the entries of {prefix!r} from the '
                'file to start a new head')
        super()._load_from_state_dict(state_dict, prefix, *args)
