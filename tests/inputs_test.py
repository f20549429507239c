"""What a Distiller is fed with: structures, weights, masks, missing labels."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import reference
from tests import support
from tests.support import cross_entropy
from tests.support import evaluated

CLASSES = 5


def tagger(width, name=None):
    """Scores every step of a sequence; 0 is padding."""
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(10, width, mask_zero=True),
            keras.layers.Dense(width, name="hidden"),
            keras.layers.Dense(CLASSES, name="head"),
        ],
        name=name,
    )


def padded(count=8):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 10, (count, 6)) * (rng.random((count, 6)) < 0.7)
    x[0] = 0
    return x, rng.integers(0, CLASSES, (count, 6))


@support.eager_tests
class SourcesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = support.data(24)

    def trained(self, *data, **kwargs):
        keras.utils.set_random_seed(0)
        distiller = support.distiller()
        distiller.compile("sgd", loss=cross_entropy())
        distiller.fit(*data, shuffle=False, verbose=0, **kwargs)
        return support.values(distiller.weights)

    def test_arrays_data_sets_and_generators_train_alike(self):
        arrays = self.trained(self.x, self.y, batch_size=8)
        dataset = tf.data.Dataset.from_tensor_slices((self.x, self.y)).batch(8)

        def batches():
            for start in (0, 8, 16):
                rows = slice(start, start + 8)
                yield self.x[rows], self.y[rows]

        others = (
            self.trained(dataset),
            # Keras would warn about the end of a generator.
            self.trained(batches(), steps_per_epoch=3),
        )
        for other in others:
            self.assertLess(support.largest_difference(arrays, other), 1e-6)

    def test_class_weight_is_a_sample_weight(self):
        by_class = {0: 0.0, 1: 1.0, 2: 3.0}
        weights = np.array([by_class[label] for label in self.y])
        first = self.trained(self.x, self.y, class_weight=by_class)
        second = self.trained(self.x, self.y, sample_weight=weights)
        without = self.trained(self.x, self.y)
        self.assertLess(support.largest_difference(first, second), 1e-6)
        self.assertGreater(support.largest_difference(first, without), 1e-4)

    def test_sample_weights_of_zero_move_nothing(self):
        keras.utils.set_random_seed(0)
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(),
                keras_kd.losses.Hint(
                    teacher_tap="hidden", student_tap="hidden"
                ),
            ]
        )
        distiller.compile("sgd", loss=cross_entropy())
        before = support.values(distiller.trainable_weights)
        distiller.fit(
            self.x, self.y, sample_weight=np.zeros(len(self.x)), verbose=0
        )
        after = support.values(distiller.trainable_weights)
        self.assertEqual(support.largest_difference(before, after), 0)


class UnlabelledTest(absltest.TestCase):
    def test_no_loss_is_needed(self):
        x, _ = support.data()
        distiller = support.distiller()
        distiller.compile("sgd")
        history = distiller.fit(x, verbose=0).history
        self.assertCountEqual(history, ["loss", "soft_targets"])

    def test_metrics_wait_for_labels(self):
        x, y = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", metrics=["accuracy"])
        for _ in range(2):
            history = distiller.fit(
                x, validation_data=(x, y), epochs=2, verbose=0
            ).history
            self.assertCountEqual(
                history,
                [
                    "loss",
                    "soft_targets",
                    "val_accuracy",
                    "val_loss",
                    "val_soft_targets",
                ],
            )

    def test_labels_may_come_after_training_without(self):
        x, y = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", metrics=["accuracy"])
        distiller.fit(x, verbose=0)
        history = distiller.fit(x, y, verbose=0).history
        self.assertIn("accuracy", history)

    def test_a_compiled_loss_asks_for_labels(self):
        x, _ = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", loss=cross_entropy())
        with self.assertRaisesRegex(
            ValueError, "must have labels.*Received: y=None.*without a loss"
        ):
            distiller.fit(x, verbose=0)


@support.eager_tests
class MaskTest(parameterized.TestCase):
    def test_padded_steps_do_not_count(self):
        x, y = padded()
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(2.0),
                keras_kd.losses.Hint(
                    teacher_tap="hidden", student_tap="hidden"
                ),
            ],
            teacher=tagger(4),
            student=tagger(4),
        )
        distiller.compile("sgd", loss=cross_entropy())
        logs = evaluated(distiller, x, y, batch_size=8)
        valid = x != 0
        student = keras.ops.convert_to_numpy(distiller.student(x))
        soft = reference.soft_targets(distiller.teacher(x), student, 2.0)
        np.testing.assert_allclose(
            logs["soft_targets"], soft[valid].mean(), 1e-5
        )
        hard = -reference.log_softmax(student)[valid]
        hard = hard[np.arange(valid.sum()), y[valid]]
        np.testing.assert_allclose(logs["student_loss"], hard.mean(), 1e-5)

    @parameterized.parameters((8,), (8, 6))
    def test_sample_weights_and_masks_multiply(self, *shape):
        x, y = padded()
        weights = np.random.default_rng(0).random(shape).astype("float32")
        distiller = support.distiller(
            keras_kd.losses.SoftTargets(2.0),
            teacher=tagger(4),
            student=tagger(4),
        )
        distiller.compile("sgd")
        logs = evaluated(distiller, x, y, batch_size=8, sample_weight=weights)
        soft = reference.soft_targets(
            distiller.teacher(x), distiller.student(x), 2.0
        )
        valid = x != 0
        soft *= weights.reshape(8, -1)
        np.testing.assert_allclose(logs["loss"], soft[valid].mean(), 1e-5)

    def test_ignored_labels_do_not_count(self):
        x, y = padded()
        distiller = support.distiller(
            keras_kd.losses.SoftTargets(2.0),
            teacher=tagger(4),
            student=tagger(4),
        )
        distiller.compile("sgd", loss=cross_entropy(ignore_class=3))
        logs = evaluated(distiller, x, y, batch_size=8)
        valid = (x != 0) & (y != 3)
        soft = reference.soft_targets(
            distiller.teacher(x), distiller.student(x), 2.0
        )
        np.testing.assert_allclose(
            logs["soft_targets"], soft[valid].mean(), 1e-5
        )

    def test_a_batch_of_padding_alone_gives_zero(self):
        distiller = support.distiller(teacher=tagger(4), student=tagger(4))
        distiller.compile("sgd")
        logs = evaluated(distiller, np.zeros((4, 6), "int32"))
        self.assertEqual(logs["loss"], 0)


if __name__ == "__main__":
    absltest.main()
