import math
import traceback

import keras
import keras_tuner
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd import search
from keras_kd.search import limits as of_limits
from tests import support
from tests.search import small_pairs


class LimitsTest(parameterized.TestCase):
    @parameterized.parameters(0, -1.0, math.nan, "9", True, ([3],))
    def test_refuses_what_is_no_positive_number(self, value):
        for name in ("max_parameters", "max_bytes", "max_milliseconds"):
            with self.assertRaisesRegex(
                ValueError, f"`{name}` must be a positive.*Received: {name}="
            ):
                search.Limits(**{name: value})

    def test_measures_parameters_and_what_is_limited(self):
        self.assertEqual(of_limits.measured(search.Limits()), ["parameters"])
        limits = search.Limits(max_bytes=math.inf, max_milliseconds=1)
        self.assertEqual(
            of_limits.measured(limits), ["parameters", "bytes", "milliseconds"]
        )

    def test_says_what_is_over_by_how_much(self):
        limits = search.Limits(max_parameters=5000, max_milliseconds=0.25)
        costs = {"parameters": 5001, "bytes": 10**9, "milliseconds": 0.25}
        self.assertEqual(
            of_limits.over(limits, costs), "5,001 parameters, over 5,000"
        )
        costs |= {"parameters": 5000, "milliseconds": 0.2512}
        self.assertEqual(
            of_limits.over(limits, costs), "0.251 milliseconds, over 0.25"
        )

    def test_a_student_of_exactly_the_limit_is_within(self):
        limits = search.Limits(max_parameters=5000)
        self.assertEqual(of_limits.over(limits, {"parameters": 5000}), "")

    def test_knows_its_own_errors_in_the_text_of_a_trial(self):
        def text(error):
            try:
                raise error
            except Exception:
                return traceback.format_exc()

        over = of_limits.OverLimitError("5 parameters, over 4")
        for message in (text(over), over.message):
            self.assertEqual(
                of_limits.over_text(message), "5 parameters, over 4"
            )
        other = keras_tuner.errors.FailedTrialError("OverLimitError: 5")
        for message in (None, "", text(other), text(RuntimeError("x"))):
            self.assertIsNone(of_limits.over_text(message))


class MeasureTest(parameterized.TestCase):
    def test_measures_the_student_of_a_distiller_without_projectors(self):
        hypermodel = small_pairs.hypermodel(
            teacher=small_pairs.CONV_TEACHER,
            student=small_pairs.CONV_STUDENT,
            distillation_losses=losses.Hint(
                teacher_tap="stage1", student_tap="stage1"
            ),
        )
        distiller = hypermodel.build(keras_tuner.HyperParameters())
        student = of_limits.student_of(distiller)
        found = of_limits.measure(student, search.Limits(max_bytes=math.inf))
        path = support.folder(self) / "student.keras"
        small_pairs.CONV_STUDENT.save(path)
        # 3 by 3 kernels of 1 and 2 channels to 2; 2 by 2 places of 2 channels.
        expected = (9 + 1) * 2 + (18 + 1) * 2 + (8 + 1) * 3
        self.assertEqual(found["parameters"], expected)
        # The config of a copy is some bytes shorter.
        size = path.stat().st_size
        self.assertAlmostEqual(found["bytes"], size, delta=0.01 * size)
        self.assertGreater(distiller.count_params(), expected)

    def test_counts_parameters_that_are_not_trained(self):
        norm = keras.layers.BatchNormalization()
        student = keras.Sequential([keras.Input((3,)), norm])
        found = of_limits.measure(student, search.Limits())
        self.assertEqual(found, {"parameters": 4 * 3})

    def test_times_what_takes_longer_as_longer(self):
        layers = [keras.layers.Dense(700) for _ in range(8)]
        large = keras.Sequential([keras.Input((700,)), *layers])
        limits = search.Limits(max_milliseconds=math.inf)
        small, large = (
            of_limits.measure(student, limits)["milliseconds"]
            for student in (support.dense(2), large)
        )
        self.assertBetween(small, 1e-4, 1e4)
        self.assertGreater(large, small)

    def test_times_a_student_of_several_inputs(self):
        words = keras.Input((4,), dtype="int32", name="words")
        image = keras.Input((2,), name="image")
        vectors = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(words))
        both = keras.layers.Concatenate()([vectors, image])
        student = keras.Model({"words": words, "image": image}, both)
        limits = search.Limits(max_milliseconds=math.inf)
        found = of_limits.measure(student, limits)
        self.assertGreater(found["milliseconds"], 0)

    def test_names_of_layers_make_no_other_architecture(self):
        first, second, wider = (
            of_limits.architecture(support.dense(units)) for units in (4, 4, 5)
        )
        self.assertEqual(first, second)
        self.assertNotEqual(first, wider)


if __name__ == "__main__":
    absltest.main()
