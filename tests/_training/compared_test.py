"""Losses that compare examples with each other, over all replicas."""

import contextlib

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

import keras_kd
from tests import support
from tests.mechanisms import Similarity
from tests.peers import communities
from tests.replicas import two_replicas


class Projected(Similarity):
    """Has weights of its own."""

    def build(self, teacher_shape, student_shape):
        self.projector = keras.layers.Dense(5)
        self.projector.build(student_shape)

    def call(self, teacher, student, example_weights=None):
        student = self.projector(student)
        return super().call(teacher, student, example_weights)


class FromClassMean(keras_kd.losses.DistillationLoss):
    """Compares distances from the mean of the examples of class 0."""

    compares_examples = True
    needs = ("labels", "example_ids")

    def call(self, teacher, student, labels, example_ids, example_weights=None):
        inside = ops.cast(labels == 0, "float32") * example_weights
        inside = inside[:, None] / ops.maximum(ops.sum(inside), 1e-6)
        first, second = (
            ops.sum((x - ops.sum(inside * x, axis=0)) ** 2, axis=-1)
            for x in (teacher, student)
        )
        return (first - second) ** 2 + ops.cast(example_ids, "float32")


class CentredPositions(keras_kd.losses.DistillationLoss):
    """Subtracts the mean of all positions of the batch that count."""

    compares_examples = True

    def call(self, teacher, student, student_mask=None, example_weights=None):
        counted = example_weights[:, None] > 0
        if student_mask is not None:
            counted = counted & student_mask
        counted = counted[..., None]
        gaps = ops.where(counted, teacher - student, 0.0)
        total = ops.sum(ops.cast(counted, "float32") * ops.ones_like(gaps))
        mean = ops.sum(gaps, axis=(0, 1)) / total * gaps.shape[-1]
        return ops.sum(ops.where(counted, (gaps - mean) ** 2, 0.0), axis=-1)


def similarity(teacher, student, weights):
    """The mean of `Similarity` in float64, over examples that count."""
    kept = weights != 0
    teacher, student = (
        np.asarray(x, "float64")[kept] for x in (teacher, student)
    )
    gaps = (teacher @ teacher.T - student @ student.T) ** 2
    return np.sum(weights[kept] * gaps.mean(axis=-1)) / len(weights)


def vectors(kind, **compiled):
    """A Distiller of dense nets, compiled."""
    keras.utils.set_random_seed(0)
    distiller = support.distiller(kind(name="own"))
    distiller.compile(keras.optimizers.SGD(0.05), **compiled)
    return distiller


def sequences(kind, **compiled):
    keras.utils.set_random_seed(0)
    distiller = keras_kd.Distiller(
        teacher=communities.tagger(4, "teacher"),
        student=communities.tagger(3, "student"),
        distillation_losses=kind(name="own"),
    )
    distiller.compile(keras.optimizers.SGD(0.05), **compiled)
    return distiller


def outputs(distiller, x):
    """Outputs of both models for an input."""
    return distiller.teacher(x), distiller.student(x)


@support.eager_tests
class OneDeviceTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("plain", np.ones(6)),
        ("weighted", np.array([2.0, 0.5, 1.0, 1.0, 3.0, 1.0])),
        ("zero", np.array([1.0, 0.0, 2.0, 0.0, 1.0, 1.0])),
    )
    def test_equals_the_formula_over_examples_that_count(self, weights):
        x, _ = support.data(6)
        distiller = vectors(Similarity)
        expected = similarity(*outputs(distiller, x), weights)
        logs = support.evaluated(distiller, x, sample_weight=weights)
        np.testing.assert_allclose(logs["own"], expected, rtol=1e-5)

    def test_an_unlabelled_example_stays_where_no_labels_are_read(self):
        x, y = support.data(6)
        y[2] = -1
        distiller = vectors(
            Similarity, loss=support.cross_entropy(ignore_class=-1)
        )
        expected = similarity(*outputs(distiller, x), np.ones(6))
        logs = support.evaluated(distiller, x, y)
        np.testing.assert_allclose(logs["own"], expected, rtol=1e-5)

    @parameterized.parameters("weights", "void", "padding")
    def test_a_position_that_does_not_count_leaves_the_pairs(self, reason):
        # As if it was not there: the batch without the first step.
        x, y = communities.data(communities.tagger, 4)
        x = np.maximum(x, 1)
        weights = np.ones(x.shape)
        short = sequences(CentredPositions, loss=support.cross_entropy())
        layers = [m.layers for m in (short.teacher, short.student)]
        gaps = np.subtract(*(np.asarray(b(a(x[:, 1:]))) for a, b in layers))
        centred = gaps - gaps.mean(axis=(0, 1))
        count = centred.shape[0] * centred.shape[1]
        if reason == "weights":
            weights[:, 0], count = 0, x.size
        if reason == "void":
            y[:, 0] = -1
        if reason == "padding":
            x[:, 0] = 0
        distiller = sequences(
            CentredPositions, loss=support.cross_entropy(ignore_class=-1)
        )
        logs = support.evaluated(distiller, x, y, sample_weight=weights)
        expected = np.sum(centred**2) / count
        np.testing.assert_allclose(logs["own"], expected, rtol=1e-5)


