"""What it costs to read one layer of a language model, beside all of it.

    python tools/analysis_tools/benchmark_reading.py

Writes a checkpoint of LLaMA-7B's width with 8 layers (fp16, 3.2 GB, removed
afterwards) and reads it in processes of their own, in turn: layer 7 by
``read_blocks``, out of the checkpoint and out of a block file; and the whole
by safetensors, once with every tensor copied into memory, as loading a model
does, and once only mapped, with every byte looked at. Printed are time and
resident memory of each, the memory of one layer in units of its bytes, and
its time in units of the whole. (A block file takes longer than its bytes
suggest: its digest is checked at every reading.) Then two processes hold the
layer at once, which shows whether they share its pages. Linux alone
(``/proc``); the files are in the page cache, or the disk would be measured.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from statistics import median

import torch
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import digest, read_blocks
from lm4ve_mm.llm.weights.extract import extract_blocks

INDEX = 'model.safetensors.index.json'
LAYERS_A_FILE = 2
ONE_LAYER, FILE = 'one layer', 'its block file'
COPIED, TOUCHED = 'whole, copied', 'whole, mapped'
BLOCK = 'block/layer.safetensors'


def layer_shapes(width: int, hidden: int) -> dict[str, tuple]:
    """The tensors of a LLaMA layer, in Hugging Face's names."""
    shapes = {f'self_attn.{n}_proj': (width, width) for n in 'qkvo'}
    shapes.update({f'mlp.{n}_proj': (hidden, width) for n in ('gate', 'up')})
    shapes['mlp.down_proj'] = (width, hidden)
    for name in ('input_layernorm', 'post_attention_layernorm'):
        shapes[name] = (width, )
    return shapes


