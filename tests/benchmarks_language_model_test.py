"""The benchmark of a small language model, on a tiny one."""

import pytest
from absl.testing import absltest

from benchmarks import language_model


class LanguageModelTest(absltest.TestCase):
    @pytest.mark.slow
    def test_both_steps_learn_the_same(self):
        # To make them fails if their first losses differ.
        steps = language_model.make_steps(
            language_model.STEPS, widths=(8, 4), tokens=11, steps=3, batch=2
        )
        by_hand = steps[language_model.BY_HAND]
        first = float(by_hand())
        for _ in range(9):
            last = float(by_hand())
        self.assertLess(last, first)

    def test_a_missed_target_is_called_missed(self):
        for ratio, word in (1.05, "met"), (1.06, "MISSED"):
            self.assertEndsWith(language_model.verdict("memory", ratio), word)


if __name__ == "__main__":
    absltest.main()
