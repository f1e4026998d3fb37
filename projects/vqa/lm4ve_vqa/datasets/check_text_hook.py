"""Says at the start where text, answers and model do not fit together."""

from mmengine.hooks import Hook

from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import HOOKS
from lm4ve_mm.utils.errors import ConfigError

from .tokenise import Tokenise

# Tables are padded to multiples, for speed.
PADDED = 256


def check_vocabulary(tokenise: Tokenise, model, where: str) -> None:
    """Compare a tokenizer with the text encoder of a model.

    Raises:
        ConfigError: If they have other vocabularies.
    """
    known, given = model.text_encoder.vocab_size, tokenise.vocab_size
    if given <= known < given + PADDED:
        return
    raise ConfigError(
        f'{where}: the tokenizer {tokenise.source!r} has {given:,} tokens, '
        f'the text encoder of the model {known:,}: give the tokenizer that '
        'the encoder was trained with, usually from the same folder')


@HOOKS.register_module()
class CheckTextHook(Hook):
    """Compares tokenizers and answers with the model, before anything runs.

    With the tokenizer of another model every text is another one, and only
    a token beyond the table would be noticed. An answer file of another
    length than the head dies in the loss, or names other answers.

    Raises:
        ConfigError: If something does not fit; says what to set.
    """

    def before_train(self, runner) -> None:
        """Compare training and validation data with the model."""
        self._check(runner, 'train')
        if runner.val_loop is not None:
            self._check(runner, 'val')

    def before_val(self, runner) -> None:
        """Compare the validation data with the model."""
        self._check(runner, 'val')

    def before_test(self, runner) -> None:
        """Compare the test data with the model."""
        self._check(runner, 'test')

    @staticmethod
    def _check(runner, stage: str) -> None:
        model = unwrap(runner.model)
        data = getattr(runner, f'{stage}_dataloader').dataset
        where = f'{stage}_dataloader.dataset'
        pipeline = getattr(getattr(data, 'pipeline', None), 'transforms', ())
        for step in pipeline:
            if isinstance(step, Tokenise) and hasattr(model, 'text_encoder'):
                check_vocabulary(step, model, where)
        answers = getattr(data, 'num_answers', 0)
        outputs = getattr(getattr(model, 'head', None), 'num_answers', 0)
        if answers and outputs and answers != outputs:
            raise ConfigError(
                f'{where}: {data.answers} has {answers:,} answers, the head '
                f'{outputs:,} outputs: set model.head.num_answers={answers}, '
                'or give the file that the model was trained with')