class DeclarationTest(absltest.TestCase):
    def test_weights_must_be_taken(self):
        class Without(keras_kd.losses.DistillationLoss):
            compares_examples = True

            def call(self, teacher, student):
                return ops.mean(teacher - student, axis=-1)

        with self.assertRaisesRegex(
            ValueError,
            r"must take `example_weights`.*call\(teacher, student\).*Add the",
        ):
            Without()

    def test_a_loss_that_takes_weights_must_declare_it(self):
        class Undeclared(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student, example_weights=None):
                return ops.mean(teacher - student, axis=-1)

        with self.assertRaisesRegex(
            ValueError, "Write `compares_examples = True`"
        ):
            Undeclared()


@pytest.mark.slow
class ReplicasTest(parameterized.TestCase):
    def assert_equal(self, make, *data, batch_size=7, epochs=3, **kwargs):
        """Trains on one device and on two, and compares weights and logs."""
        results = []
        for scope in (contextlib.nullcontext(), two_replicas().scope()):
            with scope:
                distiller = make()
            before = support.values(distiller.weights)
            history = distiller.fit(
                *data,
                batch_size=batch_size,
                epochs=epochs,
                shuffle=False,
                verbose=0,
                **kwargs,
            ).history
            after = support.values(distiller.weights)
            self.assertGreater(support.largest_difference(before, after), 1e-4)
            results.append((after, history))
        (one, first), (two, second) = results
        self.assertLess(support.largest_difference(one, two), 1e-6)
        for key, values in first.items():
            np.testing.assert_allclose(second[key], values, 1e-6, 1e-6)

    def test_equal_one_device_where_one_has_no_example(self):
        x, _ = support.data(1)
        self.assert_equal(lambda: vectors(Similarity), x)

    def test_get_labels_ids_and_weights_of_all(self):
        x, y = support.data(7)
        y[:3], y[5] = [0, 1, 0], -1
        weights = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 1.0, 3.0])
        x = keras_kd.batch.attach(x, example_ids=np.arange(7))
        self.assert_equal(
            lambda: vectors(
                FromClassMean, loss=support.cross_entropy(ignore_class=-1)
            ),
            x,
            y,
            sample_weight=weights,
        )

    def test_get_masks_and_void_positions_of_all(self):
        x, y = communities.data(communities.tagger, 7)
        self.assert_equal(
            lambda: sequences(
                CentredPositions, loss=support.cross_entropy(ignore_class=2)
            ),
            x,
            y,
        )

    @parameterized.named_parameters(
        ("together", {"exchange": "together"}), ("shards", {"shards": True})
    )
    def test_peers_equal_one_device(self, options):
        x, y = support.data(7)

        def made():
            distiller = communities.made(2, losses=Similarity(), **options)
            distiller.compile(keras.optimizers.SGD(0.05))
            return distiller

        # Peer 0 has one example, on the first replica.
        ids = np.array([1, 2, 3, 5, 7, 9, 11])
        self.assert_equal(
            made, keras_kd.batch.attach(x, example_ids=ids), epochs=2
        )

    def test_equal_one_device_in_uneven_batches(self):
        x, y = support.data(13)
        self.assert_equal(
            lambda: vectors(Projected, loss=support.cross_entropy()),
            x,
            y,
            batch_size=5,
            sample_weight=np.random.default_rng(0).random(13).round(1),
            validation_data=(x, y),
        )


if __name__ == "__main__":
    absltest.main()
