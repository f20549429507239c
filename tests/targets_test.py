"""Labels that do not count: unlabelled examples, void positions."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import reference
from tests import support
from tests.replicas import two_replicas

RATE = 0.5
TEMPERATURE = 2.0


def linear(outputs=3, shape=(4,), seed=0):
    """A single layer, whose gradient can be written down."""
    initializer = keras.initializers.RandomNormal(seed=seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Dense(outputs, kernel_initializer=initializer),
        ]
    )


def step(distiller, x, y, **kwargs):
    """Changes of kernel and bias in one update, and the logs."""
    before = support.values(distiller.student.weights)
    logs = distiller.fit(
        x, y, batch_size=len(x), shuffle=False, verbose=0, **kwargs
    ).history
    after = support.values(distiller.student.weights)
    change = [b - a for a, b in zip(before, after, strict=True)]
    return change, {key: values[0] for key, values in logs.items()}


def make(loss, metrics=None, losses=None, shape=(4,), outputs=3, **kwargs):
    distiller = keras_kd.Distiller(
        teacher=linear(outputs, shape, seed=1),
        student=linear(outputs, shape, seed=2),
        distillation_losses=losses or keras_kd.losses.SoftTargets(TEMPERATURE),
        **kwargs,
    )
    distiller.compile(keras.optimizers.SGD(RATE), loss, metrics=metrics)
    return distiller


def logits(distiller, x):
    return [
        reference.float64(model(x).numpy())
        for model in (distiller.teacher, distiller.student)
    ]


def expected(distiller, x, y, labelled):
    """Terms and the change in one update, each half computed by itself."""
    teacher, student = logits(distiller, x)
    soft = reference.soft_targets(teacher, student, TEMPERATURE)
    gradient = reference.soft_targets_gradient(teacher, student, TEMPERATURE)
    gradient = gradient / len(x)
    log_q = reference.log_softmax(student)[labelled]
    rows = np.arange(len(log_q))
    hard = -log_q[rows, y[labelled]]
    residual = np.exp(log_q)
    residual[rows, y[labelled]] -= 1
    gradient[labelled] += residual / labelled.sum()
    change = [
        -RATE * reference.float64(x).T @ gradient,
        -RATE * gradient.sum(axis=0),
    ]
    return soft.mean(), hard.mean(), change


class UnlabelledTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = support.data(8)
        self.labelled = np.arange(8) % 2 == 0
        self.given = np.where(self.labelled, self.y, -1)
        self.loss = support.cross_entropy(ignore_class=-1)

    @parameterized.parameters(np.int64, np.int32, np.float32)
    def test_value_and_gradient_are_those_of_both_halves(self, dtype):
        distiller = make(self.loss)
        soft, hard, wanted = expected(distiller, self.x, self.y, self.labelled)
        change, logs = step(distiller, self.x, self.given.astype(dtype))
        np.testing.assert_allclose(logs["soft_targets"], soft, rtol=1e-5)
        np.testing.assert_allclose(logs["student_loss"], hard, rtol=1e-5)
        np.testing.assert_allclose(logs["loss"], soft + hard, rtol=1e-5)
        for actual, one in zip(change, wanted, strict=True):
            np.testing.assert_allclose(actual, one, rtol=1e-4, atol=1e-6)

    def test_on_two_replicas_that_have_unequal_parts(self):
        # The first replica has four labels, the second none.
        order = np.argsort(~self.labelled, kind="stable")
        x, y, given = self.x[order], self.y[order], self.given[order]
        with two_replicas().scope():
            distiller = make(support.cross_entropy(ignore_class=-1))
            soft, hard, wanted = expected(distiller, x, y, given >= 0)
            change, logs = step(distiller, x, given)
        np.testing.assert_allclose(logs["loss"], soft + hard, rtol=1e-5)
        for actual, one in zip(change, wanted, strict=True):
            np.testing.assert_allclose(actual, one, rtol=1e-4, atol=1e-6)

    def test_a_column_of_labels_is_one_label_an_example(self):
        distiller = make(self.loss)
        soft, hard, _ = expected(distiller, self.x, self.y, self.labelled)
        _, logs = step(distiller, self.x, self.given[:, None])
        np.testing.assert_allclose(logs["loss"], soft + hard, rtol=1e-5)

    def test_a_batch_without_any_label_is_distilled(self):
        distiller = make(self.loss)
        teacher, student = logits(distiller, self.x)
        _, logs = step(distiller, self.x, np.full(8, -1))
        self.assertEqual(logs["student_loss"], 0)
        soft = reference.soft_targets(teacher, student, TEMPERATURE).mean()
        np.testing.assert_allclose(logs["loss"], soft, rtol=1e-5)

    @parameterized.parameters(False, True)
    def test_metrics_of_labels_leave_them_out(self, run_eagerly):
        metrics = [
            "accuracy",
            keras.metrics.SparseCategoricalCrossentropy(
                from_logits=True, name="ce"
            ),
            keras_kd.metrics.TeacherAgreement(),
        ]
        distiller = make(self.loss, metrics)
        distiller.run_eagerly = run_eagerly
        teacher, student = logits(distiller, self.x)
        logs = distiller.evaluate(
            self.x, self.given, verbose=0, return_dict=True
        )
        choice, y = student.argmax(-1), self.y
        right = (choice == y)[self.labelled].mean()
        np.testing.assert_allclose(logs["accuracy"], right, rtol=1e-6)
        entropy = -reference.log_softmax(student)[np.arange(8), y]
        np.testing.assert_allclose(
            logs["ce"], entropy[self.labelled].mean(), rtol=1e-5
        )
        agreement = (choice == teacher.argmax(-1)).mean()
        np.testing.assert_allclose(
            logs["teacher_agreement"], agreement, rtol=1e-6
        )

    def test_from_a_data_set_and_by_batch(self):
        data = tf.data.Dataset.from_tensor_slices((self.x, self.given))
        found = []
        distiller = make(self.loss)
        found.append(distiller.evaluate(data.batch(8), verbose=0))
        found.append(distiller.test_on_batch(self.x, self.given))
        wanted = sum(expected(distiller, self.x, self.y, self.labelled)[:2])
        for logs in found:
            np.testing.assert_allclose(np.ravel(logs)[0], wanted, rtol=1e-5)

    def test_a_cached_teacher_says_the_same(self):
        distiller = make(self.loss)
        data = (self.x, self.given)
        cached = keras_kd.teachers.cache_teacher(
            distiller.teacher,
            data,
            support.folder(self),
            dtype="float32",
            verbose=0,
        )
        twin = keras_kd.Distiller(
            teacher=cached,
            student=distiller.student,
            distillation_losses=keras_kd.losses.SoftTargets(TEMPERATURE),
        )
        twin.compile("sgd", self.loss)
        found = twin.evaluate(cached.attach(data).batch(8), verbose=0)
        wanted = sum(expected(distiller, self.x, self.y, self.labelled)[:2])
        np.testing.assert_allclose(found[0], wanted, rtol=1e-5)

    def test_a_loss_that_reads_labels_leaves_them_out(self):
        class Trusted(keras_kd.losses.DistillationLoss):
            needs = ("labels",)

            def call(self, teacher, student, labels):
                right = keras.ops.one_hot(labels, 3)
                return keras.ops.sum(right * (teacher - student) ** 2, axis=-1)

        distiller = make(self.loss, losses=Trusted())
        teacher, student = logits(distiller, self.x)
        _, logs = step(distiller, self.x, self.given)
        values = (teacher - student)[np.arange(8), self.y] ** 2
        np.testing.assert_allclose(
            logs["trusted"], values[self.labelled].mean(), rtol=1e-5
        )

    def test_peers_learn_from_each_other_about_them(self):
        peers = [linear(seed=1), linear(seed=2)]
        distiller = keras_kd.MutualDistiller(
            peers=peers,
            distillation_losses=keras_kd.losses.SoftTargets(TEMPERATURE),
        )
        distiller.compile("sgd", self.loss, metrics=["accuracy"])
        first, second = (reference.float64(p(self.x).numpy()) for p in peers)
        logs = distiller.evaluate(
            self.x, self.given, verbose=0, return_dict=True
        )
        soft = reference.soft_targets(second, first, TEMPERATURE).mean()
        np.testing.assert_allclose(logs["peer_0_soft_targets"], soft, rtol=1e-5)
        hard = -reference.log_softmax(first)[np.arange(8), self.y]
        np.testing.assert_allclose(
            logs["peer_0_student_loss"], hard[self.labelled].mean(), rtol=1e-5
        )
        right = (first.argmax(-1) == self.y)[self.labelled].mean()
        np.testing.assert_allclose(logs["peer_0_accuracy"], right, rtol=1e-6)
        together = ((first + second).argmax(-1) == self.y)[self.labelled]
        np.testing.assert_allclose(
            logs["ensemble_accuracy"], together.mean(), rtol=1e-6
        )


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

    def test_a_label_that_is_known_in_part_shows_as_nan(self):
        x, _ = support.data(8)
        y = np.zeros((8, 2), "float32")
        y[0, 0] = np.nan
        distiller = make(
            "mse", None, keras_kd.losses.Match(loss="mse"), outputs=2
        )
        logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
        self.assertTrue(np.isnan(logs["student_loss"]))


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

    def test_an_entry_that_is_not_there_is_named(self):
        distiller = make(None, shape=(5, 4), mask_input="padding_mask")
        with self.assertRaisesRegex(
            ValueError, "`mask_input` must name an entry.*padding_mask"
        ):
            distiller.fit(self.x, verbose=0)


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
