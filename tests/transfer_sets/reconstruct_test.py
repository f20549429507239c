"""Inputs that are made, against inputs that are not, or for another class."""

import functools

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import transfer_sets
from keras_kd.transfer_sets._activations import maker
from keras_kd.transfer_sets._activations.maker import FixedDropout
from keras_kd.transfer_sets._activations.records import family
from tests import support
from tests.transfer_sets import small_teachers
from tests.transfer_sets.small_teachers import make

# Behind a ReLU, logits of noise have hardly any gradient.
OBJECTIVES = [
    (name, content, name != "top") for name, content in small_teachers.CONTENTS
]


class ReconstructTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = small_teachers.trained()

    @classmethod
    @functools.cache
    def made(cls, content, rectified):
        """Records of a content, and what was made of them, for all tests."""
        records = small_teachers.records(cls.teacher, content)
        return records, make(cls.teacher, records, rectified=rectified)

    @classmethod
    @functools.cache
    def noise(cls):
        """What every reconstruction begins with, nearly."""
        records = small_teachers.records(cls.teacher)
        return make(cls.teacher, records, steps=1, learning_rate=1e-9)

    @parameterized.named_parameters(*OBJECTIVES)
    def test_lowers_the_objective_for_its_class_and_no_other(
        self, content, rectified
    ):
        records, made = self.made(content, rectified)
        history = {key: np.mean(v) for key, v in made.history.items()}
        self.assertLess(history["loss"], history["first_loss"] / 2)

        # The control: the same inputs, where another class is asked for.
        objective = family(content).Objective(records, self.teacher, rectified)
        values = {"own": [], "other": []}
        for label in range(3):
            targets = objective.targets(label, 0, 6, np.random.default_rng(7))
            for key, shift in (("own", 0), ("other", 1)):
                x = made.x[made.y == (label + shift) % 3]
                found = objective.values(x, targets)
                values[key].append(keras.ops.convert_to_numpy(found).mean())
        for own, other in zip(values["own"], values["other"], strict=True):
            self.assertLess(own, other / 2)

    @parameterized.named_parameters(*OBJECTIVES)
    def test_the_teacher_knows_what_noise_it_does_not(self, content, rectified):
        noise, (_, made) = self.noise(), self.made(content, rectified)
        agreement = [
            np.mean(self.teacher.predict(one.x, verbose=0).argmax(-1) == one.y)
            for one in (noise, made)
        ]
        # Noise is of no class, so a third at most but for chance.
        self.assertLess(agreement[0], 0.6)
        self.assertGreater(agreement[1], 0.9)

    def test_gives_as_many_of_each_class_as_were_asked_for(self):
        made = self.noise()
        self.assertEqual(made.x.shape, (18, 6))
        self.assertEqual(made.x.dtype, "float32")
        self.assertEqual(made.y.tolist(), [0] * 6 + [1] * 6 + [2] * 6)
        # Batches of 4 and 2 for each class.
        self.assertLen(made.history["loss"], 6)

    def test_begins_with_the_noise_of_the_paper(self):
        records = small_teachers.records(self.teacher)
        x = make(
            self.teacher,
            records,
            images_per_class=2000,
            batch_size=2000,
            steps=1,
            learning_rate=1e-9,
        ).x
        # Five standard deviations of mean and standard deviation of 36,000.
        count = x.size
        self.assertAlmostEqual(np.mean(x), 0.15, delta=5 * 0.1 / np.sqrt(count))
        self.assertAlmostEqual(
            np.std(x), 0.1, delta=5 * 0.1 / np.sqrt(2 * count)
        )

    @pytest.mark.slow
    def test_changes_nothing_of_a_teacher_with_statistics(self):
        keras.utils.set_random_seed(0)
        teacher = keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.Dense(8),
                keras.layers.BatchNormalization(),
                keras.layers.ReLU(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(3),
            ]
        )
        before = support.values(teacher.variables)
        for _, content in small_teachers.CONTENTS:
            records = small_teachers.records(teacher, content)
            make(teacher, records, steps=2, dropout=0.5)
        after = support.values(teacher.variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    @pytest.mark.slow
    def test_a_seed_gives_the_same_again_and_another_does_not(self):
        records = small_teachers.records(self.teacher, transfer_sets.TopLayer())
        first, again, other = (
            make(self.teacher, records, steps=5, seed=seed, dropout=0.5).x
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        self.assertGreater(np.abs(first - other).max(), 0.01)

    def test_dropout_makes_other_inputs_from_the_same_draws(self):
        records = small_teachers.records(self.teacher)
        plain, dropped = (
            make(self.teacher, records, steps=5, dropout=rate)
            for rate in (0.0, 0.5)
        )
        self.assertGreater(np.abs(plain.x - dropped.x).max(), 0.01)


class PixelsTest(absltest.TestCase):
    def test_adam_moves_each_pixel_against_its_gradient(self):
        # The first step of Adam is the rate times the sign of the gradient:
        # rate * g / (|g| + epsilon). A linear teacher with kernel K and the
        # objective sum((x K - t)^2) has the gradient 2 (x K - t) K'.
        kernel = np.array([[1.0, -2.0], [0.5, 1.0]], "float32")
        targets = np.array([[4.0, 4.0], [-4.0, 0.0]], "float32")
        start = np.array([[0.1, 0.2], [0.3, 0.4]], "float32")

        class Linear:
            def values(self, x, targets):
                gaps = keras.ops.matmul(x, kernel) - targets[0]
                return keras.ops.sum(keras.ops.square(gaps), axis=-1)

        moved, first, last = maker.Pixels(
            small_teachers.net(2, 2, 2),
            Linear(),
            FixedDropout(None, 0.0),
            (2, 2),
            0.01,
        ).optimise(start, [targets], [], 1)

        gaps = start @ kernel - targets
        expected = start - 0.01 * np.sign(2 * gaps @ kernel.T)
        np.testing.assert_allclose(moved, expected, atol=1e-6)
        np.testing.assert_allclose(first, np.sum(gaps**2, axis=1), rtol=1e-5)
        gaps = expected @ kernel - targets
        np.testing.assert_allclose(last, np.sum(gaps**2, axis=1), rtol=1e-5)

    def test_each_batch_begins_with_a_fresh_optimizer(self):
        teacher = small_teachers.net(6, 5, 3)
        records = small_teachers.records(teacher)
        two = make(teacher, records, images_per_class=8, steps=20)
        one = make(teacher, records, images_per_class=4, steps=20)
        np.testing.assert_array_equal(two.x[two.y == 2][:4], one.x[one.y == 2])


class RefusalsTest(parameterized.TestCase):
    def refuse(self, message, error=ValueError, **changed):
        teacher = small_teachers.net(6, 5, 3)
        records = small_teachers.records(teacher)
        with self.assertRaisesRegex(error, message):
            make(teacher, **{"records": records} | changed)

    @parameterized.named_parameters(
        ("images", "images_per_class", 0),
        ("half", "images_per_class", 1.5),
        ("steps", "steps", 0),
        ("batch", "batch_size", True),
        ("seed", "seed", -1),
        ("rate", "learning_rate", 0.0),
        ("stddev", "pixel_stddev", -0.1),
        ("dropout", "dropout", 1.0),
        ("nan", "dropout", float("nan")),
    )
    def test_numbers(self, name, value):
        self.refuse(
            f"`{name}` must be.*Received: {name}={value}", **{name: value}
        )

    def test_records_of_another_teacher(self):
        other = small_teachers.net(6, 5, 3, seed=1)
        records = small_teachers.records(other)
        self.refuse("weights that it had", records=records)

    def test_what_are_no_records(self):
        self.refuse("of type dict", TypeError, records={})

    def test_an_objective_that_leaves_all_bounds(self):
        self.refuse(
            r"stay finite.*learning_rate=1e\+30", learning_rate=1e30, steps=9
        )


support.mark_slow(ReconstructTest, "test_lowers", but=["_top", "_pairs"])
support.mark_slow(
    ReconstructTest, "test_the_teacher_knows", but=["_top", "_pairs"]
)


if __name__ == "__main__":
    absltest.main()
