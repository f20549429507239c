"""Labels of nan, void positions, and weights of examples and positions."""

from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import reference
from tests import support
from tests.small_targets import RATE
from tests.small_targets import TEMPERATURE
from tests.small_targets import logits
from tests.small_targets import make
from tests.small_targets import step


@support.eager_tests
class NanTest(parameterized.TestCase):
    @parameterized.parameters((1,), (2,))
    def test_a_number_that_is_not_known_is_no_label(self, outputs):
        x, _ = support.data(8)
        y = np.random.default_rng(1).normal(size=(8, outputs))
        labelled = np.arange(8) % 4 != 0
        given = np.where(labelled[:, None], y, np.nan).astype("float32")
        distiller = make(
            "mse",
            ["mae"],
            keras_kd.losses.Match(loss="mse"),
            outputs=outputs,
        )
        teacher, student = logits(distiller, x)
        change, logs = step(distiller, x, given)
        error = student - y
        match = (student - teacher) ** 2
        hard = (error[labelled] ** 2).mean()
        np.testing.assert_allclose(logs["match"], match.mean(), rtol=1e-5)
        np.testing.assert_allclose(logs["student_loss"], hard, rtol=1e-5)
        mae = np.abs(error[labelled]).mean()
        np.testing.assert_allclose(logs["mae"], mae, rtol=1e-5)
        gradient = 2 * (student - teacher) / match.size
        gradient[labelled] += 2 * error[labelled] / error[labelled].size
        np.testing.assert_allclose(
            change[0], -RATE * x.T @ gradient, rtol=1e-4, atol=1e-6
        )

    def test_a_label_that_is_known_in_part_is_no_label(self):
        x, _ = support.data(8)
        y = np.zeros((8, 2), "float32")
        y[0, 0] = np.nan
        distiller = make(
            "mse", None, keras_kd.losses.Match(loss="mse"), outputs=2
        )
        logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
        _, student = logits(distiller, x)
        np.testing.assert_allclose(
            logs["student_loss"], (student[1:] ** 2).mean(), rtol=1e-5
        )


def per_example(labels, found):
    """One value for each example of positions."""
    error = keras.ops.square(labels - found)
    return keras.ops.mean(error, axis=(1, 2))


class LossOfAllPositionsTest(parameterized.TestCase):
    """Such as one that counts overlaps, and no position by itself."""

    @parameterized.parameters("tests", None)
    def test_gives_a_value_per_example(self, module):
        random = np.random.default_rng(0)
        x = random.normal(size=(6, 5, 4)).astype("float32")
        y = random.normal(size=(6, 5, 3)).astype("float32")
        weights = random.random(6).astype("float32")
        # Code that is executed as text may be of no module.
        with mock.patch.object(per_example, "__module__", module):
            distiller = make(
                per_example,
                None,
                keras_kd.losses.Match(loss="mse"),
                shape=(5, 4),
            )
            logs = distiller.evaluate(
                x, y, verbose=0, return_dict=True, sample_weight=weights
            )
            _, student = logits(distiller, x)
            change, _ = step(distiller, x, y)
        values = weights * np.square(y - student).mean(axis=(1, 2))
        np.testing.assert_allclose(
            logs["student_loss"], values.mean(), rtol=1e-5
        )
        self.assertGreater(np.abs(change[0]).max(), 1e-5)