def write_checkpoint(folder: Path, width: int, layers: int) -> int:
    """Write the checkpoint file by file; returns the bytes of one layer."""
    hidden = 256 * -(-8 * width // 3 // 256)
    config = dict(
        model_type='llama', hidden_size=width, intermediate_size=hidden,
        num_attention_heads=width // 128, num_hidden_layers=layers,
        rms_norm_eps=1e-6, hidden_act='silu')
    (folder / 'config.json').write_text(json.dumps(config))
    shapes = layer_shapes(width, hidden)
    size = 2 * sum(torch.Size(shape).numel() for shape in shapes.values())
    free = shutil.disk_usage(folder).free
    print(f'writing {layers} layers of {size / 1e6:,.1f} MB, '
          f'{layers * size / 1e9:.2f} GB, into {folder} ...', flush=True)
    if free < 1.1 * (layers + 1) * size:
        raise SystemExit(f'{folder} has {free / 1e9:.2f} GB left, which is '
                         'too little: give another folder with --folder')
    # The same values in every layer: how many there are is what costs.
    drawn = {name: torch.randn(shape).mul_(0.02).half()
             for name, shape in shapes.items()}
    weight_map = {}
    for first in range(0, layers, LAYERS_A_FILE):
        file = f'model-{first:05}.safetensors'
        tensors = {
            f'model.layers.{i}.{name}.weight': tensor.clone()
            for i in range(first, min(first + LAYERS_A_FILE, layers))
            for name, tensor in drawn.items()
        }
        if first == 0:
            tensors['model.norm.weight'] = torch.ones(width).half()
        save_file(tensors, folder / file)
        weight_map.update(dict.fromkeys(tensors, file))
    (folder / INDEX).write_text(json.dumps(dict(weight_map=weight_map)))
    extract_blocks(str(folder), folder / BLOCK, (layers - 1, ))
    return size


def resident(key: str) -> int:
    """Bytes by a key of this process's status, such as ``VmRSS``."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{key}:'):
            return 1024 * int(line.split()[1])
    raise SystemExit(f'/proc/self/status has no {key}: this needs Linux')


def mapped(folder: Path) -> dict[str, int]:
    """Bytes of this process's mappings of files in ``folder``, by kind."""
    found = dict(Rss=0, Pss=0, Shared=0, Private=0)
    # Clean or dirty tells only whether the disk has the file already.
    kinds = {f'{kind}_{state}': kind for kind in ('Shared', 'Private')
             for state in ('Clean', 'Dirty')}
    inside = False
    for line in Path('/proc/self/smaps').read_text().splitlines():
        key, _, value = line.partition(':')
        if ' ' in key:  # the first line of a mapping: addresses ... path
            inside = line.endswith('.safetensors') and str(folder) in line
        elif inside and kinds.get(key, key) in found:
            found[kinds.get(key, key)] += 1024 * int(value.split()[0])
    return found


def read(kind: str, folder: Path, layers: int) -> object:
    """Read as ``kind`` says; the result is to be kept alive."""
    if kind == ONE_LAYER:
        return read_blocks(str(folder), (layers - 1, ))
    if kind == FILE:
        return read_blocks(str(folder / BLOCK), (layers - 1, ))
    held = [load_file(file) for file in sorted(folder.glob('*.safetensors'))]
    if kind == COPIED:
        return [{n: t.clone() for n, t in part.items()} for part in held]
    for part in held:
        for tensor in part.values():
            tensor.aminmax()
    return held


def child(kind: str, folder: Path, layers: int, hold: bool) -> None:
    """Measure one way of reading in this process; prints JSON."""
    # Code is loaded beforehand: its pages are not the layer's.
    digest([{'warm': torch.zeros(2).half().aminmax().max.clone()}])
    Path('/proc/self/clear_refs').write_text('5')  # the peak starts anew
    before = resident('VmRSS')
    wall, cpu = time.perf_counter(), time.process_time()
    held = read(kind, folder, layers)
    found = dict(
        wall=time.perf_counter() - wall,
        cpu=time.process_time() - cpu,
        after=resident('VmRSS') - before,
        peak=resident('VmHWM') - before)
    print(json.dumps(found), flush=True)
    if hold:  # until the other process has read too
        sys.stdin.readline()
        print(json.dumps(mapped(folder)), flush=True)
        sys.stdin.readline()
    del held


def start(kind: str, folder: Path, layers: int,
          *more: str) -> subprocess.Popen:
    """A process that reads as ``kind`` says."""
    return subprocess.Popen(
        [sys.executable, __file__, '--child', kind, '--folder',
         str(folder), '--layers', str(layers), *more],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def measure(folder: Path, layers: int, runs: int) -> dict[str, dict]:
    """Medians over ``runs`` processes of each kind, taken in turn."""
    kinds: dict[str, list[dict]] = {
        kind: [] for kind in (ONE_LAYER, FILE, COPIED, TOUCHED)}
    for _ in range(runs):
        for kind, results in kinds.items():
            out, _ = start(kind, folder, layers).communicate()
            results.append(json.loads(out))
    return {
        kind: {key: median(r[key] for r in results) for key in results[0]}
        for kind, results in kinds.items()
    }


def sharing(folder: Path, layers: int) -> list[dict[str, int]]:
    """Two processes hold the layer at once; their mappings of its file."""
    pair = [start(ONE_LAYER, folder, layers, '--hold') for _ in range(2)]
    for process in pair:
        process.stdout.readline()
    found = []
    for process in pair:
        process.stdin.write('\n')
        process.stdin.flush()
        found.append(json.loads(process.stdout.readline()))
    for process in pair:
        process.communicate('\n')
    return found


def report(size: int, found: dict[str, dict]) -> None:
    """Print the table and the ratios."""
    print(f'{"":16}{"wall":>9}{"CPU":>9}{"kept":>12}{"peak":>12}')
    for kind, row in found.items():
        print(f'{kind:16}{row["wall"]:7.3f} s{row["cpu"]:7.3f} s'
              f'{row["after"] / 1e6:9.1f} MB{row["peak"] / 1e6:9.1f} MB')
    for kind in (ONE_LAYER, FILE):
        added = max(found[kind]['after'], found[kind]['peak'])
        print(f'{kind}, memory added: {added / size:.2f} x the layer')
    for whole, key in ((COPIED, 'wall'), (COPIED, 'cpu'), (TOUCHED, 'cpu')):
        ratio = found[ONE_LAYER][key] / found[whole][key]
        print(f'{ONE_LAYER}, {key} time: {ratio:.3f} of {whole}')


def main() -> None:
    """Measure as the command line says."""
    parser = ArgumentParser(description='Cost of reading one layer')
    parser.add_argument('--width', type=int, default=4096)
    parser.add_argument('--layers', type=int, default=8)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument(
        '--folder', type=Path, default=None,
        help="where to make a temporary folder (default: the system's)")
    parser.add_argument('--child', help='for its own processes')
    parser.add_argument('--hold', action='store_true', help='likewise')
    args = parser.parse_args()
    if args.child:
        return child(args.child, args.folder, args.layers, args.hold)
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        size = write_checkpoint(folder, args.width, args.layers)
        report(size, measure(folder, args.layers, args.runs))
        for index, held in enumerate(sharing(folder, args.layers)):
            values = ', '.join(f'{key} {value / 1e6:.1f}'
                               for key, value in held.items())
            print(f'process {index} of two, its mapping in MB: {values}')


if __name__ == '__main__':
    main()
