"""Runs `docs/migration.md`, with `keras.distillation` beside our library."""

import contextlib
import tempfile

import keras
import numpy as np
from absl.testing import absltest
from keras import distillation

import keras_kd
from tests import pages
from tests import support

PAGE = "docs/migration.md"
# Of faults that the page states; another version may lack them.
PAGE_IS_ABOUT = "Keras 3.15"


def features(**kwargs):
    """A Distiller of Keras with a loss on layers, compiled."""
    loss = distillation.FeatureDistillation("mse", "hidden", "hidden")
    distiller = distillation.Distiller(
        support.dense(4), kwargs.pop("student", support.dense(4)), loss
    )
    distiller.compile("sgd", loss=support.cross_entropy())
    return distiller


class MigrationPageTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(0)
        cls.names = {}
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        code = "".join(pages.code_blocks(pages.text(PAGE)))
        with pages.one_step():
            pages.run(code, folder, cls.names)

    def losses(self, name):
        return support.evaluated(
            self.names[name], self.names["x"], self.names["y"]
        )

    def test_both_libraries_give_one_loss(self):
        before, after = self.losses("before"), self.losses("after")
        np.testing.assert_allclose(after["loss"], before["loss"], 1e-4)
        self.assertEqual(after["accuracy"], before["accuracy"])

    def test_the_example_of_keras_io_gives_the_same_loss(self):
        by_hand, no_more = self.losses("by_hand"), self.losses("no_more")
        np.testing.assert_allclose(no_more["loss"], by_hand["loss"], 1e-4)

    def test_names_of_losses_in_the_logs(self):
        self.assertContainsSubset(
            {"total_loss", "distillation_loss"}, self.losses("before")
        )
        self.assertContainsSubset(
            {"loss", "student_loss", "soft_targets", "hint"},
            self.losses("after"),
        )

    def test_early_stopping_needs_a_mode_for_a_loss_by_its_name(self):
        self.assertIn("`val_soft_targets`, for which", pages.text(PAGE))
        distiller = support.distiller()
        distiller.compile("sgd", support.cross_entropy())
        x, y = support.data()
        for monitor, mode, is_known in (
            ("val_loss", "auto", True),
            ("val_soft_targets", "auto", False),
            ("val_soft_targets", "min", True),
        ):
            stop = keras.callbacks.EarlyStopping(monitor, mode=mode)
            refused = self.assertRaisesRegex(ValueError, "mode")
            with contextlib.nullcontext() if is_known else refused:
                distiller.fit(
                    x, y, validation_data=(x, y), callbacks=[stop], verbose=0
                )

    def test_the_name_of_a_loss_of_probabilities_is_refused(self):
        with self.assertRaisesRegex(ValueError, "from_logits"):
            support.distiller().compile(
                "sgd", loss="sparse_categorical_crossentropy"
            )


class IncumbentTest(absltest.TestCase):
    """What the page says about `keras.distillation`."""

    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()
        self.assertIn(PAGE_IS_ABOUT, pages.text(PAGE))
        if not keras.__version__.startswith(PAGE_IS_ABOUT.split()[1]):
            self.skipTest(f"The page is about {PAGE_IS_ABOUT}.")

    def test_the_default_loss_of_negative_logits_is_zero(self):
        teacher = -1 - np.random.default_rng(0).random((8, 3))
        student = -1 - np.random.default_rng(1).random((8, 3))
        default = distillation.LogitsDistillation()
        divergence = distillation.LogitsDistillation(
            loss=keras.losses.KLDivergence()
        )
        ours = keras_kd.losses.SoftTargets(3.0)

        self.assertEqual(float(default.compute_loss(teacher, student)), 0)
        np.testing.assert_allclose(
            float(divergence.compute_loss(teacher, student)),
            np.mean(ours(teacher, student)),
            1e-4,
        )

    def test_weights_of_examples_are_ignored(self):
        distiller = features()
        losses = [
            support.evaluated(
                distiller, self.x, self.y, sample_weight=weight * self.y
            )["distillation_loss"]
            for weight in (0, 1)
        ]
        self.assertEqual(*losses)

    def test_regularisers_are_dropped(self):
        student = support.dense(4, kernel_regularizer=keras.regularizers.L2(9))
        logs = support.evaluated(features(student=student), self.x, self.y)
        self.assertGreater(float(sum(student.losses)), 2 * logs["loss"])

    def test_evaluate_changes_batch_normalisation(self):
        student = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.BatchNormalization(name="moving"),
                keras.layers.Dense(4, name="hidden"),
                keras.layers.Dense(3),
            ]
        )
        distiller = features(student=student)
        before = support.values(student.non_trainable_weights)
        distiller.evaluate(self.x, self.y, verbose=0)
        after = support.values(student.non_trainable_weights)
        self.assertGreater(support.largest_difference(before, after), 0)

    def test_the_teacher_is_no_longer_trainable(self):
        self.assertFalse(features().teacher.trainable)

    def test_weights_hold_the_teacher(self):
        distiller = features()
        mine = {id(variable) for variable in distiller.weights}
        teachers = {id(variable) for variable in distiller.teacher.weights}
        self.assertContainsSubset(teachers, mine)

    def test_the_student_runs_twice_in_a_step(self):
        passes = []

        class Counted(keras.layers.Dense):
            def call(self, inputs, training=None):
                passes.append(training)
                return super().call(inputs, training)

        student = keras.Sequential(
            [
                keras.Input((4,)),
                Counted(4, name="hidden"),
                keras.layers.Dense(3),
            ]
        )
        distiller = features(student=student)
        distiller.evaluate(self.x, self.y, verbose=0)  # Builds.
        passes.clear()
        distiller.train_on_batch(self.x, self.y)
        self.assertLen(passes, 2)

    def test_a_new_temperature_counts_after_the_next_compile(self):
        loss = distillation.LogitsDistillation(1.0, keras.losses.KLDivergence())
        distiller = distillation.Distiller(
            support.dense(4), support.dense(4), loss
        )

        def measured(compiles):
            if compiles:
                distiller.compile("sgd", loss=support.cross_entropy())
            return support.evaluated(distiller, self.x, self.y)["loss"]

        first = measured(True)
        loss.temperature = 20.0
        self.assertEqual(measured(False), first)
        self.assertNotEqual(measured(True), first)

    def test_a_loaded_distiller_is_not_compiled(self):
        path = support.folder(self) / "distiller.keras"
        distiller = features()
        distiller.evaluate(self.x, self.y, verbose=0)  # Builds.
        distiller.save(path)
        with self.assertWarnsRegex(UserWarning, "compile.* was not called"):
            loaded = keras.models.load_model(path)
        self.assertFalse(hasattr(loaded, "optimizer"))
        # What a Distiller of ours is given instead.
        for role in ("teacher", "student"):
            weights = [
                support.values(getattr(one, role).weights)
                for one in (distiller, loaded)
            ]
            self.assertEqual(support.largest_difference(*weights), 0)


if __name__ == "__main__":
    absltest.main()
