"""What scripts and notebooks call."""

from lm4ve_mm.utils.explain import explained

from .arguments import add_config_options, testing_parser, training_parser
from .configure import (
    configure_testing,
    configure_training,
    settle_images,
)
from .inference import build_model, load_model, read_image
from .launch import (
    build_or_exit,
    build_runner,
    load_config,
    parse_or_exit,
    test_or_exit,
    train_or_exit,
)
from .sample_results import results_file
from .strict_loading import load_strictly

__all__ = [
    'add_config_options', 'build_model', 'build_or_exit', 'build_runner',
    'configure_testing', 'configure_training', 'explained', 'load_config',
    'load_model', 'load_strictly', 'parse_or_exit', 'read_image',
    'results_file', 'settle_images', 'test_or_exit', 'testing_parser',
    'train_or_exit', 'training_parser'
]
