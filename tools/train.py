"""Train a model: ``python tools/train.py CONFIG``."""

try:
    from lm4ve_mm import apis
except ModuleNotFoundError as error:
    if error.name not in ('lm4ve_mm', 'mmengine'):
        raise
    raise SystemExit(
        f'{error.name} is not installed. In the checkout: '
        "pip install -e '.[all]' -c requirements/constraints.txt") from error


def main() -> None:
    """Train as the command line says."""
    cfg, _ = apis.parse_or_exit(apis.training_parser(),
                                apis.configure_training)
    apis.train_or_exit(apis.build_or_exit(cfg))


if __name__ == '__main__':
    main()
