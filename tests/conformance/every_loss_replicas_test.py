"""One device and two replicas give the same weights and logs, by any loss.

All losses sit in one Distiller, each on a branch of its own, so that a wrong
gradient shows in the weights of that branch.
"""

import math

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support
from tests.conformance.loss_rows import ROWS
from tests.replicas import assert_trained_alike
from tests.replicas import two_replicas

STEPS = 6
EXAMPLES = 13


@keras.saving.register_keras_serializable("tests")
class First(keras.layers.Layer):
    """Returns the first of its inputs, and so keeps the others in a model."""

    def call(self, tensors):
        return tensors[0]

    def compute_mask(self, tensors, mask=None):
        return None


def model(side, name):
    """A branch per row, whose last layer has the row's name."""
    vector = keras.Input((4,), name="vector")
    tokens = keras.Input((STEPS,), dtype="int32", name="tokens")
    branches = [keras.layers.Dense(3, name="head")(vector)]
    for row in ROWS:
        shape = getattr(row, f"{side}_shape")
        if len(shape) == 2:
            embed = keras.layers.Embedding(10, shape[1], mask_zero=True)
            branch = keras.layers.Dense(shape[1], name=row.name)(embed(tokens))
        else:
            branch = keras.layers.Dense(math.prod(shape))(vector)
            branch = keras.layers.Reshape(shape, name=row.name)(branch)
        branches.append(branch)
    inputs = {"vector": vector, "tokens": tokens}
    return keras.Model(inputs, First()(branches), name=name)


def distiller():
    keras.utils.set_random_seed(0)
    made = keras_kd.Distiller(
        teacher=model("teacher", "teacher"),
        student=model("student", "student"),
        distillation_losses=[
            row.make(name=row.name, teacher_tap=row.name, student_tap=row.name)
            for row in ROWS
        ],
        student_loss_weight=0.5,
    )
    made.compile(
        keras.optimizers.SGD(0.01),
        loss=support.cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
    )
    return made


class EveryLossReplicasTest(parameterized.TestCase):
    # By 5, 13 examples give the replicas 3 + 2, 3 + 2 and 2 + 1.
    @parameterized.named_parameters(
        ("plain", EXAMPLES, False), ("weighted", 10, True)
    )
    def test_two_replicas_equal_one_device(self, count, is_weighted):
        rng = np.random.default_rng(0)
        padding = rng.random((count, STEPS)) < 0.3
        x = {
            "vector": rng.normal(size=(count, 4)).astype("float32"),
            "tokens": rng.integers(1, 10, (count, STEPS)) * ~padding,
        }
        y = rng.integers(0, 3, count)
        weights = rng.random(count) if is_weighted else None
        single = distiller()
        with two_replicas().scope():
            double = distiller()
        before = support.values(single.weights)

        histories = [
            made.fit(
                x,
                y,
                batch_size=5,
                sample_weight=weights,
                # Without weights, of which it has none: once is enough.
                validation_data=None if is_weighted else (x, y),
                epochs=2,
                shuffle=False,
                verbose=0,
            ).history
            for made in (single, double)
        ]

        assert_trained_alike(single, double, before, histories)

    def test_replicas_of_a_sequence_model_ignore_labels_alike(self):
        def tagger(width):
            return keras.Sequential(
                [
                    keras.Input((STEPS,), dtype="int32"),
                    keras.layers.Embedding(10, width, mask_zero=True),
                    keras.layers.Dense(3),
                ]
            )

        def made():
            keras.utils.set_random_seed(0)
            result = support.distiller(teacher=tagger(4), student=tagger(3))
            result.compile(
                keras.optimizers.SGD(0.1),
                loss=support.cross_entropy(ignore_class=2),
            )
            return result

        rng = np.random.default_rng(0)
        x = rng.integers(0, 10, (EXAMPLES, STEPS))
        y = rng.integers(0, 3, (EXAMPLES, STEPS))
        single = made()
        with two_replicas().scope():
            double = made()
        histories = [
            one.fit(
                x, y, batch_size=5, epochs=2, shuffle=False, verbose=0
            ).history
            for one in (single, double)
        ]
        weights = [support.values(one.weights) for one in (single, double)]
        self.assertLess(support.largest_difference(*weights), 1e-6)
        for key, one in histories[0].items():
            np.testing.assert_allclose(histories[1][key], one, 1e-6, 1e-6)


if __name__ == "__main__":
    absltest.main()
