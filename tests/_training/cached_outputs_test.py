"""A Distiller whose teacher is a cache."""

import tempfile
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._core import top_logits
from keras_kd._training.cached_outputs import CachedOutputs
from tests import reference
from tests import support
from tests.replicas import two_replicas

ONLY_SUPERVISED = "does not come from `attach`"


def teacher(**head):
    keras.utils.set_random_seed(0)
    return support.dense(8, name="teacher", **head)


@support.eager_tests(but=("test_warns_once",))
class CachedDistillerTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.data = support.data(24)
        with support.eagerly():
            cls.cached = cls.cache(taps=["hidden"])

    @classmethod
    def cache(cls, model=None, **kwargs):
        return keras_kd.teachers.cache_teacher(
            model or teacher(),
            cls.data,
            tempfile.mkdtemp(dir=cls.root),
            verbose=0,
            **kwargs,
        )

    def distiller(self, losses=None, cached=None, **kwargs):
        keras.utils.set_random_seed(1)
        distiller = support.distiller(
            losses, teacher=cached or self.cached, **kwargs
        )
        distiller.compile(
            "adam",
            loss=support.cross_entropy(),
            metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        )
        return distiller

    def attached(self):
        return self.cached.attach(self.data).batch(8)

    def test_validation_without_rows_has_supervised_logs_only(self):
        distiller = self.distiller()
        with self.assertWarnsRegex(UserWarning, ONLY_SUPERVISED):
            history = distiller.fit(
                self.attached(),
                validation_data=self.data,
                epochs=2,
                verbose=0,
            ).history
        self.assertSetEqual(
            {name for name in history if name.startswith("val_")},
            {"val_accuracy", "val_loss", "val_student_loss"},
        )
        self.assertIn("soft_targets", history)
        self.assertIn("teacher_agreement", history)
        expected = support.cross_entropy()(
            self.data[1], distiller.student(self.data[0])
        )
        self.assertAlmostEqual(history["val_loss"][-1], expected, places=5)

    def test_warns_once(self):
        distiller = self.distiller()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(2):
                distiller.run_eagerly = not distiller.run_eagerly
                distiller.evaluate(*self.data, verbose=0)
        found = [w for w in caught if ONLY_SUPERVISED in str(w.message)]
        self.assertLen(found, 1)

    @pytest.mark.slow
    def test_validation_without_rows_is_exact_on_replicas(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one = self.distiller().evaluate(
                *self.data, batch_size=5, verbose=0, return_dict=True
            )
            with two_replicas().scope():
                two = self.distiller().evaluate(
                    *self.data, batch_size=5, verbose=0, return_dict=True
                )
        self.assertEqual(one.keys(), two.keys())
        for name, value in one.items():
            self.assertAlmostEqual(value, two[name], places=5)

    def test_validation_with_rows_has_all_logs(self):
        logs = self.distiller().evaluate(
            self.attached(), verbose=0, return_dict=True
        )
        self.assertIn("soft_targets", logs)
        self.assertIn("teacher_agreement", logs)

    def test_refuses_training_without_rows(self):
        with self.assertRaisesRegex(ValueError, "`attach`.*for training"):
            self.distiller().fit(*self.data, verbose=0)

    def test_refuses_validation_without_rows_and_loss(self):
        distiller = self.distiller()
        distiller.compile("adam")
        with self.assertRaisesRegex(ValueError, "a Distiller without loss"):
            distiller.evaluate(self.data[0], verbose=0)

    def test_refuses_rows_of_another_cache(self):
        other = self.cache(dtype="float32")
        with self.assertRaisesRegex(ValueError, "rows of another cache"):
            self.distiller().fit(
                other.attach(self.data).batch(8), epochs=1, verbose=0
            )

    @pytest.mark.slow
    def test_one_data_set_serves_two_caches(self):
        other = self.cache(dtype="float32")
        data = other.attach(self.cached.attach(self.data)).batch(8)
        for cached in (self.cached, other):
            logs = self.distiller(cached=cached).evaluate(
                data, verbose=0, return_dict=True
            )
            self.assertIn("soft_targets", logs)

    def test_works_beside_example_ids(self):
        data = keras_kd.batch.attach_example_ids(self.cached.attach(self.data))
        x, _ = next(iter(data.batch(8)))
        _, reserved = keras_kd.batch.split(x)
        self.assertSetEqual(set(reserved), {"example_ids", "teacher"})

    def test_refuses_a_tap_that_is_not_stored(self):
        loss = keras_kd.losses.Hint(teacher_tap="head", student_tap="hidden")
        with self.assertRaisesRegex(ValueError, "'head'.*Stored are: hidden"):
            self.distiller(loss)

    def test_refuses_probabilities(self):
        cached = self.cache(teacher(activation="softmax"))
        with self.assertRaisesRegex(ValueError, "gives probabilities"):
            self.distiller(cached=cached)

    def test_refuses_a_loss_that_differentiates_the_teacher(self):
        with self.assertRaisesRegex(
            ValueError, "'input_gradient_transfer' must run the teacher"
        ):
            self.distiller(keras_kd.losses.InputGradientTransfer())

    @pytest.mark.slow
    def test_works_beside_a_loss_that_differentiates_the_student(self):
        distiller = self.distiller(
            keras_kd.losses.InputGradientSymmetry(axis=-1)
        )
        history = distiller.fit(self.attached(), verbose=0).history
        self.assertGreater(history["input_gradient_symmetry"][0], 0)

    def test_refuses_other_teacher_inputs(self):
        with self.assertRaisesRegex(ValueError, "teacher_inputs='rgb'"):
            self.distiller(teacher_inputs="rgb")

    @parameterized.parameters("float16", "float32")
    def test_top_classes_reach_the_loss_as_logits(self, dtype):
        cached = self.cache(top_k=2, dtype=dtype)
        x, _ = next(iter(cached.attach(self.data).batch(24)))
        _, reserved = keras_kd.batch.split(x)
        logits, _ = cached.read(reserved["teacher"])
        # Of three classes the rest is one: nothing but digits is lost.
        tolerance = {"float16": 2e-2, "float32": 1e-5}[dtype]
        np.testing.assert_allclose(
            logits, teacher()(self.data[0]), atol=tolerance
        )

    def test_top_classes_stay_few_for_losses_that_take_them(self):
        cached = self.cache(top_k=1)
        x, _ = next(iter(cached.attach(self.data).batch(24)))
        _, reserved = keras_kd.batch.split(x)
        soft, reverse = (
            keras_kd.losses.SoftTargets(),
            keras_kd.losses.ReverseSoftTargets(),
        )
        standardized = keras_kd.losses.SoftTargets(standardize_logits=True)

        class Twice(keras_kd.losses.SoftTargets):
            def call(self, teacher, student):
                return 2 * super().call(teacher, student)

        for losses, is_top in (
            ([soft], True),
            ([soft, reverse], False),
            ([standardized], False),
            ([Twice()], False),
        ):
            named = {str(i): loss for i, loss in enumerate(losses)}
            outputs = CachedOutputs(cached, "teacher", None, named)
            _, tensors = outputs.tapped(reserved["teacher"])
            self.assertEqual(top_logits.is_top(tensors[None]), is_top)

    def test_soft_targets_of_the_top_classes(self):
        cached = self.cache(top_k=1, dtype="float32")
        loss = keras_kd.losses.SoftTargets(temperature=3.0)
        distiller = self.distiller(loss, cached=cached)
        logs = distiller.evaluate(
            cached.attach(self.data).batch(24), verbose=0, return_dict=True
        )
        logits = teacher().predict(self.data[0], verbose=0).astype("float64")
        # The two lower logits become one, of the same sum of exponentials.
        low = np.argsort(logits, axis=-1)[:, :2]
        rest = np.take_along_axis(logits, low, axis=-1)
        even = np.log(np.mean(np.exp(rest), axis=-1, keepdims=True))
        np.put_along_axis(logits, low, even.repeat(2, -1), axis=-1)
        student = distiller.student.predict(self.data[0], verbose=0)
        self.assertAlmostEqual(
            logs["soft_targets"],
            reference.soft_targets(logits, student, 3.0).mean(),
            places=5,
        )

    @pytest.mark.slow
    def test_a_saved_distiller_opens_its_cache(self):
        distiller = self.distiller()
        distiller.fit(self.attached(), verbose=0)
        path = support.folder(self) / "distiller.keras"
        distiller.save(path)
        loaded = keras.models.load_model(path)
        self.assertEqual(
            loaded.teacher.fingerprint(), self.cached.fingerprint()
        )
        self.assertEqual(
            distiller.evaluate(self.attached(), verbose=0, return_dict=True),
            loaded.evaluate(self.attached(), verbose=0, return_dict=True),
        )

    def test_a_loaded_distiller_refuses_another_cache(self):
        config = self.cached.get_config() | {"fingerprint": "00" * 16}
        with self.assertRaisesRegex(ValueError, "one that was trained with"):
            keras_kd.teachers.CachedTeacher.from_config(config)

    def test_weights_of_a_run_with_another_cache_are_refused(self):
        path = support.folder(self) / "run.weights.h5"
        self.distiller().save_weights(path)
        other = self.distiller(cached=self.cache(dtype="float32"))
        with self.assertRaisesRegex(ValueError, "training with this teacher"):
            other.load_weights(path)

    @pytest.mark.slow
    def test_a_function_can_be_cached(self):
        function = keras_kd.teachers.FunctionTeacher(
            lambda x: np.abs(x[:, :3]),
            num_classes=3,
            from_logits=True,
            identity="first features",
        )
        cached = self.cache(function, dtype="float32")
        x, _ = next(iter(cached.attach(self.data).batch(24)))
        _, reserved = keras_kd.batch.split(x)
        logits, _ = cached.read(reserved["teacher"])
        np.testing.assert_allclose(
            logits, np.abs(self.data[0][:, :3]), rtol=1e-6
        )
        self.distiller(cached=cached).fit(
            cached.attach(self.data).batch(8), verbose=0
        )

    def test_teacher_inputs_choose_an_entry(self):
        x, y = self.data
        both = {"a": x, "b": 2 * x}
        cached = keras_kd.teachers.cache_teacher(
            teacher(),
            both,
            support.folder(self),
            teacher_inputs="b",
            dtype="float32",
            verbose=0,
        )
        data = tf.data.Dataset.from_tensor_slices((both, y))
        rows, _ = next(iter(cached.attach(data).batch(24)))
        _, reserved = keras_kd.batch.split(rows)
        logits, _ = cached.read(reserved["teacher"])
        np.testing.assert_allclose(logits, teacher()(2 * x), rtol=1e-4)


if __name__ == "__main__":
    absltest.main()
