"""Memory of a loss: a queue, and random numbers that resume."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.losses import memory
from tests import support
from tests.mechanisms import QUEUE_SIZE
from tests.mechanisms import Masked
from tests.mechanisms import Queue


class EnqueuedTest(parameterized.TestCase):
    def queue(self):
        loss = Queue()
        loss.build((None, 2), (None, 2))
        loss.queue.assign(np.arange(2 * QUEUE_SIZE).reshape(-1, 2))
        return loss.queue

    @parameterized.parameters(
        ([1, 1, 1],),
        ([1, 0, 2.5],),
        ([0, 0, 0],),
        ([1] * 13,),
        ([0, 1] * 6,),
    )
    def test_the_oldest_leave(self, weights):
        queue = self.queue()
        rows = 100 + np.arange(2 * len(weights), dtype="float32").reshape(-1, 2)
        rows_that_count = rows[np.array(weights) > 0]
        expected = np.concatenate([queue.numpy(), rows_that_count])
        actual = memory.enqueued(queue, rows, np.array(weights, "float32"))
        np.testing.assert_array_equal(actual, expected[-QUEUE_SIZE:])

    def test_a_loss_must_see_the_whole_batch(self):
        class Alone(keras_kd.losses.DistillationLoss):
            def build(self, teacher_shape, student_shape):
                memory.add_memory(self, "memory", (3,))

        with self.assertRaisesRegex(ValueError, "must be True.*in Alone"):
            support.distiller(Alone())


@support.eager_tests
class QueueTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.x, _ = support.data(7)
        self.weights = np.array([1.0, 0.0, 2.0, 1.0, 0.5, 1.0, 1.0])

    def made(self):
        keras.utils.set_random_seed(0)
        distiller = support.distiller(Queue(name="queue"))
        distiller.compile(keras.optimizers.SGD(0.05))
        return distiller

    def fit(self, distiller, epochs=1):
        distiller.fit(
            self.x,
            sample_weight=self.weights,
            batch_size=4,
            epochs=epochs,
            shuffle=False,
            verbose=0,
        )

    def test_holds_the_last_answers_of_training(self):
        distiller = self.made()
        self.fit(distiller, epochs=2)
        answers = distiller.teacher(self.x).numpy()[self.weights > 0]
        (loss,) = distiller.distillation_losses
        np.testing.assert_allclose(
            loss.queue.numpy(),
            np.concatenate([answers, answers])[-QUEUE_SIZE:],
            rtol=1e-6,
        )

    def test_is_compared_before_it_changes(self):
        distiller = self.made()
        logs = distiller.train_on_batch(self.x, return_dict=True)
        student = self.made().student(self.x).numpy()
        np.testing.assert_allclose(
            logs["queue"], np.mean(student.astype("float64") ** 2), rtol=1e-5
        )

    def test_stays_in_evaluation(self):
        distiller = self.made()
        self.fit(distiller)
        before = support.values(distiller.weights)
        distiller.evaluate(self.x, verbose=0)
        distiller.measure_batch((self.x,))
        after = support.values(distiller.weights)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_goes_on_after_a_restart(self):
        whole, begun = self.made(), self.made()
        self.fit(whole, epochs=2)
        self.fit(begun)
        path = str(support.folder(self) / "d.weights.h5")
        begun.save_weights(path)
        resumed = self.made()
        resumed.optimizer.build(resumed.trainable_variables)
        resumed.load_weights(path)
        self.fit(resumed)
        self.assertEqual(
            support.largest_difference(
                support.values(whole.weights), support.values(resumed.weights)
            ),
            0,
        )

    def test_is_no_part_of_the_student(self):
        distiller = self.made()
        shapes = [tuple(v.shape) for v in distiller.student.variables]
        self.assertNotIn((QUEUE_SIZE, 3), shapes)


@support.eager_tests
class RandomMaskTest(absltest.TestCase):
    def made(self):
        keras.utils.set_random_seed(0)
        distiller = support.distiller(Masked(seed=1))
        distiller.compile(keras.optimizers.SGD(0.05))
        return distiller

    def test_goes_on_after_a_restart(self):
        x, _ = support.data(8)
        whole, begun = self.made(), self.made()
        logs = [whole.train_on_batch(x)[0] for _ in range(4)]
        self.assertLen(set(np.round(np.float64(logs), 4)), 4)
        for _ in range(2):
            begun.train_on_batch(x)
        path = str(support.folder(self) / "d.keras")
        begun.save(path)
        resumed = keras.saving.load_model(path)
        for _ in range(2):
            resumed.train_on_batch(x)
        self.assertEqual(
            support.largest_difference(
                support.values(whole.weights), support.values(resumed.weights)
            ),
            0,
        )

    def test_nothing_is_hidden_or_drawn_in_evaluation(self):
        x, _ = support.data(8)
        distiller = self.made()
        (loss,) = distiller.distillation_losses
        before = support.values([loss.seed_generator.state])
        logs = support.evaluated(distiller, x)
        gap = np.subtract(distiller.teacher(x), distiller.student(x))
        np.testing.assert_allclose(logs["loss"], np.mean(gap**2), rtol=1e-5)
        after = support.values([loss.seed_generator.state])
        np.testing.assert_array_equal(before, after)


if __name__ == "__main__":
    absltest.main()
