"""Batches of texts of which the student writes some itself."""

import keras
import numpy as np

from keras_kd.transfer_sets._texts.tokens import joined
from keras_kd.transfer_sets.write_texts import written_batches


class OnPolicyTexts(keras.utils.PyDataset):
    """Yields the texts of a round, new in each.

    What a round has depends on the seed, its number and the student's weights
    at its beginning alone, so resumed training gets the same texts. Pass
    `shuffle=False` to `fit`, and `callback` among its callbacks: a round is an
    epoch.

    Args:
        writer: A `Writer`, which has the student.
        prompts: `Texts` of which nothing is written yet.
        answered: The same prompts with given answers, or `None`.
        share: Part of the texts that the student writes.
        batch_size: Texts in a batch.
        steps: Batches in a round.
        seed: Integer.
    """

    def __init__(
        self, writer, prompts, answered, *, share, batch_size, steps, seed
    ):
        super().__init__()
        self.writer, self.prompts, self.answered = writer, prompts, answered
        self.share, self.batch_size, self.steps = share, batch_size, steps
        self.seed = seed
        # Keras looks at the first batch before a round begins.
        self.texts = prompts.rows(np.zeros(batch_size * steps, "int64"))
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=self.begin_round
        )

    def begin_round(self, number, logs=None):
        """Lets the student write; a callback at the beginning of an epoch."""
        rows = self._rows(number)
        # Exact over all rounds, also where the share of one is no whole number.
        done, now = (
            int(self.share * len(rows) * count)
            for count in (number, number + 1)
        )
        own, others = np.split(rows, [now - done])
        parts = []
        if len(own):
            prompts = self.prompts.rows(own)
            parts += written_batches(
                self.writer, prompts, self.batch_size, (self.seed, 1, number)
            )
        if len(others):
            parts.append(self.answered.rows(others))
        self.texts = joined(parts)

    def _rows(self, number):
        """Numbers of the prompts of a round: all once, then all again."""
        size, count = self.batch_size * self.steps, len(self.prompts.tokens)
        places = np.arange(number * size, (number + 1) * size)
        orders = {
            done: np.random.default_rng((self.seed, 0, done)).permutation(count)
            for done in set((places // count).tolist())
        }
        return np.array([orders[p // count][p % count] for p in places])

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        # Each batch has its part of the student's texts, which come first.
        x, _ = self.texts.rows(slice(index, None, self.steps)).lesson()
        return (x,)
