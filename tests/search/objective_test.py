"""What a search judges by: its direction, and that trials have it."""

import keras
import keras_tuner
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import metrics
from keras_kd import search
from tests import support


def hypermodel():
    return search.DistillationHyperModel(
        teacher=support.dense(4),
        student=support.dense(2),
        loss=support.cross_entropy(),
        metrics=[metrics.TeacherAgreement(), "accuracy"],
    )


def plain(hp):
    head = keras.layers.Dense(3, use_bias=hp.Boolean("bias"))
    model = keras.Sequential([keras.Input((4,)), head])
    model.compile("sgd", support.cross_entropy())
    return model


class ObjectiveTest(parameterized.TestCase):
    def tuner(self, objective, model=plain, **kwargs):
        return search.make_tuner(
            "random",
            model,
            objective=objective,
            max_trials=1,
            directory=support.folder(self),
            **kwargs,
        )

    def test_the_direction_of_our_keys_is_known(self):
        model = hypermodel()
        for key, direction in (
            ("val_soft_targets", "min"),
            ("student_loss", "min"),
            ("val_teacher_agreement", "max"),
            ("val_accuracy", "max"),
        ):
            with self.subTest(key):
                objective = self.tuner(key, model).oracle.objective
                self.assertEqual(objective.name, key)
                self.assertEqual(objective.direction, direction)

    def test_that_of_other_keys_is_to_be_given(self):
        for model in (hypermodel(), plain):
            with self.assertRaisesRegex(ValueError, "keras_tuner.Objective"):
                self.tuner("val_something", model)

    @pytest.mark.slow
    @support.eagerly()
    def test_trials_without_a_score_end_the_search(self):
        x, y = support.data()
        tuner = self.tuner("val_loss")
        with self.assertRaisesRegex(
            keras_tuner.errors.FatalValueError,
            "'val_loss', and logs of loss.*`validation_data` to `search`",
        ):
            tuner.search(x, y, verbose=0)
        # As the message says.
        tuner.search(x, y, validation_data=(x, y), verbose=0)
        self.assertIsNotNone(tuner.oracle.get_best_trials()[0].score)

    @pytest.mark.slow
    @support.eagerly()
    def test_a_name_that_is_not_logged_ends_the_search(self):
        x, y = support.data()
        for name in ("random", "bayesian", "hyperband", "grid"):
            options = {"max_epochs": 2} if name == "hyperband" else {}
            tuner = search.make_tuner(
                name,
                plain,
                objective=keras_tuner.Objective("val_nothing", "max"),
                max_trials=1,
                directory=support.folder(self),
                **options,
            )
            with self.assertRaisesRegex(ValueError, "val_loss.*one of these"):
                tuner.search(x, y, validation_data=(x, y), verbose=0)


class CallbackTest(absltest.TestCase):
    @support.eagerly()
    def test_callbacks_of_keras_take_the_documented_mode(self):
        distiller = support.distiller()
        distiller.compile(
            "sgd",
            support.cross_entropy(),
            metrics=[metrics.TeacherAgreement()],
        )
        x, y = support.data()
        history = distiller.fit(
            x,
            y,
            validation_data=(x, y),
            epochs=3,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping("val_soft_targets", mode="min"),
                keras.callbacks.ReduceLROnPlateau(
                    "val_student_loss", mode="min"
                ),
                # No gain of agreement is above 2: it stops after the second.
                keras.callbacks.EarlyStopping(
                    "val_teacher_agreement", mode="max", min_delta=2
                ),
            ],
        )
        self.assertLen(history.epoch, 2)


if __name__ == "__main__":
    absltest.main()
