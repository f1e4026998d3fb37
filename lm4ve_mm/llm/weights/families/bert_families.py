"""Encoders after BERT: the norm comes after each part."""

from dataclasses import replace

from ...block.geometry import BlockGeometry
from .base import Config, Family, read_activation


def bert_geometry(config: Config) -> BlockGeometry:
    """Geometry from a BERT ``config.json``."""
    return BlockGeometry(
        width=config['hidden_size'],
        num_heads=config['num_attention_heads'],
        ffn_dim=config['intermediate_size'],
        norm='layer',
        norm_eps=config['layer_norm_eps'],
        placement='post',
        activation=read_activation(config),
        gated=False,
        qkv_bias=True,
        out_bias=True,
        ffn_bias=True,
        final_norm=False)


BERT = Family(
    name='bert',
    config_file='config.json',
    model_types=('bert', ),
    num_layers_key='num_hidden_layers',
    geometry=bert_geometry,
    prefixes=('encoder.layer.{i}.', 'bert.encoder.layer.{i}.'),
    modules={
        'attn.q': 'attention.self.query',
        'attn.k': 'attention.self.key',
        'attn.v': 'attention.self.value',
        'attn.out': 'attention.output.dense',
        'attn_norm': 'attention.output.LayerNorm',
        'ffn.up': 'intermediate.dense',
        'ffn.down': 'output.dense',
        'ffn_norm': 'output.LayerNorm',
    },
    # Files converted from TensorFlow keep its names in the norms.
    defaults=dict(hidden_act='gelu', layer_norm_eps=1e-12),
    parameters=dict(weight=('weight', 'gamma'), bias=('bias', 'beta')),
    note='and sentence encoders on it; no final norm')

ROBERTA = replace(
    BERT,
    name='roberta',
    model_types=('roberta', 'xlm-roberta', 'camembert'),
    prefixes=('encoder.layer.{i}.', 'roberta.encoder.layer.{i}.'),
    note='no final norm')

ELECTRA = replace(
    BERT,
    name='electra',
    model_types=('electra', ),
    prefixes=('encoder.layer.{i}.', 'electra.encoder.layer.{i}.'),
    note='discriminators; no final norm')


def distilbert_geometry(config: Config) -> BlockGeometry:
    """Geometry of DistilBERT."""
    return bert_geometry(
        dict(config, hidden_act=config['activation'], layer_norm_eps=1e-12))


DISTILBERT = replace(
    BERT,
    name='distilbert',
    model_types=('distilbert', ),
    geometry=distilbert_geometry,
    prefixes=('transformer.layer.{i}.', 'distilbert.transformer.layer.{i}.'),
    modules={
        'attn.q': 'attention.q_lin',
        'attn.k': 'attention.k_lin',
        'attn.v': 'attention.v_lin',
        'attn.out': 'attention.out_lin',
        'attn_norm': 'sa_layer_norm',
        'ffn.up': 'ffn.lin1',
        'ffn.down': 'ffn.lin2',
        'ffn_norm': 'output_layer_norm',
    },
    defaults=dict(activation='gelu'),
    renames=dict(
        dim='hidden_size', n_heads='num_attention_heads',
        n_layers='num_hidden_layers', hidden_dim='intermediate_size'),
    note='no final norm')
