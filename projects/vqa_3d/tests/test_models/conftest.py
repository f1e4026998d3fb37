"""Golden weights and inputs, under the names of SQA3D's repository."""

import math
from types import SimpleNamespace

import pytest
import torch
from lm4ve_vqa3d.published.sqa3d_files import RENAMES, as_rows
from mmpretrain.structures import DataSample

from lm4ve_mm.published.translate import our_names
from lm4ve_mm.registry import MODELS


def bare(shapes):
    """Names without the dot that an empty name leaves in front."""
    return {name.removeprefix('.'): shape for name, shape in shapes.items()}


def linear(name, out, into):
    return {f'{name}.weight': (out, into), f'{name}.bias': (out, )}


def batch_norm(name, width):
    return {f'{name}.{part}': (width, ) for part in (
        'weight', 'bias', 'running_mean', 'running_var')}


def shared_mlp(name, widths):
    shapes = {}
    for layer, (into, out) in enumerate(zip(widths, widths[1:])):
        shapes[f'{name}.layer{layer}.conv.weight'] = (out, into, 1, 1)
        shapes.update(batch_norm(f'{name}.layer{layer}.bn.bn', out))
    return shapes


def std_norm(name, width):
    return {f'{name}.a_2': (width, ), f'{name}.b_2': (width, )}


def mcan_layer(name, width, guided):
    shapes = {}
    attentions = ('mhatt1', 'mhatt2') if guided else ('mhatt', )
    for attention in attentions:
        for part in ('v', 'k', 'q', 'merge'):
            shapes.update(
                linear(f'{name}.{attention}.linear_{part}', width, width))
    shapes.update(linear(f'{name}.ffn.mlp.fc.linear', 4 * width, width))
    shapes.update(linear(f'{name}.ffn.mlp.linear', width, 4 * width))
    for norm in range(1, len(attentions) + 2):
        shapes.update(std_norm(f'{name}.norm{norm}', width))
    return shapes


def flatten(name, width, hidden, out):
    return {**linear(f'{name}.mlp.fc.linear', hidden, width),
            **linear(f'{name}.mlp.linear', 1, hidden),
            **linear(f'{name}.linear_merge', out, width)}


def lstm(name, words, width):
    return {f'{name}.weight_ih_l0': (4 * width, words),
            f'{name}.weight_hh_l0': (4 * width, width),
            f'{name}.bias_ih_l0': (4 * width, ),
            f'{name}.bias_hh_l0': (4 * width, )}


def voting(name, width):
    shapes = {}
    for number, out in ((1, width), (2, width), (3, width + 3)):
        shapes[f'{name}conv{number}.weight'] = (out, width, 1)
        shapes[f'{name}conv{number}.bias'] = (out, )
    return {**shapes, **batch_norm(f'{name}bn1', width),
            **batch_norm(f'{name}bn2', width)}


def proposals(name, into, width):
    return {
        **shared_mlp(f'{name}vote_aggregation.mlp_module',
                     (into + 3, width, width, width)),
        f'{name}proposal.0.weight': (width, width, 1),
        **batch_norm(f'{name}proposal.1', width),
        f'{name}proposal.3.weight': (width, width, 1),
        **batch_norm(f'{name}proposal.4', width),
        f'{name}proposal.6.weight': (97, width, 1),
        f'{name}proposal.6.bias': (97, )}


def detector(width, channels=4):
    at = 'detection_backbone'
    shapes = {}
    for number, widths in enumerate((
            (channels, 64, 64, 128), (128, 128, 128, 256),
            (256, 128, 128, 256), (256, 128, 128, 256)), 1):
        shapes.update(shared_mlp(f'{at}.sa{number}.mlp_module',
                                 (widths[0] + 3, *widths[1:])))
    for number in (1, 2):
        shapes.update(shared_mlp(f'{at}.fp{number}.mlp', (512, 256, 256)))
    return {**shapes, **voting('voting_net.', 256),
            **proposals('proposal_net.', 256, width)}


def sqa3d(width=32, words=12, objects=16, answers=11, hidden=24, out=40,
          with_detector=True):
    """Names and shapes of SQA3D's whole model, with the unused modules."""
    shapes = detector(objects) if with_detector else {}
    shapes.update(lstm('lang_net.lstm', words, width))
    for text in ('lang', 's', 'q'):
        shapes.update(linear(f'{text}_feat_linear.0', width, width))
    shapes.update(linear('object_feat_linear.0', width, objects))
    for stack in ('enc_list_s', 'enc_list_q', 'dec_list', 'dec_list_2'):
        for layer in range(2):
            shapes.update(mcan_layer(
                f'{stack}.{layer}', width, stack.startswith('dec')))
    for stream in ('visual', 's', 'q', 'lstm_q'):
        shapes.update(flatten(f'attflat_{stream}', width, hidden, out))
    for name, into, last in (('answer_cls', 3 * out, answers),
                             ('aux_reg', 2 * out, 7),
                             ('object_cls', width, 1)):
        shapes.update(linear(f'{name}.0', width, into))
        shapes.update(linear(f'{name}.3', last, width))
    return shapes


