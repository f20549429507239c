"""Times read as people say them."""

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.report.durations import duration


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
