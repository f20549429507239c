from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import report
from keras_kd.report.tables import duration

HEADER = ["", "accuracy", "parameters"]
ROWS = [["teacher", "98.6", "98,442"], ["student", "91.0", "1,234"]]


class TextTableTest(absltest.TestCase):
    def test_aligns_names_left_and_numbers_right(self):
        lines = report.text_table(HEADER, ROWS).splitlines()
        self.assertEqual(
            lines,
            [
                "         accuracy  parameters",
                "-------  --------  ----------",
                "teacher      98.6      98,442",
                "student      91.0       1,234",
            ],
        )

    def test_narrows_the_gaps_before_it_breaks(self):
        # 7 + 8 + 10 letters and two gaps.
        lines = report.text_table(HEADER, ROWS, width=27).splitlines()
        self.assertLen(lines, 4)
        self.assertEqual(lines[1], "------- -------- ----------")

    def test_breaks_what_is_too_wide_and_repeats_the_names(self):
        lines = report.text_table(HEADER, ROWS, width=26).splitlines()
        self.assertLessEqual(max(map(len, lines)), 26)
        self.assertLen(lines, 9)
        self.assertStartsWith(lines[7], "teacher")
        self.assertEndsWith(lines[7], "98,442")

    def test_ends_even_if_one_column_is_too_wide(self):
        lines = report.text_table(["", "a" * 50], [["b", "c"]], width=20)
        self.assertIn("a" * 50, lines)

    def test_rejects_ragged_rows(self):
        with self.assertRaisesRegex(
            ValueError, r"as many cells.*Received: 1 cells in \['x'\], 3"
        ):
            report.text_table(HEADER, [["x"]])


class MarkdownTableTest(absltest.TestCase):
    def test_has_a_rule_below_the_header(self):
        lines = report.markdown_table(HEADER, ROWS).splitlines()
        self.assertEqual(lines[0], "|  | accuracy | parameters |")
        self.assertEqual(lines[1], "|:--|--:|--:|")
        self.assertEqual(lines[2], "| teacher | 98.6 | 98,442 |")

    def test_escapes_bars(self):
        table = report.markdown_table(["a"], [["x|y"]])
        self.assertIn(r"x\|y", table)

    def test_rejects_ragged_rows(self):
        with self.assertRaisesRegex(ValueError, "as many cells"):
            report.markdown_table(HEADER, [["x"]])


class DurationTest(parameterized.TestCase):
    @parameterized.parameters(
        (0.2, "1 s"),
        (99.0, "99 s"),
        (100.0, "2 min"),
        (5999.0, "100 min"),
        (9000.0, "2.5 h"),
    )
    def test_in_words(self, seconds, expected):
        self.assertEqual(duration(seconds), expected)


if __name__ == "__main__":
    absltest.main()