def filled(shapes, scale=.15):
    """Fill F of the golden numbers, float64."""
    state = {}
    for j, name in enumerate(sorted(shapes)):
        flat = torch.arange(math.prod(shapes[name])) % 1009
        wave = torch.cos(.37 * flat.double() + j).view(shapes[name])
        if name.endswith('running_mean'):
            state[name] = torch.zeros_like(wave)
        elif name.endswith('running_var'):
            state[name] = torch.ones_like(wave)
        elif wave.dim() == 1 and name.endswith(('weight', 'a_2')):
            state[name] = 1 + .1 * wave
        else:
            state[name] = scale * wave
    return state


def fill(module, shapes, theirs, ours, scale=.15):
    """Fill a part of the model through the published names.

    Args:
        module: Of ours, cast to float64.
        shapes: Under their names within the part.
        theirs, ours: What stands in front of them in the whole model.
    """
    state = {}
    for name, tensor in filled(shapes, scale).items():
        found, = {one for one in our_names(theirs + name, RENAMES)
                  if one.startswith(ours)}
        state[found.removeprefix(ours)] = as_rows(name, tensor)
    module.double().load_state_dict(state, strict=False)
    own = {name for name in module.state_dict()
           if not name.endswith('num_batches_tracked')}
    assert own == state.keys()
    return module.eval()


def wave(amplitude, frequency, phase, *shape):
    """amplitude * sin(frequency n + phase) over the flat index n."""
    flat = torch.arange(math.prod(shape), dtype=torch.float64)
    return (amplitude * torch.sin(frequency * flat + phase)).view(shape)


def texts():
    """Word vectors of a situation and a question for each of two samples."""
    given = {}
    for name, frequency, phase, lengths in (
            ('situation', .19, .4, (5, 8)), ('question', .23, .9, (6, 3))):
        vectors = wave(1, frequency, phase, 2, 10, 12)
        for row, length in enumerate(lengths):
            vectors[row, length:] = 0
        given[name] = vectors
    return given


def samples(fields):
    """Data samples out of batches by name."""
    made = []
    for row in range(2):
        sample = DataSample()
        for name, batch in fields.items():
            sample.set_field(batch[row], name)
        made.append(sample)
    return made


def build(**keywords):
    """The small model of the golden numbers."""
    return MODELS.build({**dict(
        type='lm4ve_mm.SituatedQA', num_answers=11, channels=32, word_dims=12,
        proposal_dims=16, flatten_hidden=24, flatten_channels=40),
        **keywords})


def batch(with_mask=True):
    """Samples with texts and truths of two questions."""
    score = torch.zeros(2, 11, dtype=torch.float64)
    score[0, 4], score[1, 9] = .6, 1
    target = wave(1, .9, .2, 2, 7)
    fields = dict(texts(), gt_score=score, gt_position=target[:, :3],
                  gt_rotation=target[:, 3:])
    if with_mask:
        mask = torch.zeros(2, 12, dtype=torch.int64)
        mask[0, [0, 3, 4, 7, 11]] = 1
        fields['objectness_mask'] = mask
    return samples(fields)


def close(tensor, head=(), total=None, squares=None, norm=None,
          tolerance=1e-8):
    """Compare the first values, sum, sum of squares, norm."""
    flat = tensor.detach().double().flatten()
    for name, found, wanted in (
            ('head', flat[:len(head)], head), ('sum', flat.sum(), total),
            ('sq', flat.square().sum(), squares),
            ('norm', flat.norm(), norm)):
        if wanted is not None:
            wanted = torch.tensor(wanted, dtype=torch.float64)
            error = (found - wanted).abs() / wanted.abs().clamp(min=1)
            assert (error < tolerance).all(), (name, found, wanted)


@pytest.fixture(scope='session')
def golden():
    """The makers of this file, since test modules cannot import it."""
    return SimpleNamespace(**{
        function.__name__: function for function in (
            bare, shared_mlp, std_norm, mcan_layer, flatten, lstm, voting,
            proposals, sqa3d, filled, fill, wave, texts, samples, build,
            batch, close)})
