"""Print the model zoo, as a page of the docs, from the metafiles.

    python tools/misc/list_models.py > docs/model_zoo.md

Every number is that of a ``metafile.yml``, whose agreement with the configs
is tested.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SOURCES = ('paper', 'measured here')
# What the name of a config with something in the block's place contains.
LAYERS = {'llama', 'minilm', 'mlp', 'opt', 'gpt2', 'qwen2'}

HEAD = """# Model zoo

<!-- Made by tools/misc/list_models.py; edit the metafiles instead. -->

All configs that a training starts from. *Paper* are figures of
[arXiv 2310.12973](https://arxiv.org/abs/2310.12973) or, for a host alone, of
its own paper; *measured here* are ours, the mean over the seeds, on two cores
of an x86-64 CPU. "over host" is the difference of the first metric to the same
host without the block, from the same source; of distances and misses, less is
better. Frozen parameters are those of the block, and of a host that is frozen
too. There are no weights to download.

`mmpretrain.get_model(NAME)` builds the image classifiers by these names, once
`lm4ve_mm.plugin` is imported.
"""


def models() -> Iterator[tuple[dict, list[dict]]]:
    """The collections, each with its models."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    for path in index['Import']:
        content = yaml.safe_load((ROOT / path).read_text())
        for collection in content['Collections']:
            yield collection, [
                model for model in content['Models']
                if model['In Collection'] == collection['Name']]


def host_of(model: dict, others: list[dict]) -> dict | None:
    """The model that differs from this one in the layer alone."""
    words = set(model['Name'].split('_'))
    if not LAYERS & words:
        return None
    hosts = [other for other in others
             if set(other['Name'].split('_')) < words
             and not LAYERS & set(other['Name'].split('_'))
             and dataset_of(other) == dataset_of(model)]
    return max(hosts, key=lambda host: len(host['Name']), default=None)


def dataset_of(model: dict) -> str:
    """What its results are about."""
    return model['Results'][0]['Dataset']


def metrics_of(model: dict, source: str) -> dict[str, float]:
    """Figures by metric, from one source."""
    if model['Metadata']['Source of Results'] != source:
        return {}
    return model['Results'][0]['Metrics']


def row(model: dict, others: list[dict], metrics: list[str]) -> list[str]:
    """One line of a table: one model."""
    facts = model['Metadata']
    trained = facts['Trainable Parameters']
    cells = [f"[`{model['Name']}`](../{model['Config']})", millions(trained),
             millions(facts['Parameters'] - trained)]
    host = host_of(model, others)
    for source in SOURCES:
        own = metrics_of(model, source)
        cells.append(' / '.join(f'{own[name]:g}' for name in metrics
                                if name in own))
    first = metrics[0] if metrics else None
    own, base = (metrics_of(one, facts['Source of Results']) if one else {}
                 for one in (model, host))
    cells.append(f'{own[first] - base[first]:+.2f}'
                 if first in own and first in base else '')
    seeds = facts.get('Seeds', [])
    cells.append(', '.join(map(str, seeds)))
    return cells


def millions(count: int) -> str:
    """A number of parameters."""
    return f'{count / 1e6:.1f} M' if count >= 50_000 else f'{count:,}'


def table(models: list[dict], others: list[dict]) -> Iterator[str]:
    """The models of one data set."""
    metrics = next((list(model['Results'][0]['Metrics']) for model in models
                    if model['Results'][0]['Metrics']), [])
    header = ['config', 'trained', 'frozen', *SOURCES, 'over host', 'seeds']
    rows = [row(model, others, metrics) for model in models]
    # Columns that nothing stands in are left out.
    kept = [i for i in range(len(header))
            if i < 3 or any(cells[i] for cells in rows)]
    if metrics:
        yield f"Metric: {' / '.join(metrics)}.\n"
    else:
        yield 'Without a published number, and not trained here.\n'
    for cells in (header, ['---'] * len(header), *rows):
        yield f"| {' | '.join(cells[i] for i in kept)} |"
    yield ''


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for collection, entries in models():
        yield f"## {collection['Name']}\n"
        datasets = dict.fromkeys(map(dataset_of, entries))
        for dataset in datasets:
            if len(datasets) > 1:
                yield f'### {dataset}\n'
            yield from table([model for model in entries
                              if dataset_of(model) == dataset], entries)


if __name__ == '__main__':
    print('\n'.join(page()).rstrip())
