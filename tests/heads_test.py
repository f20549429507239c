"""A loss for every kind of head, in one model: each logs what NumPy finds."""

import keras
import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from tests import heads
from tests import support
from tests.replicas import two_replicas


def teacher():
    keras.utils.set_random_seed(1)
    return heads.net(6, "teacher")


class HeadsTest(absltest.TestCase):
    """With padding, void and unknown labels, and weights of all kinds."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = heads.data()

    def check(self, distiller, teacher, logs):
        """Compares the logs of the first weights with the formulas."""
        x, *others = self.data
        outputs = (
            keras.tree.map_structure(
                keras.ops.convert_to_numpy, model(x, training=False)
            )
            for model in (teacher, distiller.student)
        )
        wanted = heads.expected(*outputs, x, *others)
        self.assertEqual(set(wanted), set(distiller.loss_names))
        for name, value in wanted.items():
            self.assertGreater(value, 1e-3, name)
            np.testing.assert_allclose(
                logs[name], value, rtol=1e-5, atol=1e-6, err_msg=name
            )

    @support.eagerly()
    def test_evaluate_logs_them(self):
        x, y, weights = self.data
        made = heads.distiller(teacher())
        # In one batch, of which the pairs are.
        logs = support.evaluated(
            made, x, y, sample_weight=weights, batch_size=heads.EXAMPLES
        )
        self.check(made, made.teacher, logs)

    @pytest.mark.slow
    def test_a_step_logs_them(self):
        x, y, weights = self.data
        made = heads.distiller(teacher())
        logs = made.train_on_batch(x, y, weights, return_dict=True)
        before = heads.distiller(teacher())
        self.check(before, made.teacher, logs)
        self.assertGreater(
            support.largest_difference(
                support.values(before.student.weights),
                support.values(made.student.weights),
            ),
            1e-4,
        )

    @pytest.mark.slow
    def test_a_cache_changes_nothing(self):
        of = teacher()
        cached = keras_kd.teachers.cache_teacher(
            of,
            self.data,
            support.folder(self) / "cache",
            dtype="float32",
            verbose=0,
        )
        made = heads.distiller(cached)
        data = cached.attach(self.data).batch(heads.EXAMPLES)
        self.check(made, of, support.evaluated(made, data))

    @pytest.mark.slow
    @support.on_tensorflow
    def test_two_replicas_change_nothing(self):
        x, y, weights = self.data
        of = teacher()
        with two_replicas().scope():
            made = heads.distiller(of)
        logs = support.evaluated(
            made, x, y, sample_weight=weights, batch_size=heads.EXAMPLES
        )
        self.check(made, of, logs)


if __name__ == "__main__":
    absltest.main()
