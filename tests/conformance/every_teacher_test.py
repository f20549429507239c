"""Runs every teacher through the checks that hold for all of them."""

import dataclasses
import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import teachers
from keras_kd._core.identity import fingerprint
from tests import support
from tests.conformance import teacher_rows
from tests.replicas import two_replicas

ROWS = dict(teacher_rows.NAMED_ROWS)
X, Y = support.data()


def distiller(row, student_policy=None, **compile_arguments):
    keras.utils.set_random_seed(0)
    made = support.distiller(
        teacher=row.make(),
        student=support.dense(4, name="student", dtype=student_policy),
        student_loss_weight=0.5,
    )
    made.compile(
        keras.optimizers.SGD(0.1),
        loss=support.cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        **compile_arguments,
    )
    return made


def fit(made, **kwargs):
    return made.fit(
        X, Y, batch_size=6, shuffle=False, verbose=0, **kwargs
    ).history


@dataclasses.dataclass(frozen=True)
class Trained:
    """A fitted Distiller, its log, and both models' weights at both ends."""

    distiller: keras_kd.Distiller
    history: dict[str, list[float]]
    teacher: tuple[list[np.ndarray], list[np.ndarray]]
    student: tuple[list[np.ndarray], list[np.ndarray]]


@functools.cache
def trained(name):
    """Trains by a row's teacher, once for all tests.

    A test may use or train the Distiller further, and must find true whatever
    others did with it.
    """
    made = distiller(ROWS[name], jit_compile=False)
    models = made.teacher, made.student
    before = [support.values(model.weights) for model in models]
    with support.eagerly():
        history = fit(made)
    # Later steps run in a graph.
    made.make_train_function(force=True)
    after = [support.values(model.weights) for model in models]
    return Trained(made, history, *zip(before, after, strict=True))


class RowsTest(absltest.TestCase):
    def test_every_public_teacher_has_a_row(self):
        tested = {row.teacher for row in teacher_rows.ROWS}
        exceptions = set(teacher_rows.EXCEPTIONS)
        self.assertSetEqual(tested | exceptions, set(teachers.__all__))
        self.assertEmpty(tested & exceptions)

    def test_names_of_rows_are_unique(self):
        names = {row.name for row in teacher_rows.ROWS}
        self.assertLen(names, len(teacher_rows.ROWS))

    def test_public_names_are_sorted(self):
        self.assertEqual(teachers.__all__, sorted(teachers.__all__))


@parameterized.named_parameters(*teacher_rows.NAMED_ROWS)
class EveryTeacherTest(parameterized.TestCase):
    def test_moves_the_student_and_no_teacher_but_an_updated_one(self, row):
        run = trained(row.name)
        self.assertTrue(np.all(np.isfinite(list(run.history.values()))))
        moved = support.largest_difference(*run.teacher)
        self.assertEqual(moved > 0, row.is_updated)
        for before, after in zip(*run.student, strict=True):
            self.assertGreater(np.abs(after - before).max(), 0)

    def test_evaluation_changes_no_variable(self, row):
        made = trained(row.name).distiller
        variables = [*made.variables, *made.teacher.variables]
        before = support.values(variables)
        first = made.evaluate(X, Y, verbose=0, return_dict=True)
        second = made.evaluate(X, Y, verbose=0, return_dict=True)
        self.assertEqual(first, second)
        self.assertEqual(
            support.largest_difference(before, support.values(variables)), 0
        )

    def test_xla_and_plain_functions_give_the_same(self, row):
        plain = trained(row.name).history
        compiled = fit(distiller(row, jit_compile=True))
        self.assertTrue(np.all(np.isfinite(list(compiled.values()))))
        # XLA has a random generator of its own.
        if row.teacher != "NoisyTeacher":
            for key, value in plain.items():
                np.testing.assert_allclose(
                    compiled[key], value, rtol=1e-5, err_msg=key
                )

    def test_a_loaded_distiller_goes_on_as_the_saved_one(self, row):
        made = trained(row.name).distiller
        path = support.folder(self) / "distiller.keras"
        made.save(path)
        loaded = keras.models.load_model(path)
        self.assertEqual(fingerprint(loaded.teacher), fingerprint(made.teacher))
        self.assertEqual(fit(made, epochs=2), fit(loaded, epochs=2))
        self.assertEqual(
            support.largest_difference(
                support.values(made.weights), support.values(loaded.weights)
            ),
            0,
        )

    def test_two_replicas_equal_one_device(self, row):
        # Replicas do without XLA, which draws other random numbers.
        single = distiller(row, jit_compile=False)
        with two_replicas().scope():
            double = distiller(row)
        # By 7, 24 examples give the replicas 4 + 3 and, last, 2 + 1.
        histories = [
            made.fit(X, Y, batch_size=7, shuffle=False, verbose=0).history
            for made in (single, double)
        ]
        if not row.is_deterministic:
            self.assertTrue(np.all(np.isfinite(list(histories[1].values()))))
            return
        for key, value in histories[0].items():
            np.testing.assert_allclose(
                histories[1][key], value, rtol=1e-5, atol=1e-6, err_msg=key
            )
        difference = support.largest_difference(
            support.values(single.weights), support.values(double.weights)
        )
        self.assertLess(difference, 1e-6)

    def test_teaches_a_half_precision_student(self, row):
        made = distiller(row, student_policy="mixed_float16")
        self.assertIsInstance(
            made.optimizer, keras.optimizers.LossScaleOptimizer
        )
        before = support.values(made.student.weights)
        # The first steps may overflow the loss scale and be skipped.
        history = fit(made, epochs=5)
        self.assertTrue(np.all(np.isfinite(list(history.values()))))
        after = support.values(made.student.weights)
        self.assertGreater(support.largest_difference(before, after), 1e-3)

    def test_its_fingerprint_follows_its_weights(self, row):
        first, second = row.make(), row.make()
        self.assertNotEqual(fingerprint(first), fingerprint(second))
        second.set_weights(first.get_weights())
        self.assertEqual(fingerprint(first), fingerprint(second))

    def test_its_layers_are_taps(self, row):
        teacher = row.make()
        names = keras_kd.taps.names(teacher)
        hints = [
            keras_kd.losses.Hint(teacher_tap=name, student_tap="hidden")
            for name in names
            if name.endswith("hidden")
        ]
        made = support.distiller(
            [keras_kd.losses.SoftTargets(), *hints], teacher=teacher
        )
        made.compile("sgd")
        history = fit(made)
        self.assertNotEmpty(hints)
        for name in made.loss_names:
            self.assertGreater(history[name][0], 0, name)


# One row stays quick of what takes a graph on replicas, by XLA or for a while.
support.mark_slow(EveryTeacherTest, "test_two_replicas", but=["_arithmetic"])
support.mark_slow(EveryTeacherTest, "test_xla", but=["_logits"])
support.mark_slow(EveryTeacherTest, "test_teaches_a_half", but=["_logits"])
support.mark_slow(
    EveryTeacherTest, "test_a_loaded_distiller", but=["_noisy_ensemble"]
)
support.mark_slow(
    EveryTeacherTest, "test_evaluation", but=["_arithmetic", "_noisy"]
)


if __name__ == "__main__":
    absltest.main()
