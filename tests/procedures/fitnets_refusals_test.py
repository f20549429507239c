"""What `fitnets` refuses before it trains anything."""

import keras
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

import keras_kd
from tests import support
from tests.procedures.small_fitnets import run
from tests.procedures.small_fitnets import student_net


class RefusalsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("epochs", {"epochs": 0}, "`epochs` must.*Received: epochs=0"),
        ("hint", {"hint_epochs": -1}, "at least 0.*Received: hint_epochs=-1"),
        (
            "temperature",
            {"temperature": 0.0},
            "`temperature` must be a number from.*Received: temperature=0.0",
        ),
        ("first", {"first_weight": 0}, "positive.*Received: first_weight=0"),
        ("last", {"last_weight": -1}, "at least 0.*Received: last_weight=-1"),
        ("patience", {"patience": 3}, "validation.*Received: patience=3"),
        ("hint_tap", {"hint_tap": "hiden"}, "teacher.*'hiden'.*hidden"),
        ("guided_tap", {"guided_tap": "gided"}, "student.*'gided'.*guided"),
        (
            "regressor",
            {"regressor": None},
            r"compares \(None, 8\).*\(None, 5\).*one shape",
        ),
    )
    def test_refuses(self, arguments, message):
        student = student_net()
        before = support.values(student.variables)
        with self.assertRaisesRegex(ValueError, message):
            run(student=student, **arguments)
        after = support.values(student.variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_refuses_a_hint_of_unknown_size(self):
        teacher = keras.Sequential(
            [
                keras.Input((None, None, 1)),
                layers.Conv2D(4, 3, name="hidden"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3),
            ]
        )
        student = keras_kd.models.small_convnet((8, 8, 1), 3, (2, 2))
        with self.assertRaisesRegex(ValueError, "known size.*None, None, 4"):
            run(teacher=teacher, student=student, guided_tap="stage1")


if __name__ == "__main__":
    absltest.main()
