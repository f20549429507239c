"""One modality teaches another by unlabelled pairs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest

from keras_kd import models
from tests import reference
from tests import support
from tests.procedures.small_transfers import CLASSES
from tests.procedures.small_transfers import MIX
from tests.procedures.small_transfers import paired
from tests.procedures.small_transfers import student
from tests.procedures.small_transfers import trained_teacher
from tests.procedures.small_transfers import transfer
from tests.procedures.small_transfers import untrained
from tests.procedures.small_transfers import vectors

STILL = keras.optimizers.SGD(0.0)


def accuracy(model, x, y):
    return np.mean(model.predict(x, verbose=0).argmax(-1) == y)


def cross_entropy(model, x, y):
    """Mean over the examples, by another way than the library's."""
    p = reference.softmax(model.predict(x, verbose=0))
    return -np.log(p[np.arange(len(y)), y]).mean()


def noisy_sensors(count, seed):
    """Two modalities with all that there is, each with noise of its own."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=(count, 4))
    first, second = truth + random.normal(0, 0.7, (2, count, 4))
    pairs = {"rgb": first, "depth": second @ np.vstack([MIX.T, np.eye(4)[0]])}
    pairs = {name: x.astype("float32") for name, x in pairs.items()}
    return pairs, truth[:, :CLASSES].argmax(-1)


@support.eager_tests
class SupervisionTransferTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_modality_without_labels_learns_the_classes(self):
        x, y = vectors(2000, seed=1)
        pairs = paired(vectors(1000)[0])
        common = {
            "teacher": trained_teacher(),
            "epochs": 30,
            "batch_size": 100,
        }
        made = transfer(**common, pairs=pairs)
        # Images of other scenes belong together as little as their classes.
        strangers = pairs | {"depth": np.roll(pairs["depth"], 1, axis=0)}
        control = transfer(**common, pairs=strangers)
        shown = x @ MIX
        self.assertGreater(accuracy(made.student, shown, y), 0.7)
        self.assertLess(accuracy(control.student, shown, y), 0.45)
        self.assertLess(
            made.histories["transfer"]["loss"][-1],
            0.5 * control.histories["transfer"]["loss"][-1],
        )

    @pytest.mark.slow
    def test_both_modalities_tell_more_than_either(self):
        seen, labels = noisy_sensors(1000, 0)
        teacher = trained_teacher(seen["rgb"], labels)
        made = transfer(
            teacher=teacher,
            student=student(features=4),
            pairs=noisy_sensors(1000, 2)[0],
            epochs=40,
            batch_size=64,
        )
        x, y = noisy_sensors(4000, 1)
        fused = accuracy(made.fusion, x, y)
        self.assertGreater(fused, accuracy(teacher, x["rgb"], y) + 0.02)
        self.assertGreater(fused, accuracy(made.student, x["depth"], y) + 0.02)

    @pytest.mark.slow
    def test_labels_help_on_top(self):
        x, y = vectors(300, seed=3)
        common = {
            "teacher": trained_teacher(),
            "epochs": 5,
            "pairs": paired(vectors(300)[0]),
        }
        zero, some, control = (
            transfer(**common, **extra)
            for extra in (
                {},
                {"labelled": (x @ MIX, y), "fine_tuning_epochs": 10},
                # The same images and classes, but those of others.
                {
                    "labelled": (x @ MIX, np.roll(y, 1)),
                    "fine_tuning_epochs": 10,
                },
            )
        )
        self.assertEmpty(zero.histories["fine_tuning"])
        x, y = vectors(2000, seed=4)
        found = [accuracy(r.student, x @ MIX, y) for r in (zero, some, control)]
        self.assertGreater(found[1], found[0] + 0.05)
        self.assertLess(found[2], found[0] - 0.05)

    def test_loss_is_the_squared_distance_of_the_features(self):
        pairs = paired(vectors(32)[0])
        teacher, given = untrained(), student(width=12)
        features = [
            keras.Model(m.inputs[0], m.get_layer("hidden").output).predict(
                x, verbose=0
            )
            for m, x in ((teacher, pairs["rgb"]), (given, pairs["depth"]))
        ]
        expected = np.square(features[0] - features[1]).sum(-1).mean()
        made = transfer(
            teacher=teacher, student=given, pairs=pairs, optimizer=STILL
        )
        np.testing.assert_allclose(
            made.histories["transfer"]["loss"], expected, rtol=1e-5
        )

    def test_fine_tuning_logs_cross_entropy_of_both_sets_of_examples(self):
        (x, y), (others, classes) = vectors(32), vectors(20, seed=5)
        made = transfer(
            labelled=(x @ MIX, y),
            validation_data=(others @ MIX, classes),
            fine_tuning_epochs=1,
            optimizer=STILL,
        )
        for key, data in (
            ("loss", (x @ MIX, y)),
            ("val_loss", (others @ MIX, classes)),
        ):
            np.testing.assert_allclose(
                made.histories["fine_tuning"][key],
                cross_entropy(made.student, *data),
                rtol=1e-5,
            )
        self.assertNotIn("val_loss", made.histories["transfer"])

    def test_upper_layers_are_copies_of_the_teachers(self):
        teacher = untrained()
        before = support.values(teacher.weights)
        zero = transfer(teacher=teacher).student
        np.testing.assert_array_equal(
            zero.layers[-1].get_weights()[0], before[2]
        )

    def test_copies_of_frozen_layers_are_trained_as_others(self):
        x, y = vectors(32)
        heads = []
        for trainable in (True, False):
            teacher = untrained()
            teacher.trainable = trainable
            made = transfer(
                teacher=teacher, labelled=(x @ MIX, y), fine_tuning_epochs=1
            )
            self.assertEqual(teacher.trainable, trainable)
            heads.append(made.student.layers[-1].get_weights())
        for free, frozen, first in zip(
            *heads, teacher.layers[-1].get_weights(), strict=True
        ):
            self.assertGreater(np.abs(frozen - first).max(), 1e-3)
            np.testing.assert_array_equal(free, frozen)

    def test_leaves_no_trace_in_the_teacher(self):
        teacher = untrained()
        before = support.values(teacher.weights)

        def num_calls():
            layers = (teacher, *teacher.layers)
            return [len(layer._inbound_nodes) for layer in layers]

        calls = num_calls()
        x, y = vectors(32)
        fine_tuning = {"labelled": (x @ MIX, y), "fine_tuning_epochs": 1}
        fusion = transfer(teacher=teacher, **fine_tuning).fusion
        fusion.compile(keras.optimizers.SGD(1.0), support.cross_entropy())
        fusion.fit(paired(x), y, verbose=0)
        self.assertEqual(num_calls(), calls)
        after = support.values(teacher.weights)
        self.assertEqual(support.largest_difference(before, after), 0)
        # It did learn.
        self.assertGreater(
            max(
                np.abs(ours - theirs).max()
                for ours, theirs in zip(
                    fusion.get_layer("rgb_net").get_weights(),
                    before,
                    strict=True,
                )
            ),
            0,
        )

    def test_the_last_layer_is_distillation_of_the_output(self):
        teacher, given = untrained(), student()
        pairs = paired(vectors(32)[0])
        logits = [
            m.predict(x, verbose=0)
            for m, x in ((teacher, pairs["rgb"]), (given, pairs["depth"]))
        ]
        made = transfer(
            teacher=teacher,
            student=given,
            pairs=pairs,
            teacher_tap="head",
            student_tap=None,
            optimizer=STILL,
        )
        np.testing.assert_allclose(
            made.histories["transfer"]["loss"],
            np.square(logits[0] - logits[1]).sum(-1).mean(),
            rtol=1e-5,
        )
        np.testing.assert_allclose(
            made.student.predict(pairs["depth"], verbose=0),
            logits[1],
            rtol=1e-5,
        )

    def test_matches_maps_of_images_through_a_learnt_map_of_channels(self):
        random = np.random.default_rng(0)
        made = transfer(
            teacher=models.small_convnet((8, 8, 3), 5, (4, 6)),
            student=models.small_convnet((8, 8, 1), 5, (4, 4)),
            pairs={
                "rgb": random.random((8, 8, 8, 3)),
                "depth": random.random((8, 8, 8, 1)),
            },
            teacher_tap="stage2",
            student_tap="stage2",
        )
        weights = [w for w in made.student.weights if w.shape == (1, 1, 4, 6)]
        self.assertLen(weights, 1)
        self.assertEqual(made.student.output.shape, (None, 5))

    def test_fusion_averages_probabilities(self):
        teacher = untrained()
        made = transfer(teacher=teacher)
        x, _ = vectors(20)
        parts = [
            reference.softmax(m.predict(a, verbose=0))
            for m, a in ((teacher, x), (made.student, x @ MIX))
        ]
        fused = made.fusion.predict(paired(x), verbose=0)
        np.testing.assert_allclose(
            np.exp(fused), np.mean(parts, axis=0), rtol=1e-5
        )

    def test_pairs_may_be_a_data_set(self):
        bare = tf.data.Dataset.from_tensor_slices(paired(vectors(32)[0]))
        made = transfer(pairs=bare.batch(8), batch_size=None)
        self.assertNotIn("student_loss", made.histories["transfer"])


if __name__ == "__main__":
    absltest.main()
