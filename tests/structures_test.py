"""Several inputs and outputs, nested models, and what losses ask for."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

import keras_kd
from keras_kd import batch
from tests import reference
from tests import support
from tests.support import cross_entropy
from tests.support import evaluated


class StructureTest(absltest.TestCase):
    def test_models_see_the_entries_that_are_theirs(self):
        rng = np.random.default_rng(0)
        x = {
            "rgb": rng.random((16, 6)).astype("float32"),
            "depth": rng.random((16, 4)).astype("float32"),
        }
        distiller = support.distiller(
            keras_kd.losses.SoftTargets(2.0),
            teacher=support.dense(4, features=6),
            teacher_inputs="rgb",
            student_inputs="depth",
        )
        distiller.compile("sgd")
        expected = reference.soft_targets(
            distiller.teacher(x["rgb"]), distiller.student(x["depth"]), 2.0
        ).mean()
        actual = evaluated(distiller, x)["loss"]
        np.testing.assert_allclose(actual, expected, rtol=1e-5)
        self.assertEqual(distiller.predict(x, verbose=0).shape, (16, 3))
        distiller.fit(x, verbose=0)

    def test_a_list_of_entries_is_a_dict_for_the_model(self):
        inputs = {n: keras.Input((2,), name=n) for n in ("a", "b")}
        joined = keras.layers.Concatenate()(list(inputs.values()))
        teacher = keras.Model(inputs, keras.layers.Dense(3)(joined))
        x = {n: np.ones((8, 4 if n == "c" else 2), "float32") for n in "abc"}
        distiller = support.distiller(
            teacher=teacher, teacher_inputs=["a", "b"], student_inputs="c"
        )
        distiller.compile("sgd")
        distiller.fit(x, verbose=0)

    def test_losses_name_one_of_several_outputs(self):
        x, _ = support.data(12)
        rng = np.random.default_rng(0)
        y = {"color": rng.integers(0, 3, 12), "shape": rng.integers(0, 2, 12)}
        weights = {
            "color": rng.random(12).astype("float32"),
            "shape": np.zeros(12, "float32"),
        }
        heads = {"color": 3, "shape": 2}
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(
                    2.0, name=name, teacher_tap=name, student_tap=name
                )
                for name in ("color", "shape")
            ],
            teacher=support.two_headed(8, "teacher", **heads),
            student=support.two_headed(4, "student", **heads),
        )
        loss = {name: cross_entropy() for name in ("color", "shape")}
        distiller.compile(
            "sgd",
            loss=loss,
            metrics={"color": [keras_kd.metrics.TeacherAgreement()]},
        )
        dataset = tf.data.Dataset.from_tensors((x, y, weights))
        logs = evaluated(distiller, dataset)
        color = reference.soft_targets(
            distiller.teacher(x)["color"], distiller.student(x)["color"], 2.0
        )
        np.testing.assert_allclose(
            logs["color"], (weights["color"] * color).mean(), rtol=1e-5
        )
        # The weights of the other output are all zero.
        self.assertEqual(logs["shape"], 0)
        self.assertIn("color_teacher_agreement", logs)
        distiller.fit(dataset, verbose=0)

    def test_nested_and_subclassed_models_are_distilled(self):
        class Subclassed(keras.Model):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner
                self.head = keras.layers.Dense(3)

            def call(self, x, training=False):
                return self.head(self.inner(x, training=training))

        x, y = support.data()
        student = Subclassed(support.dense(4, name="backbone"))
        student(x)
        nested = keras.Sequential(
            [keras.Input((4,)), support.dense(8, name="net")]
        )
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(),
                keras_kd.losses.Hint(
                    teacher_tap="net/hidden", student_tap="inner/hidden"
                ),
            ],
            teacher=nested,
            student=student,
        )
        distiller.compile("sgd", loss=cross_entropy())
        distiller.fit(x, y, verbose=0)


class NeedsTest(absltest.TestCase):
    def test_labels_are_served(self):
        class ForClass(keras_kd.losses.DistillationLoss):
            needs = ("labels",)

            def call(self, teacher, student, labels):
                difference = keras.ops.abs(teacher - student)
                return keras.ops.take_along_axis(
                    difference, labels[:, None], axis=-1
                )[:, 0]

        x, y = support.data()
        distiller = support.distiller(ForClass())
        distiller.compile("sgd")
        difference = np.abs(distiller.teacher(x) - distiller.student(x))
        np.testing.assert_allclose(
            evaluated(distiller, x, y)["for_class"],
            difference[np.arange(len(y)), y].mean(),
            rtol=1e-5,
        )
        with self.assertRaisesRegex(
            ValueError, "must have labels.*'for_class'.*Received: labels=None"
        ):
            distiller.fit(x, verbose=0)

    def test_example_ids_survive_shuffling(self):
        class IdTimesHundred(keras_kd.losses.DistillationLoss):
            needs = ("example_ids",)

            def call(self, teacher, student, example_ids):
                ids = keras.ops.cast(example_ids, "float32")
                return keras.ops.abs(ids - 100 * teacher[:, 0])

        # The teacher's first logit is the id / 100 of its example.
        teacher = keras.Sequential(
            [
                keras.Input((1,)),
                keras.layers.Dense(2, kernel_initializer="ones"),
            ]
        )
        student = support.dense(4, classes=2, features=1)
        x = np.arange(20, dtype="float32")[:, None] / 100
        dataset = batch.attach_example_ids(
            tf.data.Dataset.from_tensor_slices(x)
        )
        distiller = support.distiller(
            IdTimesHundred(), teacher=teacher, student=student
        )
        distiller.compile("sgd")
        shuffled = dataset.shuffle(20, seed=0).batch(6)
        logs = evaluated(distiller, shuffled)
        self.assertLess(logs["loss"], 1e-4)
        self.assertEqual(distiller.predict(shuffled, verbose=0).shape, (20, 2))

    def test_input_gradients_are_served_and_differentiated_again(self):
        class Slope(keras_kd.losses.DistillationLoss):
            needs = ("teacher_input_gradient", "student_input_gradient")

            def input_objective(self, output, labels):
                return keras.ops.sum(output, axis=-1)

            def call(
                self,
                teacher,
                student,
                teacher_input_gradient,
                student_input_gradient,
            ):
                gap = student_input_gradient - teacher_input_gradient
                return keras.ops.sum(keras.ops.square(gap), axis=-1)

        def linear():
            return keras.Sequential(
                [keras.Input((4,)), keras.layers.Dense(1, use_bias=False)]
            )

        # The gradient of w.x is w: the loss is |w_s - w_t|^2, and its
        # gradient 2 (w_s - w_t).
        x, _ = support.data()
        teacher, student = linear(), linear()
        distiller = support.distiller(Slope(), teacher=teacher, student=student)
        distiller.compile(keras.optimizers.SGD(0.1))
        gap = student.get_weights()[0] - teacher.get_weights()[0]
        logs = distiller.train_on_batch(x, return_dict=True)
        np.testing.assert_allclose(logs["slope"], np.sum(gap**2), rtol=1e-5)
        np.testing.assert_allclose(
            student.get_weights()[0] - teacher.get_weights()[0],
            gap - 0.1 * 2 * gap,
            rtol=1e-4,
        )

    def test_a_scalar_is_refused(self):
        class Mean(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student):
                return keras.ops.mean(teacher - student)

        with self.assertRaisesRegex(
            ValueError, "'mean' must return one value per example.*a scalar"
        ):
            support.distiller(Mean())


if __name__ == "__main__":
    absltest.main()
