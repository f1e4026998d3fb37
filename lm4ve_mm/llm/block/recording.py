"""Tells eager execution from graphs and function transforms."""

import torch
from torch.autograd import forward_ad


def is_recording() -> bool:
    """Whether operations are recorded or transformed, not just run.

    True while a graph is compiled, exported or traced, within a transform of
    ``torch.func`` (``vmap``, ``grad``, ``jvp``) and under forward-mode
    differentiation. Operators that know nothing of these must not be called
    then, and nothing that is computed may be kept for later.
    """
    return (torch.compiler.is_compiling() or torch.jit.is_tracing()
            or torch._C._functorch.peek_interpreter_stack() is not None
            or forward_ad._current_level >= 0)
