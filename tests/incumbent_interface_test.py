"""Faults 12 to 22 of `keras.distillation`: see `incumbent_test.py`."""

import os

import keras
import numpy as np
from absl.testing import absltest

from keras_kd import losses
from tests import reference
from tests import support
from tests.support import cross_entropy


def evaluated(distiller, *data, **kwargs):
    return distiller.evaluate(*data, verbose=0, return_dict=True, **kwargs)


class IncumbentInterfaceTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()

    def test_12_taps_reach_nested_layers_and_are_never_ignored(self):
        teacher = keras.Sequential(
            [keras.Input((4,)), support.dense(6, name="net")]
        )
        distiller = support.distiller(
            losses.Hint(teacher_tap="net/hidden", student_tap="hidden"),
            teacher=teacher,
        )
        self.assertLen(distiller.distillation_losses, 1)
        # With one tap, the other side is its output: 3 classes against 4.
        match = losses.Match(loss="mse", student_tap="hidden")
        with self.assertRaisesRegex(ValueError, r"\(None, 4\)"):
            support.distiller(match)

    def test_13_outputs_may_differ_when_features_are_compared(self):
        distiller = support.distiller(
            losses.Hint(teacher_tap="hidden", student_tap="hidden"),
            student=keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.Dense(5, name="hidden", dtype="mixed_float16"),
                    keras.layers.Dense(7, dtype="mixed_float16"),
                ]
            ),
        )
        distiller.compile("sgd", loss=cross_entropy())
        distiller.fit(self.x, self.y, verbose=0)

    def test_14_the_weight_of_a_single_loss_counts(self):
        distiller = support.distiller(losses.SoftTargets(loss_weight=7.0))
        distiller.compile("sgd")
        logs = evaluated(distiller, self.x)
        np.testing.assert_allclose(logs["loss"], 7 * logs["soft_targets"], 1e-6)

    def test_15_a_loss_can_see_the_labels(self):
        class Labelled(losses.DistillationLoss):
            needs = ("labels",)

            def call(self, teacher, student, labels):
                return keras.ops.cast(labels, "float32")

        distiller = support.distiller(Labelled())
        distiller.compile("sgd")
        logs = evaluated(distiller, self.x, self.y)
        np.testing.assert_allclose(logs["labelled"], self.y.mean(), rtol=1e-6)

    def test_16_masked_steps_do_not_count(self):
        def tagger():
            return keras.Sequential(
                [
                    keras.Input((5,), dtype="int32"),
                    keras.layers.Embedding(9, 4, mask_zero=True),
                    keras.layers.Dense(3),
                ]
            )

        tokens = np.array([[3, 4, 0, 0, 0], [5, 0, 0, 0, 0]])
        distiller = support.distiller(teacher=tagger(), student=tagger())
        distiller.compile("sgd")
        soft = reference.soft_targets(
            distiller.teacher(tokens), distiller.student(tokens), 2.0
        )
        np.testing.assert_allclose(
            evaluated(distiller, tokens)["loss"],
            (soft[0, 0] + soft[0, 1] + soft[1, 0]) / 3,
            rtol=1e-5,
        )

    def test_17_compile_needs_no_loss_and_drops_no_argument(self):
        distiller = support.distiller(student_loss_weight=0)
        distiller.compile("sgd")
        distiller.fit(self.x, self.y, verbose=0)
        student = keras.Model(
            inputs := keras.Input((4,)),
            {name: keras.layers.Dense(3, name=name)(inputs) for name in "ab"},
        )
        distiller = support.distiller(
            losses.SoftTargets(student_tap="a"), student=student
        )
        distiller.compile(
            "sgd",
            loss={name: cross_entropy() for name in "ab"},
            loss_weights={"a": 2.0, "b": 5.0},
            metrics={"a": ["accuracy"]},
        )
        logs = evaluated(distiller, self.x, {"a": self.y, "b": self.y})
        np.testing.assert_allclose(
            logs["student_loss"], 2 * logs["a_loss"] + 5 * logs["b_loss"], 1e-5
        )
        self.assertIn("a_accuracy", logs)

    def test_18_a_loaded_distiller_is_compiled_and_weights_are_small(self):
        distiller = support.distiller(teacher=support.dense(999))
        distiller.compile("adam", loss=cross_entropy(), metrics=["accuracy"])
        distiller.fit(self.x, self.y, verbose=0)
        folder = support.folder(self)
        distiller.save(folder / "d.keras")
        distiller.save_weights(folder / "d.weights.h5")
        # A warning is an error in our tests.
        loaded = keras.models.load_model(folder / "d.keras")
        self.assertEqual(
            evaluated(distiller, self.x, self.y),
            evaluated(loaded, self.x, self.y),
        )
        self.assertEqual(loaded.optimizer.iterations, 1)
        sizes = [
            os.path.getsize(folder / name)
            for name in ("d.keras", "d.weights.h5")
        ]
        self.assertGreater(sizes[0] - sizes[1], 4 * 999 * (4 + 1))

    def test_19_the_teacher_stays_as_it_was_given(self):
        teacher = support.dense(8)
        teacher.get_layer("head").trainable = False
        support.distiller(teacher=teacher)
        self.assertTrue(teacher.trainable)
        self.assertFalse(teacher.get_layer("head").trainable)
        self.assertLen(teacher.trainable_weights, 2)

    def test_20_each_term_has_one_entry_in_the_logs(self):
        distiller = support.distiller(
            [
                losses.SoftTargets(),
                losses.Hint(teacher_tap="hidden", student_tap="hidden"),
            ]
        )
        distiller.compile("sgd", loss=cross_entropy())
        logs = evaluated(distiller, self.x, self.y)
        names = ["hint", "loss", "soft_targets", "student_loss"]
        self.assertEqual(sorted(logs), names)
        self.assertEqual(sorted(distiller.metrics_names), names)

    def test_21_a_softmax_teacher_is_refused(self):
        with self.assertRaisesRegex(ValueError, "teachers.logits"):
            support.distiller(teacher=support.dense(8, activation="softmax"))

    def test_22_weights_need_not_add_up_to_one(self):
        distiller = support.distiller(student_loss_weight=1.0)
        distiller.compile("sgd", loss=cross_entropy())
        logs = evaluated(distiller, self.x, self.y)
        np.testing.assert_allclose(
            logs["loss"], logs["student_loss"] + logs["soft_targets"], 1e-6
        )


if __name__ == "__main__":
    absltest.main()
