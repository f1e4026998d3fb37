"""Repairs of upstream breakages, one small function per breakage.

Every function is idempotent, acts only where the breakage is present, and
says which versions were seen broken and when it can go. Nothing is repaired
on import: call :func:`apply`, as :mod:`lm4ve_mm.plugin` and the tools do.

The tools call it before they read a config, since ``_base_`` is resolved
before ``custom_imports`` can run anything.
"""

from .checkpoints import allow_mmengine_history, load_urls_safely
from .distributed import init_cpu_group, prepare_distributed
from .mmaction2 import (accept_newer_mmcv, leave_out_multimodal,
                        repair_video_hue, supply_drn)
from .numpy2 import repair_adjust_hue, restore_numpy_names
from .packages import know_this_package, replace_pkg_resources
from .starts import load_files_last, load_whole_hosts

__all__ = ['apply', 'prepare_distributed']

REPAIRS = (
    restore_numpy_names,
    repair_adjust_hue,
    allow_mmengine_history,
    load_urls_safely,
    replace_pkg_resources,
    know_this_package,
    init_cpu_group,
    accept_newer_mmcv,
    supply_drn,
    leave_out_multimodal,
    repair_video_hue,
    load_files_last,
    load_whole_hosts,
)


def apply() -> None:
    """Apply every repair that this environment needs."""
    for repair in REPAIRS:
        repair()
