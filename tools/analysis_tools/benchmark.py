"""What the layer costs beside its host: ratios, measured in one run.

    make bench                              # all cases: an hour on 2 cores
    python tools/analysis_tools/benchmark.py --cases points --runs 5

For each case it measures, in turn: the host alone; with the layer on each of
its paths (`auto` is the default); and with the block in its plain published
form: every token, every projection, explicit softmax. The block is random, of
LLaMA-7B geometry. On a CPU the CPU time of the process counts, on a GPU its
events. Prints ratios with their spread, multiply-accumulates (torch's fused
encoder, the host of the cases without images, is not counted in inference)
and, where the case says so, peak memory; writes a table (JSON) and a bar plot.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import torch
from mmengine.registry import init_default_scope
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import lm4ve_mm.plugin  # noqa: F401  (fills the registries)
from lm4ve_mm.analysis.benchmark.cases import (
    CASES,
    HOST,
    PLAIN,
    Case,
    build_models,
    make_inputs,
    make_layer,
)
from lm4ve_mm.analysis.benchmark.timing import (
    interleave,
    peak_memory,
    per_round,
    ratios,
)
from lm4ve_mm.llm import FrozenLLMLayer

KINDS = ('training step', 'inference')


def steps_of(model: nn.Module, inputs: torch.Tensor,
             args: Namespace) -> dict[str, object]:
    """A training step and an inference of ``model``."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    run = torch.compile(model) if args.compile else model
    device = inputs.device.type

    def forward() -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=args.bf16):
            return run(inputs)

    def train() -> None:
        optimiser.zero_grad()
        model.train()
        forward().float().square().mean().backward()
        optimiser.step()

    def infer() -> None:
        if model.training:
            model.eval()
        with torch.no_grad():
            forward()

    return dict(zip(KINDS, (train, infer), strict=True))


def count_macs(step) -> float:
    """G multiply-accumulates of a step, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 2e9


@dataclass
class Row:
    """One line of the table."""

    case: str
    kind: str
    variant: str
    seconds: float
    gmacs: float
    to_host: tuple[float, float, float]
    to_plain_form: float
    layer_to_plain_form: float | None


def measure_case(case: Case, layer: FrozenLLMLayer,
                 args: Namespace) -> Iterator[Row]:
    """Measure all variants in turn, training first."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    inputs = make_inputs(case, device)
    steps = {
        name: steps_of(model, inputs, args)
        for name, model in build_models(
            case, layer, device, case.variants).items()
    }
    for kind in KINDS:
        own = {name: of[kind] for name, of in steps.items()}
        if kind == 'inference':  # products of weights that are kept
            for step in own.values():
                step()
        # Counting runs each step once, which is its warm-up.
        gmacs = {name: count_macs(step) for name, step in own.items()}
        times = interleave(own, args.runs, warm_up=int(args.compile),
                           often=(HOST, 'auto'), times_often=args.often)
        host, plain = ratios(times, HOST), ratios(times, PLAIN)
        rounds = {name: per_round(each, args.runs)
                  for name, each in times.items()}
        for name in case.variants:
            added = None
            if name != HOST:
                added = median(
                    (mine - bare) / (full - bare) for mine, bare, full in zip(
                        rounds[name], rounds[HOST], rounds[PLAIN],
                        strict=True))
            yield Row(case.name, kind, name, median(times[name]),
                      gmacs[name], host[name], plain[name][0], added)


def show(row: Row) -> None:
    """Print one line."""
    middle, least, most = row.to_host
    added = ''
    if row.layer_to_plain_form is not None:
        added = f'{row.layer_to_plain_form:6.2f} x'
    print(f'{row.case:14}{row.kind:15}{row.variant:13}{row.seconds:8.3f} s '
          f'{row.gmacs:8.0f} {middle:7.2f} x ({least:.2f}..{most:.2f})'
          f'{row.to_plain_form:8.2f} x {added:>10}', flush=True)


def memory_of(case: Case, variant: str, args: Namespace) -> int:
    """Peak bytes of two training steps, in a process of its own."""
    if torch.cuda.is_available():
        return measure_memory(case, variant, args)
    command = [sys.executable, __file__, '--memory-of', case.name, variant,
               '--batch', str(case.batch)]
    for switch in ('bf16', 'tf32', 'compile'):
        command += [f'--{switch}'] * getattr(args, switch)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1])


