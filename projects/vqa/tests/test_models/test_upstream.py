"""Files of METER: their kinds, what is missing, what is unused."""

import pytest
import torch
from lm4ve_vqa.models.towers.positions import resize_bias, resize_positions
from lm4ve_vqa.upstream import translate
from mmengine.runner import load_checkpoint

from lm4ve_mm import apis
from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.models.starts import load_into
from lm4ve_mm.registry import MODELS

LEFT_OVERS = [
    'text_transformer.pooler.dense.bias',
    'text_transformer.pooler.dense.weight', 'vit_model.ln_final.bias',
    'vit_model.ln_final.weight', 'vit_model.positional_embedding']
VQA_HEAD = [f'head.vqa_classifier.{i}.{part}' for i in (0, 1, 3)
            for part in ('weight', 'bias')]


def without(state, *starts):
    return {name: t for name, t in state.items()
            if not name.startswith(starts)}


@pytest.fixture
def pretrained(golden):
    """METER's pretraining has heads for words and for matching."""
    state = without(golden.filled(golden.reference_shapes()),
                    'vqa_classifier', 'rank_output')
    state['mlm_score.bias'] = torch.zeros(100)
    state['text_transformer.embeddings.position_ids'] = torch.arange(20)[None]
    return state


def test_fine_tuned_file_is_whole(golden):
    state = without(golden.filled(golden.reference_shapes()), 'itm_score',
                    'rank_output')
    model = golden.meter()
    found = translate(dict(state_dict=state), model)
    assert found.kind == 'fine-tuned for questions'
    assert found.missing == []
    assert sorted(found.unexpected) == LEFT_OVERS
    assert set(found.weights) == set(model.state_dict())


def test_pretrained_file_starts_a_head_anew(golden, pretrained):
    model = golden.meter()
    found = translate(pretrained, model)
    assert found.kind == 'pretrained'
    assert found.missing == VQA_HEAD
    assert sorted(found.unexpected) == sorted([
        *LEFT_OVERS, 'itm_score.fc.bias', 'itm_score.fc.weight',
        'mlm_score.bias', 'text_transformer.embeddings.position_ids'])


def test_pretrained_matching_starts_the_rank(golden, pretrained):
    """As a copy: the two share no memory."""
    model = golden.meter('Retrieval').double()
    load_into(model, dict(state_dict=pretrained), file='pretrain.ckpt')
    row = pretrained['itm_score.fc.weight'][1]
    assert torch.equal(model.head.rank_output.weight[0], row)
    assert torch.equal(model.head.rank_output.bias[0],
                       pretrained['itm_score.fc.bias'][1])
    with torch.no_grad():
        model.head.rank_output.weight.zero_()
    assert torch.equal(model.head.itm_score.fc.weight[1], row)


def test_a_start_and_a_test(golden, pretrained):
    """A pretrained file starts a training; a test wants all of the model."""
    head = golden.meter().double()
    with pytest.raises(RuntimeError, match='missing keys.*vqa_classifier'):
        load_into(head, pretrained, strict=True)
    before = head.head.vqa_classifier[0].weight.clone()
    load_into(head, pretrained)
    assert torch.equal(head.head.vqa_classifier[0].weight, before)
    assert torch.equal(head.fusion.cross_modal_text_transform.weight,
                       pretrained['cross_modal_text_transform.weight'])
    whole = golden.filled(golden.reference_shapes())
    load_into(head, dict(state_dict=whole), strict=True)


def test_a_file_of_lightning(golden, tmp_path):
    """As it lies on the disk, with what else such files hold."""
    state = golden.filled(golden.reference_shapes())
    file = tmp_path / 'meter.ckpt'
    torch.save({'state_dict': state, 'epoch': 9, 'optimizer_states': [],
                'pytorch-lightning_version': '1.3.2', 'hyper_parameters':
                dict(config=dict(loss_names=dict(vqa=1)))}, file)
    model = golden.meter()
    load_checkpoint(model, str(file), map_location='cpu', strict=True)
    assert torch.equal(model.fusion.token_type_embeddings.weight,
                       state['token_type_embeddings.weight'].float())


