"""The place in a backbone where the layer is inserted."""

import difflib

from torch import nn

POSITIONS = ('head', 'middle', 'tail')


def find_module(root: nn.Module, name: str) -> nn.Module:
    """The sub-module of that name.

    Raises:
        ValueError: If there is none; names that come close are listed.
    """
    modules = dict(root.named_modules())
    if name and name in modules:
        return modules[name]
    close = difflib.get_close_matches(name, modules, n=5, cutoff=0.3)
    children = [child for child, _ in root.named_children()]
    raise ValueError(
        f'{type(root).__name__} has no module {name!r}; similar: '
        f'{", ".join(close) or "none"}; at the top: {", ".join(children)}')


def _runs(module: nn.Module) -> bool:
    """Whether a module has a forward: lists and dicts of modules do not."""
    return type(module).forward is not nn.Module.forward


def _require_running(root: nn.Module, name: str) -> nn.Module:
    """A module whose forward a backbone can call.

    Raises:
        ValueError: If it has none; names what to give instead.
    """
    module = find_module(root, name)
    if _runs(module):
        return module
    inside = [f'{name}.{child}' for child, _ in module.named_children()]
    last = inside[-1] if inside else 'a module that has a forward'
    known = {held: path for path, held in root.named_modules()}
    running = [known[part] for part in module.modules() if _runs(part)]
    if last not in running and running:
        last = running[0]
    whole = (f", or blocks={name!r} with position='tail'"
             if isinstance(module, nn.ModuleList) and inside else '')
    raise ValueError(
        f'{name!r} is a {type(module).__name__}, which holds modules and is '
        'never called itself: a layer after it would never run. Name one of '
        f'them, such as insert_after={last!r}{whole}')


def find_place(root: nn.Module, insert_after: str | None, blocks: str | None,
               position: str) -> tuple[nn.Module, bool]:
    """The module to hook, and whether to hook in front of it.

    Args:
        root: The backbone.
        insert_after: Name of a module, or None.
        blocks: Name of a list of blocks, or None. Without any name it is
            the backbone itself.
        position: Where in that list, see :data:`POSITIONS`.

    Raises:
        ValueError: If there is no such place, or nothing there ever runs.
    """
    if insert_after is not None:
        return _require_running(root, insert_after), False
    if blocks is None:
        return root, False
    if position not in POSITIONS:
        raise ValueError(f'position={position!r} is unknown; known: '
                         f'{", ".join(POSITIONS)}')
    found = find_module(root, blocks)
    if not isinstance(found, (nn.ModuleList, nn.Sequential)) or not found:
        raise ValueError(
            f'blocks={blocks!r} is a {type(found).__name__}, not a list '
            'of blocks; name the ModuleList, or use insert_after')
    index = dict(head=0, middle=len(found) // 2 - 1, tail=len(found) - 1)
    if index[position] < 0:
        raise ValueError(f'blocks={blocks!r} is one block: it has no middle')
    name, _ = list(found.named_children())[index[position]]
    return (_require_running(root, f'{blocks}.{name}'), position == 'head')