def measure_memory(case: Case, variant: str, args: Namespace) -> int:
    """Peak bytes of the second of two training steps."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    layer = None if variant == HOST else make_layer(case)
    model = build_models(case, layer, device, [variant])[variant]
    train = steps_of(model, make_inputs(case, device), args)[KINDS[0]]
    train()
    return peak_memory(train)


def show_memory(case: Case, args: Namespace) -> dict[str, int]:
    """Measure and print peak memory of a training step."""
    found = {name: memory_of(case, name, args)
             for name in (HOST, 'auto', PLAIN)}
    for name, size in found.items():
        print(f'{case.name:14}{"peak memory":15}{name:13}{size / 2**30:8.2f} '
              f'GB {(size - found[HOST]) / 2**30:+8.2f} GB', flush=True)
    share = (found['auto'] - found[HOST]) / (found[PLAIN] - found[HOST])
    print(f'{case.name:14}memory added, to that of the plain form: '
          f'{share:.2f} x')
    return found


def draw(rows: list[Row], out: Path) -> None:
    """A bar per variant of each case, in units of the host alone."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(13, 6))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, kind in zip(axes, KINDS, strict=True):
        own = [row for row in rows if row.kind == kind]
        labels = [f'{row.case}  {row.variant}' for row in own]
        values = [row.to_host[0] for row in own]
        spread = [[row.to_host[0] - row.to_host[1] for row in own],
                  [row.to_host[2] - row.to_host[0] for row in own]]
        colours = {HOST: 'tab:gray', PLAIN: 'tab:red', 'auto': 'tab:green'}
        axis.barh(labels, values, xerr=spread, capsize=2,
                  color=[colours.get(row.variant, 'tab:blue') for row in own])
        axis.axvline(1, color='black', linewidth=0.8)
        axis.set(title=kind, xlabel='time in units of the host alone')
        axis.tick_params(axis='y', labelsize=7)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(out, dpi=120)


def parse_args() -> Namespace:
    """The command line."""
    parser = ArgumentParser(description='Cost of the layer beside its host')
    parser.add_argument('--cases', default='', help='part of their names')
    parser.add_argument('--runs', type=int, default=2, help='rounds')
    parser.add_argument('--often', type=int, default=3,
                        help='measurements of host and auto in each round')
    parser.add_argument('--batch', type=int, help="instead of the cases' own")
    parser.add_argument('--bf16', action='store_true', help='autocast')
    parser.add_argument('--tf32', action='store_true', help='on a GPU')
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--no-memory', action='store_true')
    parser.add_argument('--out', type=Path,
                        default=Path('work_dirs/benchmark'))
    parser.add_argument('--memory-of', nargs=2, metavar=('CASE', 'VARIANT'),
                        help='print peak bytes of one variant')
    return parser.parse_args()


def main() -> None:
    """Measure as the command line says."""
    args = parse_args()
    init_default_scope('mmpretrain')
    torch.backends.cuda.matmul.allow_tf32 = args.tf32
    if args.memory_of:
        name, variant = args.memory_of
        case = next(case for case in CASES if case.name == name)
        case = replace(case, batch=args.batch or case.batch)
        print(measure_memory(case, variant, args))
        return
    cases = [case for case in CASES if args.cases in case.name]
    if not cases:
        raise SystemExit(f'no case has {args.cases!r} in its name; there are '
                         f'{", ".join(case.name for case in CASES)}')
    if args.batch:
        cases = [replace(case, batch=args.batch) for case in cases]
    print(f'{"case":14}{"":15}{"variant":13}{"median":>10} {"G MACs":>8} '
          f'{"to the host alone":>22}{"plain form":>10}{"layer only":>11}')
    rows, memory, layers = [], {}, {}
    for case in cases:
        if case.size not in layers:
            layers = {case.size: make_layer(case)}  # one block at a time
        for row in measure_case(case, layers[case.size], args):
            show(row)
            rows.append(row)
        if case.memory and not args.no_memory:
            memory[case.name] = show_memory(case, args)
    args.out.mkdir(parents=True, exist_ok=True)
    table = dict(rows=[asdict(row) for row in rows], memory=memory,
                 torch=torch.__version__, threads=torch.get_num_threads())
    (args.out / 'benchmark.json').write_text(json.dumps(table, indent=1))
    draw(rows, args.out / 'benchmark.png')
    print(f'wrote {args.out}/benchmark.json and .png')


if __name__ == '__main__':
    main()
