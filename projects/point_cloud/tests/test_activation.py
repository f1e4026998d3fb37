"""The colours of the panel: magnitudes of centred tokens."""

import lm4ve_point_cloud  # noqa: F401  (registers)
import pytest
import torch

from lm4ve_mm.analysis.activation import token_activation
from lm4ve_mm.analysis.features import look
from lm4ve_mm.registry import MODELS

RANDOM = dict(
    init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
NECK = dict(
    type='lm4ve_mm.FrozenLLMNeck', in_channels=16, pooling='cls_max',
    llm=RANDOM)
NO_BLOCK = dict(
    type='lm4ve_mm.TokenPoolingNeck', in_channels=16, pooling='cls_max')


def classifier(neck):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='lm4ve_mm.PointCloudClassifier',
            data_preprocessor=dict(
                type='lm4ve_mm.PointCloudPreprocessor', num_points=40),
            backbone=dict(
                type='lm4ve_mm.PointBERT', num_groups=8, group_size=8,
                embed_dims=16, num_layers=1, num_heads=2,
                feedforward_channels=32),
            neck=neck,
            head=dict(
                type='lm4ve_mm.PointBERTHead', in_channels=32,
                num_classes=15))).eval()


def test_magnitude_of_centred_tokens():
    """By hand: the mean is (1, 1), the lengths are 1, 3, sqrt(8), 0."""
    tokens = torch.tensor([[[1., 2.], [1., -2.], [3., 3.], [1., 1.]],
                           [[5., 5.], [5., 5.], [5., 5.], [5., 5.]]])
    assert tokens.mean(1).tolist() == [[1.5, 1.], [5., 5.]]
    lengths = torch.tensor([1.25**.5, 9.25**.5, 6.25**.5, .25**.5])
    expected = (lengths - .5) / (9.25**.5 - .5)
    found = token_activation(tokens)
    torch.testing.assert_close(found[0], expected)
    assert found[1].tolist() == [0] * 4


def colours(looked):
    """Of each point of each cloud."""
    values = token_activation(list(looked.steps.values())[-1])
    return [row[torch.from_numpy(cloud.token)]
            for row, cloud in zip(values, looked.pictures)]


@pytest.mark.parametrize(('neck', 'layer'), [(NECK, 'neck.layer'),
                                             (NO_BLOCK, 'backbone')])
def test_points_take_the_token_of_their_centre(neck, layer):
    model = classifier(neck)
    points = torch.rand(2, 40, 3, generator=torch.Generator().manual_seed(0))
    outputs = []
    handle = model.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: outputs.append(output))
    _, centres = model.backbone.group(points)
    with torch.no_grad():
        plain = model(points, mode='predict')
    handle.remove()
    tokens = outputs[0] if layer == 'neck.layer' else outputs[0][0]
    activation = token_activation(tokens[:, 1:])
    looked = look(model, dict(inputs=list(points)))
    for cloud, shown in enumerate(colours(looked)):
        assert (looked.pictures[cloud].points == points[cloud].numpy()).all()
        for point, found in zip(points[cloud], shown):
            distances = (centres[cloud] - point).square().sum(1)
            torch.testing.assert_close(
                found, activation[cloud, distances.argmin()])
        assert torch.equal(
            looked.samples[cloud].pred_score, plain[cloud].pred_score)
    # Nothing stays in the model.
    assert not any(module._forward_hooks for module in model.modules())


def test_the_token_is_that_of_the_block():
    """A stronger map out changes the lengths, not only their scale."""
    model = classifier(NECK)
    points = torch.rand(1, 40, 3, generator=torch.Generator().manual_seed(0))
    before, = colours(look(model, dict(inputs=points)))
    with torch.no_grad():
        model.neck.layer.map_out.weight[0] *= 50
    after, = colours(look(model, dict(inputs=points)))
    assert (before - after).abs().max() > .05
