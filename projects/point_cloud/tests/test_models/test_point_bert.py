"""Point-BERT against golden numbers of upstream's code on a CPU."""

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmpretrain.structures import DataSample
from torch import nn

from lm4ve_mm.llm import BlockGeometry
from lm4ve_mm.models.necks import frozen_llm_neck
from lm4ve_mm.ops import farthest_point_sample, gather_points, group
from lm4ve_mm.registry import MODELS

TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-4}
LOGITS = [-0.09885943, -0.06076569, -0.01251584, -0.12569691, -0.16756303,
          -0.13440195]
# With the two maps around nothing, in the place of the frozen block.
MAPPED_LOGITS = [-0.31875939, -0.30063554, -0.21985312, -0.09950658,
                 -0.26616953, -0.32187808]
LLAMA_SIZED = dict(
    init='random', geometry=dict(width=64, num_heads=4, ffn_dim=128))
dtypes = pytest.mark.parametrize(
    'dtype', list(TOLERANCE), ids=lambda dtype: str(dtype)[6:])


class Maps(nn.Module):
    """The maps with the identity in between."""

    def __init__(self, embed_dims, width=4096):
        super().__init__()
        self.map_in = nn.Linear(embed_dims, width, bias=False)
        self.map_out = nn.Linear(width, embed_dims, bias=False)

    def forward(self, tokens, key_padding_mask=None, keep=None):
        return self.map_out(self.map_in(tokens))


@pytest.fixture(scope='module')
def filled_model(golden):
    """The baseline with fill F, which went through our renaming."""
    model = golden.build(golden.classifier()).double()
    model.load_state_dict(golden.filled(golden.upstream_shapes()))
    return model


@pytest.fixture(scope='module')
def model_of(filled_model, golden):
    def build(dtype):
        if dtype == torch.float64:
            return filled_model
        model = golden.build(golden.classifier())
        model.load_state_dict(filled_model.state_dict())
        return model

    return build


def close(found, wanted, dtype, scale=1):
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    torch.testing.assert_close(
        found.double(), wanted, rtol=0, atol=scale * TOLERANCE[dtype])


def test_parameter_and_key_counts(golden):
    model = golden.build(golden.classifier())
    count = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in dict(
            all=model, layers=model.backbone.layers,
            encoder=model.backbone.encoder, reduce=model.backbone.reduce_dim,
            pos=model.backbone.pos_embed, head=model.head,
            norm=model.neck).items()
    }
    assert count == dict(
        all=22_065_960, layers=21_279_744, encoder=428_800, reduce=98_688,
        pos=50_048, head=207_144, norm=768)
    assert len(model.state_dict()) == 164
    shapes = golden.upstream_shapes()
    assert len(shapes) == 164
    assert sum(torch.Size(s).numel() for n, s in shapes.items()
               if 'running' not in n and 'tracked' not in n) == 22_065_960


def test_parameters_with_the_7b_block(golden):
    """Counted from the shapes, without 0.8 GB."""
    shapes = BlockGeometry(
        width=4096, num_heads=32, ffn_dim=11008).tensor_shapes()
    frozen = sum(torch.Size(shape).numel() for shape in shapes.values())
    assert frozen + 4096 == 202_387_456  # and the final norm
    maps = golden.upstream_shapes(4096)
    added = sum(torch.Size(maps[f'llama_dim_mapper{i}.weight']).numel()
                for i in (1, 2))
    assert added == 3_145_728


@dtypes
def test_groups(filled_model, dtype, cloud_t):
    """Those of the operators, which ``tests/test_ops`` holds to goldens."""
    cloud = cloud_t.to(dtype)
    groups, centres = filled_model.backbone.group(cloud)
    wanted = gather_points(cloud, farthest_point_sample(cloud, 64))
    assert groups.dtype == dtype
    assert torch.equal(centres, wanted)
    assert torch.equal(groups, group(cloud, wanted, 32))


@dtypes
def test_tokens(model_of, dtype, cloud_t):
    backbone = model_of(dtype).backbone
    with torch.no_grad():
        groups, _ = backbone.group(cloud_t.to(dtype))
        tokens = backbone.encoder(groups)
    close(tokens[0, 0, :4], [0.50633884, 0.49686808, 0.05169375, 0.40000986],
          dtype)
    # 32,768 values of which each may be off.
    close(tokens.double().sum(), -772.92172116, dtype, scale=100)


