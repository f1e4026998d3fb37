"""Test a model: ``python tools/test.py CONFIG CHECKPOINT``."""

try:
    from lm4ve_mm import apis
except ModuleNotFoundError as error:
    if error.name not in ('lm4ve_mm', 'mmengine'):
        raise
    raise SystemExit(
        f'{error.name} is not installed. In the checkout: '
        "pip install -e '.[all]' -c requirements/constraints.txt") from error

from mmengine.evaluator import DumpResults
from mmengine.fileio import dump


def main() -> None:
    """Test as the command line says."""
    cfg, args = apis.parse_or_exit(apis.testing_parser(),
                                   apis.configure_testing)
    runner = apis.load_strictly(apis.build_or_exit(cfg))
    if args.out and args.out_item != 'metrics':
        runner.test_evaluator.metrics.append(
            DumpResults(out_file_path=args.out))
    if args.results:
        runner.test_evaluator.metrics.append(apis.results_file(cfg, args))
    metrics = apis.test_or_exit(runner)
    if args.out and args.out_item == 'metrics' and runner.rank == 0:
        dump(metrics, args.out)


if __name__ == '__main__':
    main()
