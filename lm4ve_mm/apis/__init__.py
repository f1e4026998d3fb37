"""What scripts and notebooks call."""

from .arguments import add_config_options, testing_parser, training_parser
from .inference import build_model, load_model
from .launch import (build_or_exit, build_runner, configure_testing,
                     configure_training, load_config, parse_or_exit,
                     train_or_exit)
from .strict_loading import load_strictly

__all__ = [
    'add_config_options', 'build_model', 'build_or_exit', 'build_runner',
    'configure_testing', 'configure_training', 'load_config',
    'load_model', 'load_strictly', 'parse_or_exit', 'testing_parser',
    'train_or_exit', 'training_parser'
]
