import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd.callbacks import diagnoses
from tests import support
from tests.diagnosed import about
from tests.diagnosed import data
from tests.diagnosed import knowing
from tests.diagnosed import said


class ChanceTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)

    def chance(self, distiller, x=None, y=None, loss="labels"):
        """Sentences on the teacher, without a training."""
        if x is None:
            x, y = data()
        if loss == "labels":
            loss = support.cross_entropy()
        distiller.compile(loss=loss)
        to_tensors = functools.partial(
            keras.tree.map_structure, keras.ops.convert_to_tensor
        )
        batch = to_tensors((x,) if y is None else (x, y))
        return [*diagnoses.of_teacher(distiller.measure_batch(batch).hits)]

    def test_a_teacher_that_knows_is_not_mentioned(self):
        distiller = support.distiller(teacher=knowing())
        self.assertEmpty(said(distiller))

    def test_a_teacher_of_shuffled_weights_is(self):
        teacher = knowing()
        rng = np.random.default_rng(1)
        teacher.set_weights(
            [
                rng.permuted(w.ravel()).reshape(w.shape)
                for w in teacher.get_weights()
            ]
        )
        x, y = data()
        choice = teacher.predict(x, verbose=0).argmax(axis=1)
        right = np.sum(choice == y)
        found = said(support.distiller(teacher=teacher))
        (found,) = about("no better than chance", found)
        self.assertIn(f"right on {right} of the 48 labels in", found)
        self.assertIn("`teacher`", found)

    def test_the_number_by_chance_is_that_of_a_random_order(self):
        # It says class 0 always, which 16 of 48 labels are, in any order.
        teacher = knowing()
        teacher.set_weights([np.zeros((4, 3)), np.array([1.0, 0, 0])])
        (found,) = self.chance(support.distiller(teacher=teacher))
        self.assertIn("right on 16 of the 48", found)
        self.assertIn("random order would be on 16.0", found)

    def test_classes_in_another_order_are_found(self):
        (found,) = self.chance(support.distiller(teacher=knowing((1, 2, 0))))
        self.assertIn("right on 0 of the 48", found)

    @parameterized.named_parameters(
        ("one_hot", lambda y: np.eye(3, dtype="float32")[y]),
        ("column", lambda y: y[:, None]),
    )
    def test_labels_may_be(self, form):
        x, y = data()
        teacher = knowing((1, 2, 0))
        loss = support.cross_entropy()
        if form(y).shape[-1] == 3:
            loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        distiller = support.distiller(teacher=teacher)
        self.assertLen(self.chance(distiller, x, form(y), loss=loss), 1)

    def test_ignored_and_weightless_labels_do_not_count(self):
        # Of 48 labels the teacher is right on 24, and these do not count.
        x, y = data()
        order = np.arange(48)
        wrong = (y + 1 + order % 2) % 3
        y = np.where(order < 24, wrong, y)
        ignored = np.where(order < 24, y, 255)
        loss = support.cross_entropy(ignore_class=255)
        make = functools.partial(support.distiller, teacher=knowing())
        (found,) = self.chance(make(), x, ignored, loss=loss)
        self.assertIn("right on 0 of the 24", found)
        self.assertEmpty(self.chance(make(), x, y))

    @parameterized.named_parameters(("too_few", 2), ("enough", 48))
    def test_a_small_batch_cannot_tell(self, size):
        found = self.chance(
            support.distiller(teacher=knowing((1, 2, 0))), *data(size)
        )
        self.assertLen(found, size == 48)

    def test_a_batch_of_one_class_cannot_tell(self):
        x, y = data()
        distiller = support.distiller(teacher=knowing((1, 2, 0)))
        self.assertEmpty(self.chance(distiller, x[y == 1], y[y == 1]))

    def test_data_without_labels_say_nothing(self):
        x, _ = data()
        distiller = support.distiller(teacher=knowing((1, 2, 0)))
        self.assertEmpty(self.chance(distiller, x, loss=None))

    def test_numbers_that_are_no_classes_say_nothing(self):
        x, y = data()
        distiller = support.distiller(
            losses.LogitRegression(), teacher=knowing((1, 2, 0))
        )
        self.assertEmpty(self.chance(distiller, x, x[:, :3], loss="mse"))

    def test_one_unit_is_right_where_its_sign_is(self):
        x, y = data()
        y = (y == 0).astype("float32")

        def unit(sign):
            model = keras.Sequential(
                [keras.Input((4,)), keras.layers.Dense(1)], name="teacher"
            )
            kernel = np.array([[10.0], [0], [0], [0]])
            model.set_weights([sign * kernel, np.full(1, -5.0 * sign)])
            return model

        for sign in (1, -1):
            distiller = support.distiller(
                losses.BinarySoftTargets(),
                teacher=unit(sign),
                student=support.dense(4, classes=1),
            )
            found = self.chance(
                distiller,
                x,
                y,
                loss=keras.losses.BinaryCrossentropy(from_logits=True),
            )
            self.assertLen(found, sign == -1)

    def test_each_output_is_named(self):
        def heads(model, name):
            inputs = keras.Input((4,))
            outputs = {n: model(n)(inputs) for n in ("a", "b")}
            return keras.Model(inputs, outputs, name=name)

        orders = {"a": (0, 1, 2), "b": (1, 2, 0)}
        distiller = support.distiller(
            [
                losses.SoftTargets(teacher_tap=n, student_tap=n, name=f"kd_{n}")
                for n in ("a", "b")
            ],
            teacher=heads(lambda n: knowing(orders[n], name=n), "teacher"),
            student=support.two_headed(4, "student"),
        )
        x, y = data()
        loss = {n: support.cross_entropy() for n in ("a", "b")}
        (found,) = self.chance(distiller, x, {"a": y, "b": y}, loss=loss)
        self.assertIn("labels of the output 'b'", found)

    def test_a_cached_teacher_is_judged(self):
        x, y = data()
        cached = keras_kd.teachers.cache_teacher(
            knowing((1, 2, 0)), (x, y), support.folder(self), verbose=0
        )
        distiller = support.distiller(teacher=cached)
        (batch,) = cached.attach((x, y)).batch(48)
        self.assertLen(self.chance(distiller, *batch), 1)

    def test_members_of_an_ensemble_are_averaged(self):
        teacher = keras_kd.teachers.EnsembleTeacher(
            [knowing((1, 2, 0), name="one"), knowing((1, 2, 0), name="two")],
            combine="arithmetic",
        )
        self.assertLen(self.chance(support.distiller(teacher=teacher)), 1)


if __name__ == "__main__":
    absltest.main()
