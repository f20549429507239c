import io
import sys
from unittest import mock

from absl.testing import absltest

from keras_kd.cli._bench import outputs

ROWS = [
    ("teacher", "98.6", "", "100.0", "1.0", "105,542", "438", "0.8 [0.7, 0.9]"),
    (
        "distilled",
        "91.0 ± 0.5",
        "+1.2 [+0.2, +2.2]",
        "95.0",
        "2.0",
        "2,934",
        "34",
        "0.6 [0.5, 0.7]",
    ),
]


class TerminalTest(absltest.TestCase):
    def test_a_terminal_without_some_signs_gets_a_table_that_is_aligned(self):
        outcome = mock.Mock(warning=None)
        outcome.verdicts.return_value = ["It helped."]
        legend = "±: standard deviation over the seeds. " + 9 * "more words "
        with (
            mock.patch.object(outputs, "rows", return_value=ROWS),
            mock.patch.object(outputs, "legend", return_value=legend),
            mock.patch.object(
                sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii")
            ),
        ):
            text = outputs.terminal(outcome)
        self.assertTrue(text.isascii())
        self.assertIn("91.0 +- 0.5", text)
        self.assertIn("+-: standard deviation", text)
        lines = text.splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        header, rule, teacher, distilled = lines[:4]
        ends = [
            line.index(word) + len(word)
            for line, word in (
                (header, "accuracy %"),
                (teacher, "98.6"),
                (distilled, "91.0 +- 0.5"),
            )
        ]
        self.assertEqual(ends, 3 * ends[:1])
        self.assertEqual(rule[ends[0] - 1], "-")


if __name__ == "__main__":
    absltest.main()
