"""Quantised checkpoints, recognised before their weights are read.

A block is held as it was trained, in floating-point numbers. Packed integers
and scaled 8-bit floats have shapes that may well fit, and are another
function without the scales that belong to them.
"""

import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError

# Types in which weights are read: name in safetensors -> torch's.
FLOATS: dict[str, torch.dtype] = dict(
    F64=torch.float64, F32=torch.float32, F16=torch.float16,
    BF16=torch.bfloat16)
# Keys under which a method describes itself, in a configuration or a nested
# one, and those that have this meaning at the top level alone.
_KEYS = ('quantization_config', 'compression_config')
_TOP_KEYS = (*_KEYS, 'quantization', 'quantization_args', 'quantize_config',
             'quant_config')
# Files that lie beside the weights of such a checkpoint -> what wrote them.
_FILES = {
    r'quantize_config\.json': 'GPTQ or AWQ',
    r'quant_config\.json': 'AWQ',
    r'hf_quant_config\.json': 'modelopt',
    r'quant_state_dict\.json': 'TorchAO or HQQ',
    r'fp8_scales_\d+\.(pt|json)': 'fp8, scales in files of their own',
}
# Ends of names that only tensors of such a checkpoint have.
_NAMES = re.compile(
    r'(\.(qweight|qzeros|g_idx|qscales|scales|biases|absmax|quant_map|'
    r'nested_absmax|nested_quant_map|quant_state\.[\w.]+|SCB|weight_format|'
    r'weight_packed|weight_shape|weight_zero_point|weight_qtype|w_bit|[bB]_q|'
    r'codes|codebooks|centroids|weight\._data|weight_qdata|weight_scales|'
    r'\w*_blocks|\w*_scales)|weight\.(scale|scales|zero_point)|'
    r'[._](weight|input|output|activation|[qkv]|kv)_scale|_scale_inv)$')

_WAY_OUT = ('Take the unquantised checkpoint that it was made from (its '
            'model page names it as base model), or dequantise it, save it '
            'in 16 bits and give that folder')


def _refuse(where: object, what: str) -> CheckpointError:
    return CheckpointError(f'{where} is quantised ({what}), and a block is '
                           f'read unquantised alone. {_WAY_OUT}')


def _method(value: Any) -> str:
    """The name of a method, or the first keys of its description."""
    if not isinstance(value, dict):
        return str(value)[:80]
    method = value.get('quant_method') or value.get('quant_type')
    bits = [key for key in ('load_in_4bit', 'load_in_8bit') if value.get(key)]
    if method is None and bits:
        method = 'bitsandbytes'
    if method is None:
        return ', '.join(f'{k}={v!r}' for k, v in list(value.items())[:3])
    return ', '.join([str(method), *bits])


def _described(config: Any, keys: Iterable[str] = _TOP_KEYS,
               deep: int = 3) -> str | None:
    """The quantisation that a (nested) configuration declares, if any."""
    if not isinstance(config, dict) or not deep:
        return None
    for key in keys:
        if config.get(key):
            return f'{key}: {_method(config[key])}'
    nested = (_described(value, _KEYS, deep - 1) for value in config.values())
    return next(filter(None, nested), None)


def refuse_quantised(config: dict, files: Iterable[str],
                     where: object) -> None:
    """Refuse a checkpoint whose configuration or files say it.

    Args:
        config: Content of its configuration file.
        files: Names of its files.
        where: What the error message calls it.

    Raises:
        CheckpointError: With the method and the way out.
    """
    found = _described(config)
    if found:
        raise _refuse(where, found)
    for file in sorted(files):
        for pattern, method in _FILES.items():
            if re.fullmatch(pattern, file):
                raise _refuse(where, f'{method}: it holds {file}')


def refuse_quantised_names(names: Iterable[str], where: object) -> None:
    """Refuse a layer some of whose tensors belong to a quantisation.

    Raises:
        CheckpointError: With some of the names and the way out.
    """
    found = sorted(name for name in names if _NAMES.search(name))
    if found:
        raise _refuse(where, f'it has {", ".join(found[:3])}')


def refuse_dtype(name: str, dtype: str, where: object) -> None:
    """Refuse a tensor that is not stored as floating-point numbers.

    Args:
        name: Of the tensor.
        dtype: As safetensors calls it.
        where: What the error message calls the source.

    Raises:
        CheckpointError: With the type and the way out.
    """
    if dtype not in FLOATS:
        raise _refuse(where, f'{name} is stored as {dtype}, not as one of '
                      f'{", ".join(FLOATS)}')


def check_weight(tensor: object, name: str) -> Tensor:
    """The tensor, if its values can be weights of a block.

    Raises:
        CheckpointError: If it is something else, quantised, or has no
            values in memory.
    """
    if not isinstance(tensor, Tensor):
        raise CheckpointError(
            f'{name} is no tensor but {type(tensor).__name__}: the file is '
            'not a state dict of a language model')
    if tensor.layout != torch.strided or tensor.device.type != 'cpu':
        raise CheckpointError(
            f'{name} is a {tensor.layout} tensor on {tensor.device}, which '
            'has no plain values to read: save the state dict of a model '
            'that lies on the CPU, with dense tensors')
    if tensor.dtype not in FLOATS.values():
        raise _refuse(name, f'stored as {tensor.dtype}')
    return tensor.detach()
