"""Errors on an input that does not fit: what they name, and the way out."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support

A, B = np.random.default_rng(0).normal(size=(2, 8, 4)).astype("float32")


def of_two():
    """A model of the inputs `a` and `b`."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    joined = keras.layers.Concatenate()([a, b])
    return keras.Model([a, b], keras.layers.Dense(3)(joined), name="two")


def made(teacher=None, **kwargs):
    kwargs.setdefault("student", support.dense(4, name="small"))
    distiller = support.distiller(teacher=teacher or of_two(), **kwargs)
    distiller.compile("sgd")
    return distiller


@support.eager_tests
class InputFitTest(parameterized.TestCase):
    def test_a_student_of_one_entry_is_to_name_it(self):
        x = {"a": A, "b": B}
        with self.assertRaisesRegex(
            ValueError,
            r"fit the student.*'a' \(8, 4\), 'b' \(8, 4\) for "
            r"student='small', which takes one array \(None, 4\)\. "
            r".*student_inputs='a'\.",
        ):
            made().fit(x, verbose=0)
        # As the message says.
        made(student_inputs="a").fit(x, verbose=0)

    def test_a_list_of_names_is_proposed_for_several_inputs(self):
        x = {"left": A, "right": B}
        with self.assertRaisesRegex(
            ValueError,
            r"fit the teacher.*takes a list of \(None, 4\), \(None, 4\)\. "
            r".*teacher_inputs=\['left', 'right'\]\.",
        ):
            made(student_inputs="left").fit(x, verbose=0)
        made(student_inputs="left", teacher_inputs=["left", "right"]).fit(
            x, verbose=0
        )

    def test_other_shapes_name_the_model_that_takes_them_not(self):
        for role in ("teacher", "student"):
            models = {"teacher": support.dense(4), "student": support.dense(4)}
            wide = support.dense(4, features=9, name="wide")
            with self.assertRaisesRegex(
                ValueError,
                rf"fit the {role}.*one array \(8, 4\) for {role}='wide', "
                r"which takes one array \(None, 9\).*as a dict",
            ):
                made(**models | {role: wide}).fit(A, verbose=0)
        # As the message says.
        x = {"narrow": A, "wide": np.ones((8, 9))}
        made(wide, student_inputs="narrow", teacher_inputs="wide").fit(
            x, verbose=0
        )

    def test_a_list_has_no_names(self):
        with self.assertRaisesRegex(
            ValueError, "`student_inputs` must name.*a dict, {'b': ...}"
        ):
            made(student_inputs="b").fit([A, B], verbose=0)

    def test_predict_looks_a_name_up_too(self):
        with self.assertRaisesRegex(ValueError, "`student_inputs` must name"):
            made(student_inputs="b").predict(B, verbose=0)

    def test_a_cache_names_the_teacher(self):
        folder = support.folder(self)
        for x, inputs, message in (
            ({"c": A}, None, "fit the teacher.*'two'"),
            ({"a": A, "b": B}, ["a", "d"], "`teacher_inputs`.*'d'"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                keras_kd.teachers.cache_teacher(
                    of_two(), x, folder, teacher_inputs=inputs, verbose=0
                )

    def test_peers_have_no_entries(self):
        peers = [support.dense(4), support.dense(4)]
        mutual = keras_kd.MutualDistiller(
            peers=peers, distillation_losses=keras_kd.losses.SoftTargets()
        )
        mutual.compile("sgd")
        for run in (mutual.fit, mutual.predict):
            with self.assertRaisesRegex(ValueError, "fit the peer.*All peers"):
                run(np.ones((8, 5)), verbose=0)

    def test_a_model_that_takes_other_sizes_may_get_them(self):
        images = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(3, 3),
                keras.layers.GlobalAveragePooling2D(),
            ]
        )
        student = keras.models.clone_model(images)
        made(images, student=student).fit(np.ones((8, 6, 6, 1)), verbose=0)

    def test_an_error_of_its_own_stays_what_it_is(self):
        class Strict(keras.layers.Layer):
            def call(self, x):
                if isinstance(x, keras.KerasTensor) or x.shape[0] != 8:
                    return x
                raise ValueError("no eight")

        teacher = keras.Sequential(
            [keras.Input((4,)), Strict(), keras.layers.Dense(3)]
        )
        with self.assertRaisesRegex(ValueError, "no eight") as caught:
            made(teacher).fit(A, verbose=0)
        self.assertNotIn("must fit", str(caught.exception))


if __name__ == "__main__":
    absltest.main()
