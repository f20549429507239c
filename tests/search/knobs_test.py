import keras_tuner
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import strategies

from keras_kd import search
from keras_kd.search import knobs

POSITIVE = strategies.floats(1e-6, 1e6)


class RangeTest(parameterized.TestCase):
    @given(POSITIVE, POSITIVE, strategies.sampled_from(["linear", "log"]))
    def test_the_middle_is_within(self, first, second, sampling):
        low, high = sorted((first, second))
        if low < high:
            made = search.Range(low, high, sampling=sampling)
            self.assertBetween(made.default, low, high)

    def test_the_middle_of_a_logarithmic_range_is_its_geometric_mean(self):
        made = search.Range(1e-4, 1e-2, sampling="log")
        self.assertAlmostEqual(made.default, 1e-3)

    def test_keras_tuner_gets_the_range(self):
        hp = keras_tuner.HyperParameters()
        value = search.Range(1.0, 9.0, default=4.0, sampling="log").choose(
            hp, "temperature"
        )
        self.assertEqual(value, 4.0)
        config = hp.space[0].get_config()
        self.assertEqual(
            (config["min_value"], config["max_value"], config["sampling"]),
            (1.0, 9.0, "log"),
        )

    @parameterized.parameters(
        (dict(low=2, high=2), "below `high`.*low=2, high=2"),
        (dict(low=1, high=float("inf")), "finite.*high=inf"),
        (dict(low=0, high=1, sampling="log"), "above 0.*low=0"),
        (dict(low=1, high=2, default=3), "within the range.*default=3"),
        (dict(low=1, high=2, sampling="cube"), "sampling='cube'"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            search.Range(**arguments)


class ChoiceTest(parameterized.TestCase):
    def test_whole_and_other_numbers_are_made_alike(self):
        made = search.Choice((1, 2.5), default=1)
        hp = keras_tuner.HyperParameters()
        self.assertEqual(made.choose(hp, "factor"), 1.0)
        self.assertEqual(hp.space[0].values, [1.0, 2.5])

    def test_takes_the_numbers_of_numpy(self):
        made = search.Choice(np.array([8, 16]))
        self.assertEqual(made.values, (8, 16))
        self.assertIs(type(made.default), int)

    @parameterized.parameters(
        (dict(values=()), ValueError, r"one or more.*values=\(\)"),
        (dict(values=(1, 1)), ValueError, "different"),
        (dict(values=(1, "a")), TypeError, "all numbers or all strings"),
        (dict(values=(1, 2), default=3), ValueError, "default=3"),
        (dict(values="adam"), TypeError, "list or tuple.*'adam'"),
    )
    def test_refuses(self, arguments, error, message):
        with self.assertRaisesRegex(error, message):
            search.Choice(**arguments)


class ReplacedTest(parameterized.TestCase):
    KNOBS = {"temperature": search.Range(1, 8), "optimizer": "adam"}
    ALLOWED = {"optimizer": ("adam", "sgd")}

    def test_fixes_and_narrows_and_keeps_the_order(self):
        narrow = search.Range(2, 4)
        found = knobs.replaced(
            self.KNOBS,
            {"optimizer": "sgd", "temperature": narrow},
            self.ALLOWED,
        )
        self.assertEqual(
            list(found.items()), [("temperature", narrow), ("optimizer", "sgd")]
        )

    @parameterized.parameters(
        ({"temprature": 2}, ValueError, "temprature.*Did you mean temperature"),
        ({"optimizer": "lion"}, ValueError, "'adam', 'sgd'.*lion"),
        ({"temperature": "warm"}, ValueError, "number.*warm"),
        ({"temperature": -1}, ValueError, "at least 0.*-1"),
        ({"temperature": [1, 2]}, ValueError, r"\[1, 2\]"),
        ([("temperature", 2)], TypeError, "a dict"),
    )
    def test_refuses(self, changes, error, message):
        with self.assertRaisesRegex(error, message):
            knobs.replaced(self.KNOBS, changes, self.ALLOWED)


if __name__ == "__main__":
    absltest.main()
