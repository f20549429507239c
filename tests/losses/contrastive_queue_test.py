import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests import support
from tests.losses import precision
from tests.references import contrasts

SIZE = 7


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(**kwargs):
    """A loss whose projections are no longer the first."""
    loss = losses.ContrastiveQueue(3, SIZE, **kwargs)
    loss.build((None, 2, 3), (None, 4))
    for seed, layer in enumerate(
        (loss.teacher_projection, loss.student_projection)
    ):
        for weight in layer.weights:
            weight.assign(normal(*weight.shape, seed=seed))
    return loss


def projected(layer, features):
    """The projection of a feature, in float64."""
    kernel, bias = (
        ops.convert_to_numpy(w).astype("float64") for w in layer.weights
    )
    return features.reshape(len(features), -1) @ kernel + bias


def identity(**kwargs):
    """A loss that compares vectors of two numbers as they are."""
    loss = losses.ContrastiveQueue(2, 8, **kwargs)
    loss.build((None, 2), (None, 2))
    for layer in (loss.teacher_projection, loss.student_projection):
        layer.kernel.assign(np.eye(2))
    return loss


class ContrastiveQueueTest(parameterized.TestCase):
    def test_by_hand(self):
        # Two teachers at right angles; the students are the wrong way round.
        # At temperature 1, p = (e, 1) / (e + 1), and q the other way, so that
        # -sum p log q = log(e + 1) - 1 / (e + 1).
        loss = identity(teacher_temperature=1.0, student_temperature=1.0)
        actual = loss(np.diag([2.0, 3.0]), np.diag([5.0, 1.0])[::-1])
        expected = np.log(np.e + 1) - 1 / (np.e + 1)
        np.testing.assert_allclose(actual, [expected] * 2, rtol=1e-6)

    @parameterized.parameters((0.02, 0.1), (0.5, 2.0))
    def test_equals_the_reference_while_the_queue_turns(self, theirs, ours):
        loss = built(teacher_temperature=theirs, student_temperature=ours)
        queue = np.zeros((0, 3))
        for step in range(4):
            teacher, student = normal(3, 2, 3, seed=step), normal(3, 4, seed=9)
            weights = np.array([2.0, step % 2, 0.5])
            theirs_now = projected(loss.teacher_projection, teacher)
            queue = contrasts.enqueue(queue, theirs_now, SIZE, weights)
            expected = contrasts.queue_relation(
                theirs_now,
                projected(loss.student_projection, student),
                queue,
                theirs,
                ours,
            )
            np.testing.assert_allclose(
                loss(teacher, student, example_weights=weights, training=True),
                np.where(weights > 0, expected, 0),
                rtol=1e-5,
            )
        np.testing.assert_allclose(loss.queue, queue, rtol=1e-5, atol=1e-6)

    def test_what_does_not_count_changes_nothing(self):
        weights = np.array([1.0, 0.0, 1.0])
        teacher, student = normal(3, 2, 3), normal(3, 4, seed=1)
        teacher[1], student[1] = np.inf, np.nan
        with_it, without = built(), built()
        result = precision.run(
            lambda: (
                lambda t, s: with_it(
                    t, s, example_weights=weights, training=True
                )
            ),
            teacher,
            student,
        )
        alone = precision.run(
            lambda: lambda t, s: without(t, s, training=True),
            teacher[[0, 2]],
            student[[0, 2]],
        )
        np.testing.assert_allclose(with_it.queue, without.queue, rtol=1e-6)
        for actual, expected in (
            (result.value, alone.value),
            (result.gradient, alone.gradient),
        ):
            np.testing.assert_array_equal(actual[1], 0)
            np.testing.assert_allclose(
                actual[[0, 2]], expected, rtol=1e-5, atol=1e-6
            )

    def test_an_empty_place_of_the_queue_is_no_entry(self):
        # With the seven empty ones, of cosine 0, it would be more than 0.
        loss = built(teacher_temperature=1.0, student_temperature=1.0)
        np.testing.assert_allclose(
            loss(normal(1, 2, 3), normal(1, 4)), [0], atol=1e-6
        )

    def test_a_call_outside_of_training_leaves_the_queue(self):
        loss = built()
        before, after = normal(3, 2, 3), normal(3, 2, 3, seed=5)
        student = normal(3, 4)
        loss(before, student, training=True)
        kept = ops.convert_to_numpy(loss.queue).copy()
        outside = loss(after, student)
        np.testing.assert_array_equal(loss.queue, kept)
        np.testing.assert_array_equal(
            loss(after, student, training=True), outside
        )

    def test_the_projection_of_the_teacher_is_not_trained(self):
        loss = built()
        trained = [*loss.student_projection.weights]
        self.assertEqual(
            [id(w) for w in loss.trainable_variables], [id(w) for w in trained]
        )

    def test_entries_have_length_one_each(self):
        # Not the columns of the queue, as in the published code.
        loss = built()
        loss(normal(6, 2, 3), normal(6, 4), training=True)
        rows = ops.convert_to_numpy(loss.queue)[-6:]
        np.testing.assert_allclose(np.sum(rows**2, axis=1), 1, rtol=1e-5)


@support.eager_tests
class TrainingTest(absltest.TestCase):
    def made(self):
        keras.utils.set_random_seed(0)
        distiller = support.distiller(losses.ContrastiveQueue(3, SIZE))
        distiller.compile(keras.optimizers.SGD(0.05, momentum=0.9))
        return distiller

    def test_goes_on_after_a_restart(self):
        x, _ = support.data(8)
        whole, begun = self.made(), self.made()
        for _ in range(4):
            whole.train_on_batch(x)
        for _ in range(2):
            begun.train_on_batch(x)
        path = str(support.folder(self) / "d.keras")
        begun.save(path)
        resumed = keras.saving.load_model(path)
        for _ in range(2):
            resumed.train_on_batch(x)
        found = [support.values(d.weights) for d in (whole, resumed)]
        self.assertEqual(support.largest_difference(*found), 0)
        self.assertGreater(np.abs(found[0][-1]).max(), 0)

    def test_the_queue_is_no_part_of_the_student(self):
        distiller = self.made()
        (loss,) = distiller.distillation_losses
        self.assertNotIn(
            id(loss.queue), [id(v) for v in distiller.student.variables]
        )


if __name__ == "__main__":
    absltest.main()