@support.eager_tests
class VoidTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.x = random.normal(size=(6, 5, 4)).astype("float32")
        self.y = random.integers(0, 3, (6, 5))
        self.valid = random.random((6, 5)) < 0.5

    def check(self, y, loss):
        distiller = make(
            loss,
            ["accuracy", keras_kd.metrics.TeacherAgreement()],
            shape=(5, 4),
        )
        teacher, student = logits(distiller, self.x)
        logs = distiller.evaluate(self.x, y, verbose=0, return_dict=True)
        soft = reference.soft_targets(teacher, student, TEMPERATURE)
        np.testing.assert_allclose(
            logs["soft_targets"], soft[self.valid].mean(), rtol=1e-5
        )
        choice = student.argmax(-1)
        for key, right in (
            ("accuracy", choice == self.y),
            ("teacher_agreement", choice == teacher.argmax(-1)),
        ):
            np.testing.assert_allclose(
                logs[key], right[self.valid].mean(), rtol=1e-6
            )

    def test_an_ignored_class_of_positions(self):
        y = np.where(self.valid, self.y, 255)
        self.check(y, support.cross_entropy(ignore_class=255))

    def test_one_hot_labels_of_nan(self):
        y = np.eye(3, dtype="float32")[self.y]
        y[~self.valid] = np.nan
        self.check(y, keras.losses.CategoricalCrossentropy(from_logits=True))

    def test_an_entry_of_the_input_says_which_positions_count(self):
        token = keras.Input((5, 4), name="x")
        pad = keras.Input((5,), name="padding_mask", dtype="bool")

        def net(seed):
            head = keras.layers.Dense(
                3,
                name="head",
                kernel_initializer=keras.initializers.RandomNormal(seed=seed),
            )
            used = token * keras.ops.cast(pad, "float32")[..., None]
            return keras.Model({"x": token, "padding_mask": pad}, head(used))

        x = {"x": self.x, "padding_mask": self.valid}
        teacher, student = net(1), net(2)
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=[
                keras_kd.losses.SoftTargets(TEMPERATURE),
                keras_kd.losses.Hint(teacher_tap="head", student_tap="head"),
            ],
            mask_input="padding_mask",
        )
        distiller.compile(
            "sgd",
            support.cross_entropy(),
            metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        )
        logs = distiller.evaluate(x, self.y, verbose=0, return_dict=True)
        first, second = (
            reference.float64(model(x).numpy()) for model in (teacher, student)
        )
        soft = reference.soft_targets(first, second, TEMPERATURE)
        entropy = -np.take_along_axis(
            reference.log_softmax(second), self.y[..., None], -1
        )[..., 0]
        choice = second.argmax(-1)
        for key, values in (
            ("soft_targets", soft),
            ("hint", ((first - second) ** 2).mean(-1)),
            ("student_loss", entropy),
            ("accuracy", choice == self.y),
            ("teacher_agreement", choice == first.argmax(-1)),
        ):
            np.testing.assert_allclose(
                logs[key], values[self.valid].mean(), rtol=1e-5, err_msg=key
            )

    def test_a_loss_over_positions_leaves_them_out(self):
        void = np.where(self.valid, self.y, 9)
        distiller = make(
            support.cross_entropy(ignore_class=9),
            losses=keras_kd.losses.AttentionTransfer(),
            shape=(5, 4),
        )
        before = distiller.evaluate(self.x, void, verbose=0, return_dict=True)
        elsewhere = np.where(self.valid[..., None], self.x, 100 * self.x)
        after = distiller.evaluate(elsewhere, void, verbose=0, return_dict=True)
        np.testing.assert_allclose(
            after["attention_transfer"],
            before["attention_transfer"],
            rtol=1e-6,
        )
        everything = distiller.evaluate(
            elsewhere, self.y, verbose=0, return_dict=True
        )
        self.assertGreater(
            abs(
                everything["attention_transfer"] - before["attention_transfer"]
            ),
            1e-3,
        )

    def test_an_entry_that_is_not_there_is_named(self):
        distiller = make(None, shape=(5, 4), mask_input="padding_mask")
        with self.assertRaisesRegex(
            ValueError, "`mask_input` must name an entry.*padding_mask"
        ):
            distiller.fit(self.x, verbose=0)


@support.eager_tests
class WeightsTest(parameterized.TestCase):
    def test_weights_of_examples_beside_labels_of_positions(self):
        # As many positions as examples, so that the wrong axis would fit.
        random = np.random.default_rng(0)
        x = random.normal(size=(5, 5, 4)).astype("float32")
        y = random.integers(0, 3, (5, 5))
        weights = np.arange(5).astype("float32")
        distiller = make(support.cross_entropy(), shape=(5, 4))
        distiller.compile(
            "sgd", support.cross_entropy(), weighted_metrics=["accuracy"]
        )
        teacher, student = logits(distiller, x)
        logs = distiller.evaluate(
            x, y, sample_weight=weights, verbose=0, return_dict=True
        )
        entropy = -np.take_along_axis(
            reference.log_softmax(student), y[..., None], -1
        )[..., 0]
        soft = reference.soft_targets(teacher, student, TEMPERATURE)
        spread = weights[:, None]
        np.testing.assert_allclose(
            logs["student_loss"], (spread * entropy).mean(), rtol=1e-5
        )
        np.testing.assert_allclose(
            logs["soft_targets"], (spread * soft).mean(), rtol=1e-5
        )
        right = student.argmax(-1) == y
        np.testing.assert_allclose(
            logs["accuracy"], (spread * right).sum() / (5 * spread.sum())
        )

    @parameterized.parameters(bool, np.int32, np.float16, np.float64)
    def test_weights_of_any_type(self, dtype):
        x, y = support.data(8)
        weights = (np.arange(8) % 2).astype(dtype)
        distiller = make(support.cross_entropy())
        logs = distiller.evaluate(
            x, y, sample_weight=weights, verbose=0, return_dict=True
        )
        teacher, student = logits(distiller, x)
        soft = reference.soft_targets(teacher, student, TEMPERATURE)
        np.testing.assert_allclose(
            logs["soft_targets"], soft[1::2].sum() / 8, rtol=1e-5
        )


if __name__ == "__main__":
    absltest.main()
