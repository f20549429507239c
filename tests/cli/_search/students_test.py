import math
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli._search import students
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._shell.errors import UnusableError
from tests import support
from tests.cli import small_jobs

BENCH = mock.Mock(
    data=mock.Mock(image_shape=(6, 6, 1)),
    num_classes=3,
    student=small_jobs.net(),
)


def parameters(width):
    """Of two stages of 3 by 3 kernels, and of 3 by 3 places in between."""
    first, second = width, 2 * width
    return (9 + 1) * first + (9 * first + 1) * second + (9 * second + 1) * 3


class WidthsTest(parameterized.TestCase):
    def test_those_within_the_limit_are_tried(self):
        for limit, expected in (
            (parameters(4), (2, 3, 4)),
            (parameters(4) - 1, (2, 3)),
            (10**9, students.WIDTHS),
        ):
            settings = SearchSettings(max_parameters=limit)
            self.assertEqual(students.widths(BENCH, settings), expected)

    def test_a_file_is_as_large_as_the_user_finds_it(self):
        path = support.folder(self) / "student.keras"
        students.new_student(BENCH, 4).save(path)
        size = path.stat().st_size
        # Keras counts unnamed layers: some have a digit more. A width more is
        # hundreds of bytes.
        for limit, expected in ((size + 20, (2, 3, 4)), (size - 20, (2, 3))):
            settings = SearchSettings(max_bytes=limit)
            self.assertEqual(students.widths(BENCH, settings), expected)

    def test_times_are_left_to_the_trials(self):
        settings = SearchSettings(max_milliseconds=1e-9)
        self.assertEqual(students.widths(BENCH, settings), students.WIDTHS)

    def test_without_limits_or_with_a_student_there_are_none(self):
        self.assertEqual(students.widths(BENCH, SearchSettings()), ())
        settings = SearchSettings(student="mine.keras", max_parameters=999)
        self.assertEqual(students.widths(BENCH, settings), ())

    @parameterized.parameters(
        (dict(max_parameters=9), "=9, and the smallest.*with 207 parameters"),
        (
            dict(max_parameters=9, student="a.keras"),
            # 36 pixels and a bias to 8 units, and these to 3.
            "=9, and --student=a.keras with 323 parameters",
        ),
    )
    def test_refuses_limits_that_no_student_keeps(self, given, regex):
        with self.assertRaisesRegex(
            UnusableError,
            "`--max_parameters` must leave.*Received: --max_parameters" + regex,
        ):
            students.widths(BENCH, SearchSettings(**given))

    def test_all_costs_are_measured_where_one_is_limited(self):
        self.assertIsNone(students.limits_of(SearchSettings()))
        settings = SearchSettings(max_bytes=5000)
        limits = students.limits_of(settings)
        self.assertEqual(
            (limits.max_parameters, limits.max_bytes, limits.max_milliseconds),
            (math.inf, 5000, math.inf),
        )
        self.assertEqual(students.limited(settings), ["bytes"])

    def test_a_student_without_a_width_is_the_usual_one(self):
        found = students.new_student(BENCH)
        self.assertEqual(found.count_params(), BENCH.student.count_params())
        self.assertTrue(
            np.any(found.get_weights()[0] != BENCH.student.get_weights()[0])
        )


if __name__ == "__main__":
    absltest.main()