@dtypes
def test_logits(model_of, dtype, cloud_t):
    with torch.no_grad():
        logits = model_of(dtype)(cloud_t.to(dtype))
    assert logits.shape == (2, 40)
    close(logits[0, :6], LOGITS, dtype)
    close(logits.double().sum(), -1.31871683, dtype, scale=80)
    labels = torch.tensor([3, 7])
    close(F.cross_entropy(logits, labels), 3.63592595, dtype)


@pytest.mark.parametrize('smoothing, wanted', [(0., 3.63592595),
                                               (0.2, 3.64888813)])
def test_losses(filled_model, golden, smoothing, wanted, cloud_t):
    head = dict(golden.classifier()['head'], label_smoothing=smoothing)
    head = MODELS.build(head).double().eval()
    head.load_state_dict(filled_model.head.state_dict())
    samples = [DataSample().set_gt_label(label) for label in (3, 7)]
    with torch.no_grad():
        feats = filled_model.extract_feat(cloud_t)
        close(head.loss(feats, samples)['loss'], wanted, torch.float64)


def test_place_of_the_insert(golden, monkeypatch, cloud_t):
    """All 65 tokens, after the last layer, before the final norm."""
    monkeypatch.setattr(frozen_llm_neck, 'build_layer',
                        lambda llm, embed_dims: Maps(embed_dims))
    model = golden.build(golden.classifier(llm=dict())).double()
    state = golden.filled(golden.upstream_shapes(4096))
    assert sum(t.is_floating_point() for t in state.values()) == 164
    model.load_state_dict(state)
    with torch.no_grad():
        logits = model(cloud_t)
    close(logits[0, :6], MAPPED_LOGITS, torch.float64)
    close(logits.sum(), -3.79735014, torch.float64)


def test_gradients_flow_through_the_frozen_block(golden, cloud_t):
    """To map in and to the whole backbone, and into no block tensor."""
    small = dict(num_layers=2, num_groups=16, group_size=8, num_heads=2,
                 feedforward_channels=48)
    model = MODELS.build(golden.classifier(
        LLAMA_SIZED, backbone=small, embed_dims=24)).eval()
    model(cloud_t.float()).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert not any(t.requires_grad
                   for t in model.neck.layer.frozen_tensors().values())


def test_defaults_of_initialisation(golden):
    """Torch's own, through MMEngine's pass; the class token is zero."""
    torch.manual_seed(0)
    model = MODELS.build(golden.classifier())
    before = {n: t.clone() for n, t in model.state_dict().items()}
    model.init_weights()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not model.backbone.cls_token.any()
    assert 0.9 < model.backbone.cls_pos.std() < 1.1
    hidden = model.backbone.layers[3].ffn.layers[0][0].weight
    assert hidden.abs().max() <= 384**-0.5


def test_habits_of_the_layers(golden):
    model = MODELS.build(golden.classifier())
    wanted = [0.1 * i / 11 for i in range(12)]
    for branch in ('attn.out_drop', 'ffn.dropout_layer'):
        drops = [layer.get_submodule(branch)
                 for layer in model.backbone.layers]
        # At rate 0 it may be an identity.
        assert [getattr(drop, 'drop_prob', 0.) for drop in drops
                ] == pytest.approx(wanted), branch
        assert all(isinstance(drop, DropPath) for drop in drops[1:]), branch
    norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 25 and {norm.eps for norm in norms} == {1e-5}
    assert all(layer.attn.qkv.bias is None for layer in model.backbone.layers)
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout) and m.p
            ] == [0.5]


@pytest.mark.parametrize('shape, words', [
    ((2, 63, 3), '63 points.*64 groups of 32 need at least 64'),
    ((2, 1024, 4), r'x, y, z, not \(2, 1024, 4\)'),
    ((1024, 3), r'\(1024, 3\)'),
])
def test_bad_clouds(filled_model, shape, words):
    with pytest.raises(ValueError, match=words):
        filled_model.backbone(torch.zeros(shape))


def test_head_with_too_few_outputs(golden):
    head = golden.classifier(num_classes=41)['head']
    with pytest.raises(ValueError, match='num_outputs=40.*num_classes=41'):
        MODELS.build(head)


def test_head_of_another_number_of_outputs(filled_model, golden):
    head = MODELS.build(dict(golden.classifier()['head'], num_outputs=55))
    with pytest.raises(ValueError, match='num_outputs=40'):
        head.load_state_dict(filled_model.head.state_dict())


def test_head_with_two_losses(golden):
    head = dict(golden.classifier()['head'], label_smoothing=0.2,
                loss=dict(type='mmpretrain.CrossEntropyLoss'))
    with pytest.raises(ValueError, match='give one of them'):
        MODELS.build(head)