def test_a_model_with_the_block(golden):
    """The layer stays as built; a test refuses a file without it."""
    state = golden.filled(golden.reference_shapes())
    model = golden.meter(neck=golden.NECK).double()
    before = model.neck.layer.map_in.weight.clone()
    load_into(model, state)
    assert torch.equal(model.neck.layer.map_in.weight, before)
    with pytest.raises(RuntimeError, match=r'neck\.layer\.map_in'):
        load_into(model, state, strict=True)


@pytest.mark.parametrize('change, message', [
    (lambda s: s.pop('cross_modal_text_layers.1.output.dense.bias'),
     r'lacks fusion\.cross_modal_text_layers\.1\.output\.dense\.bias'),
    (lambda s: s.update(surplus=torch.zeros(1)), 'has no surplus'),
    (lambda s: s.update({'token_type_embeddings.weight': torch.zeros(3, 64)}),
     r'\(3, 64\) in the file'),
    (lambda s: s.pop('vqa_classifier.3.bias'), 'lacks head.vqa_classifier'),
])
def test_what_does_not_fit(golden, change, message):
    state = golden.filled(golden.reference_shapes())
    change(state)
    with pytest.raises(CheckpointError, match=message):
        golden.meter().load_state_dict(state)


def test_file_of_another_image_size(golden):
    """288 to 576 pixels, say: positions are resized when it is read."""
    state = golden.filled(golden.reference_shapes())
    table = 'image_encoder.model.embeddings.position_embedding.weight'
    given = state['vit_model.visual.positional_embedding']
    model = golden.meter(image=dict(golden.CLIP, image_size=48)).double()
    model.load_state_dict(state)
    own = model.state_dict()
    assert own[table].shape == (37, 128)
    assert torch.equal(own[table], resize_positions(given, 37))
    # Our own file of that size into a smaller model, too.
    smaller = golden.meter().double()
    smaller.load_state_dict(own)
    assert smaller.state_dict()[table].shape == (17, 128)


def test_positions_are_resized_as_in_meter(golden):
    """A.6."""
    table = golden.sines(1, .31, .2, 17, 8)
    larger, smaller = resize_positions(table, 37), resize_positions(table, 10)
    assert larger[:2, :2].flatten().tolist() == pytest.approx(
        [0.1986693308, 0.48817724688, 0.61235416595, 0.21747649553])
    assert larger.sum().item() == pytest.approx(1.6506753044)
    assert larger[-1, :2].tolist() == pytest.approx(
        [1.0949562589, 0.8039104562])
    assert smaller.sum().item() == pytest.approx(4.6803023354)
    assert smaller.square().sum().item() == pytest.approx(11.104227748)
    bias = resize_bias(golden.sines(1, .31, .2, 9, 2), 25)
    assert bias.sum().item() == pytest.approx(2.0815377477)
    assert bias[-1].tolist() == pytest.approx([-0.95851818215, -0.71954461404])


def test_swin_with_its_buffers(golden):
    """Masks and indices of METER's Swin are computed, not read."""
    state = golden.filled(golden.reference_shapes(golden.swin_shapes(), False))
    at = 'vit_model.layers.0.blocks.1.'
    state[f'{at}attn_mask'] = torch.zeros(4, 4, 4)
    state[f'{at}attn.relative_position_index'] = torch.zeros(4, 4).long()
    found = translate(state, golden.meter(image=golden.SWIN))
    assert found.missing == []
    assert sorted(found.unexpected) == sorted([
        f'{at}attn_mask', f'{at}attn.relative_position_index',
        *LEFT_OVERS[:2]])


def test_full_size(golden):
    """Check 3: 327,972,153 with RoBERTa's pooler, which is left out here."""
    with torch.device('meta'):
        cfg = apis.load_config(golden.configs / 'meter_llama_vqav2.py')
        cfg.model.neck = None
        cfg.model.head.answers = None
        cfg.model.pop('data_preprocessor', None)
        model = MODELS.build(cfg.model)
    pooler = 768 * 768 + 768
    assert sum(p.numel() for p in model.parameters()) + pooler == 327_972_153
    sizes = {name: sum(p.numel() for p in part.parameters())
             for name, part in model.named_children()}
    assert sizes['image_encoder'] == 80_368_128
    assert sizes['text_encoder'] + pooler == 124_645_632
    assert sizes['head'] == 7_173_177
