"""The objectives against NumPy, and against numbers worked out by hand."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import transfer_sets
from keras_kd.transfer_sets._activations import spectra
from keras_kd.transfer_sets._activations import statistics
from tests import support
from tests.transfer_sets import small_teachers
from tests.transfer_sets import spectral_reference


class StatisticsTest(parameterized.TestCase):
    def test_top_layer_by_hand(self):
        # Behind the ReLU (1, 0, 2) and (3, 0, 0): (4 + 0 + 4) / 3.
        units = np.array([[1.0, -1.0, 2.0]], "float32")
        targets = np.array([[3.0, -5.0, -1.0]], "float32")
        np.testing.assert_allclose(
            statistics.top_layer_loss(units, targets), [8 / 3], rtol=1e-6
        )

    def test_not_rectified_by_hand(self):
        # (4 + 16 + 9) / 3, and that divided by the 3 units.
        units = np.array([[1.0, -1.0, 2.0]], "float32")
        targets = np.array([[3.0, -5.0, -1.0]], "float32")
        loss = statistics.top_layer_loss(units, targets, rectified=False)
        np.testing.assert_allclose(loss, [29 / 3], rtol=1e-6)
        loss = statistics.all_layers_loss([units], [targets], rectified=False)
        np.testing.assert_allclose(loss, [29 / 9], rtol=1e-6)

    @parameterized.parameters((True, 0.0), (False, -2.0))
    def test_a_unit_below_zero_has_a_gradient_unless_rectified(
        self, rectified, expected
    ):
        # d/du (u - t)^2 / 3 = 2 (-1 - 2) / 3 for one of three units.
        units = tf.constant([[-1.0, 1.0, 1.0]])
        targets = tf.constant([[2.0, 1.0, 1.0]])
        with tf.GradientTape() as tape:
            tape.watch(units)
            loss = statistics.top_layer_loss(units, targets, rectified)
        np.testing.assert_allclose(
            tape.gradient(loss, units)[0], [expected, 0, 0], atol=1e-6
        )

    def test_all_layers_by_hand(self):
        # One layer of 2 units: (1 + 9) / 2 / 2. One of 1 unit: 4 / 1 / 1.
        units = [np.array([[1.0, 3.0]]), np.array([[2.0]])]
        targets = [np.array([[2.0, -1.0]]), np.array([[0.0]])]
        np.testing.assert_allclose(
            statistics.all_layers_loss(units, targets), [2.5 + 4]
        )

    def objective(self, content):
        self.teacher = small_teachers.net(6, 5, 4, 3)
        records = small_teachers.records(self.teacher, content)
        return statistics.Objective(records, self.teacher)

    @parameterized.named_parameters(
        ("top", transfer_sets.TopLayer(2.0), 1),
        ("all", transfer_sets.AllLayers(2.0), 3),
    )
    def test_is_that_of_the_teachers_units(self, content, count):
        objective = self.objective(content)
        x, _ = small_teachers.clusters(4, seed=1)
        targets = objective.targets(1, 0, 4, np.random.default_rng(1))
        self.assertLen(targets, count)
        units, signal = [], x.astype("float64")
        for layer in self.teacher.layers:
            kernel, bias = support.values(layer.weights)
            units.append(signal @ kernel + bias)
            signal = np.maximum(units[-1], 0)
        units[-1] = units[-1] / 2
        expected = np.zeros(4)
        for ours, target in zip(units[-count:], targets, strict=True):
            gap = np.maximum(ours, 0) - np.maximum(target, 0)
            width = 1 if count == 1 else ours.shape[1]
            expected += np.mean(gap**2, axis=1) / width
        np.testing.assert_allclose(
            objective.values(x, targets), expected, rtol=1e-4
        )

    def test_is_zero_where_the_units_are_what_is_asked_for(self):
        objective = self.objective(transfer_sets.AllLayers())
        x, _ = small_teachers.clusters(4)
        np.testing.assert_allclose(
            objective.values(x, objective._units(x)), np.zeros(4)
        )


class SpectralTest(parameterized.TestCase):
    """Nets whose graphs have no eigenvalue twice, so that V is unique."""

    def setUp(self):
        super().setUp()
        self.data = (
            np.random.default_rng(3).normal(size=(12, 6)).astype("float32"),
            np.arange(12) % 3,
        )
        self.x = np.random.default_rng(4).normal(size=(2, 6)).astype("float32")

    def parts(self, content, *sizes):
        teacher = small_teachers.net(*sizes)
        records = small_teachers.records(teacher, content, self.data)
        return teacher, spectra.Objective(records, teacher)

    @parameterized.product(kept=(0.1, 0.3, 1.0), label=(0, 2))
    def test_over_all_layers_equals_the_paper(self, kept, label):
        content = transfer_sets.SpectralAllLayers(kept, 4)
        teacher, objective = self.parts(content, 6, 4, 6, 3)
        self.compare(teacher, objective, kept, label, in_pairs=False)

    @parameterized.product(kept=(0.1, 0.3, 1.0), label=(0, 2))
    def test_over_layer_pairs_equals_the_paper(self, kept, label):
        content = transfer_sets.SpectralLayerPairs(kept, 4)
        teacher, objective = self.parts(content, 6, 4, 4, 3)
        self.compare(teacher, objective, kept, label, in_pairs=True)

    def compare(self, teacher, objective, kept, label, in_pairs):
        weights, biases = zip(
            *(support.values(x.weights) for x in teacher.layers), strict=True
        )
        # The second and third example of the class.
        x, y = self.data
        expected = [
            spectral_reference.objective(
                weights, biases, recorded, one, kept, in_pairs
            )
            for recorded, one in zip(x[y == label][1:3], self.x, strict=True)
        ]
        targets = objective.targets(label, 1, 2, None)
        np.testing.assert_allclose(
            objective.values(self.x, targets), expected, rtol=1e-3
        )

    def test_is_not_the_objective_of_all_layers(self):
        # In the released code it is.
        teacher = small_teachers.net(6, 4, 6, 3)
        values = []
        for content in (
            transfer_sets.SpectralAllLayers(0.3, 4),
            transfer_sets.AllLayers(),
        ):
            records = small_teachers.records(teacher, content, self.data)
            module = spectra if not values else statistics
            objective = module.Objective(records, teacher)
            targets = objective.targets(0, 0, 2, np.random.default_rng(0))
            values.append(objective.values(self.x, targets))
        self.assertGreater(np.abs(values[0] - values[1]).min(), 0.1)

    def test_recorded_examples_are_taken_in_turn(self):
        content = transfer_sets.SpectralAllLayers(0.3, 4)
        _, objective = self.parts(content, 6, 4, 6, 3)
        (targets,) = objective.targets(0, 2, 4, None)
        (first,) = objective.targets(0, 0, 2, None)
        np.testing.assert_array_equal(targets[2:], first)
        self.assertGreater(np.abs(targets[0] - first[0]).max(), 1e-3)

    def test_no_record_holds_an_input(self):
        content = transfer_sets.SpectralAllLayers(1.0, 4)
        _, objective = self.parts(content, 6, 4, 6, 3)
        self.assertEqual(objective.targets(0, 0, 1, None)[0].shape, (1, 13))

    def test_refuses_a_record_that_reads_otherwise(self):
        content = transfer_sets.SpectralAllLayers(0.3, 4)
        teacher = small_teachers.net(6, 4, 6, 3)
        records = small_teachers.records(teacher, content, self.data)
        arrays = records.arrays | {"check.0": -records.arrays["check.0"]}
        changed = dataclasses.replace(records, arrays=arrays)
        with self.assertRaisesRegex(
            ValueError, "must give the signals.*other eigenvectors"
        ):
            spectra.Objective(changed, teacher)

    def test_rejects_a_class_without_examples(self):
        teacher = small_teachers.net(6, 4, 6, 3)
        data = (self.data[0], np.zeros(12, int))
        with self.assertRaisesRegex(ValueError, r"example of each.*\[1, 2\]"):
            small_teachers.records(
                teacher, transfer_sets.SpectralAllLayers(), data
            )


class GradientTest(parameterized.TestCase):
    @parameterized.named_parameters(*small_teachers.CONTENTS)
    def test_reaches_each_input_by_itself(self, content):
        teacher = small_teachers.net(6, 8, 8, 3)
        records = small_teachers.records(teacher, content)
        module = spectra if hasattr(content, "kept") else statistics
        objective = module.Objective(records, teacher)
        x, _ = small_teachers.clusters(3)
        targets = objective.targets(0, 0, 3, np.random.default_rng(0))

        def gradient(x, targets):
            x = tf.convert_to_tensor(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                total = keras.ops.sum(objective.values(x, targets))
            return tape.gradient(total, x)

        together = gradient(x, targets)
        self.assertGreater(np.abs(together).max(axis=1).min(), 0)
        for row in range(3):
            rows = slice(row, row + 1)
            alone = gradient(x[rows], [target[rows] for target in targets])
            np.testing.assert_allclose(
                alone[0], together[row], rtol=1e-4, atol=1e-6
            )


if __name__ == "__main__":
    absltest.main()
