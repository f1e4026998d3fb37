"""Votes during training, when the model has become good."""

from pathlib import Path
from typing import Dict, Optional

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from lm4ve_mm.registry import HOOKS, MODELS

HUB_KEY = 'vote_hook'
FILE = 'best_vote.pth'


@HOOKS.register_module()
class VoteHook(Hook):
    """Votes after a validation that was good enough, and keeps the best.

    As in Point-BERT's training: one run of ten votes over the test set if
    the plain accuracy is above ``above``, or is the best so far and above
    ``best_above``. With its thresholds only ModelNet40 gets there; votes cost
    ten validations. The result is logged as ``accuracy/vote``, and the model
    with the best one is saved as ``best_vote.pth``.

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
        """Check that there is something to vote on.

        Raises:
            ValueError: If the config has no ``tta_pipeline``.
        """
        if 'tta_pipeline' not in runner.cfg:
            raise ValueError(
                'VoteHook needs tta_pipeline in the config: the test pipeline '
                "with pool=True in 'lm4ve_mm.FarthestPointSample'")

    def after_val_epoch(self,
                        runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
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
        # Survives a resume: the hub is part of the checkpoint.
        hub = runner.message_hub
        best = dict(hub.runtime_info.get(HUB_KEY, dict(plain=0., vote=0.)))
        plain = metrics[self.key]
        if plain > self.above or (plain > best['plain']
                                  and plain > self.best_above):
            vote = self._vote(runner)
            runner.logger.info(f'VoteHook: accuracy/vote {vote:.4f}, without '
                               f'votes {plain:.4f}')
            hub.update_scalar('val/accuracy/vote', vote)
            if vote > best['vote']:
                best['vote'] = vote
                runner.save_checkpoint(
                    runner.work_dir, FILE, save_optimizer=False,
                    save_param_scheduler=False)
                runner.logger.info('VoteHook: the best one, saved as '
                                   f'{Path(runner.work_dir, FILE)}')
        best['plain'] = max(best['plain'], plain)
        hub.update_info(HUB_KEY, best)

    def _vote(self, runner) -> float:
        """Accuracy of one run of votes, in percent."""
        if self._loader is None:
            cfg = runner.cfg.val_dataloader.copy()
            cfg.dataset = dict(cfg.dataset, pipeline=runner.cfg.tta_pipeline)
            self._loader = runner.build_dataloader(cfg)
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        voting = MODELS.build(dict(
            type='lm4ve_mm.PointVoteTTA', module=model.eval(),
            num_votes=self.num_votes, num_runs=1))
        evaluator = Evaluator(dict(type='lm4ve_mm.VoteAccuracy'))
        for batch in self._loader:
            evaluator.process(voting.test_step(batch), batch)
        found = evaluator.evaluate(len(self._loader.dataset))
        return found['accuracy/vote_mean']
