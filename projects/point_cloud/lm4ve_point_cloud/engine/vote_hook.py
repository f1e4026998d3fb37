"""Votes during training, when the model has become good."""

from pathlib import Path

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook

from lm4ve_mm.engine.atomic_backend import NAME as ATOMIC
from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import HOOKS, MODELS

HUB_KEY = 'vote_hook'
SCALAR = 'val/accuracy/vote'
FILE = 'best_vote.pth'


@HOOKS.register_module()
class VoteHook(Hook):
    """Votes after a validation that was good enough, and keeps the best.

    As in Point-BERT's training: one run of ten votes over the test set if
    the plain accuracy is above ``above``, or is the best so far and above
    ``best_above``. With its thresholds only ModelNet40 gets there; votes cost
    as much as eleven validations, the plain prediction being made again. The
    result is logged as ``accuracy/vote`` of that epoch, and the model with
    the best one is saved as ``best_vote.pth``, which a resumed run keeps
    until a vote is better.

    The config needs a ``tta_pipeline``, which gives the points that votes
    draw from.

    Args:
        above (float): Percent. Defaults to 91.5.
        best_above (float): Percent. Defaults to 90.
        num_votes (int): Defaults to 10.
        key (str): The plain accuracy among the metrics.
    """

    # After the metrics are noted, before they are logged.
    priority = 'NORMAL'

    def __init__(self,
                 above: float = 91.5,
                 best_above: float = 90.,
                 num_votes: int = 10,
                 key: str = 'accuracy/top1') -> None:
        self.above = above
        self.best_above = best_above
        self.num_votes = num_votes
        self.key = key
        self._loader = None

    def before_train(self, runner) -> None:
        """Check that there is something to vote on; find the best so far.

        Raises:
            ValueError: If the config has no ``tta_pipeline``.
            CheckpointError: If ``best_vote.pth`` of the run that is resumed
                cannot be read.
        """
        if 'tta_pipeline' not in runner.cfg:
            raise ValueError(
                'VoteHook needs tta_pipeline in the config: the test pipeline '
                "with pool=True in 'lm4ve_mm.FarthestPointSample'")
        path = Path(runner.work_dir, FILE)
        if runner.iter and path.is_file():
            # The checkpoint of an epoch is written before its validation,
            # so that the last vote is in this file alone.
            best = self._best(runner)
            kept = open_torch(path)['meta'].get(HUB_KEY, best)
            best['vote'] = max(best['vote'], kept['vote'])
            runner.message_hub.update_info(HUB_KEY, best)

    @staticmethod
    def _best(runner) -> dict[str, float]:
        """The best accuracy and vote so far, in percent."""
        # The hub is part of the checkpoint.
        return dict(runner.message_hub.runtime_info.get(
            HUB_KEY, dict(plain=0., vote=0.)))

    def after_val_epoch(self,
                        runner,
                        metrics: dict[str, float] | None = None) -> None:
        """Vote if the accuracy says so.

        Args:
            runner (Runner): The runner of the training.
            metrics (dict): What the validation gave.

        Raises:
            KeyError: If ``key`` is not among the metrics.
        """
        if self.key not in metrics:
            raise KeyError(f'VoteHook(key={self.key!r}): the validation gave '
                           f'{", ".join(metrics)}')
        hub = runner.message_hub
        # Every scalar of val/ is logged after each validation.
        hub.log_scalars.pop(SCALAR, None)
        best = self._best(runner)
        plain = metrics[self.key]
        good = plain > self.above or (plain > best['plain']
                                      and plain > self.best_above)
        best['plain'] = max(best['plain'], plain)
        if good:
            vote = self._vote(runner)
            runner.logger.info(
                f'VoteHook: accuracy/vote {vote:.4f} after epoch '
                f'{runner.epoch}, without votes {plain:.4f}')
            hub.update_scalar(SCALAR, vote)
            if vote > best['vote']:
                best['vote'] = vote
                self._save(runner, best)
        hub.update_info(HUB_KEY, best)

    @staticmethod
    def _save(runner, best: dict[str, float]) -> None:
        """Write the model, and what it is the best of."""
        runner.save_checkpoint(
            runner.work_dir, FILE, save_optimizer=False,
            save_param_scheduler=False,
            # Of now: the runner would count an epoch that is not over yet.
            meta={'epoch': runner.epoch, 'iter': runner.iter, HUB_KEY: best},
            backend_args=dict(backend=ATOMIC))
        runner.logger.info(f'VoteHook: the best one, epoch {runner.epoch}, '
                           f'saved as {Path(runner.work_dir, FILE)}')

    def _vote(self, runner) -> float:
        """Accuracy of one run of votes, in percent."""
        if self._loader is None:
            cfg = runner.cfg.val_dataloader.copy()
            cfg.dataset = dict(cfg.dataset, pipeline=runner.cfg.tta_pipeline)
            self._loader = runner.build_dataloader(cfg)
        model = unwrap(runner.model)
        voting = MODELS.build(dict(
            type='lm4ve_mm.PointVoteTTA', module=model.eval(),
            num_votes=self.num_votes, num_runs=1))
        evaluator = Evaluator(dict(type='lm4ve_mm.VoteAccuracy'))
        for batch in self._loader:
            evaluator.process(voting.test_step(batch), batch)
        found = evaluator.evaluate(len(self._loader.dataset))
        return found['accuracy/vote_mean']
