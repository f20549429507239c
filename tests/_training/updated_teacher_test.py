"""A teacher that training updates, with a Distiller."""

import keras
from absl.testing import absltest

from tests import support
from tests.mechanisms import Following
from tests.replicas import two_replicas


def made():
    keras.utils.set_random_seed(0)
    distiller = support.distiller(
        teacher=Following(support.dense(4, name="inner"))
    )
    distiller.compile(keras.optimizers.SGD(0.05))
    return distiller


@support.eager_tests
class UpdatedTeacherTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.x, _ = support.data(8)

    def test_follows_each_update_of_the_student(self):
        distiller = made()
        expected = support.values(distiller.teacher.weights)
        for _ in range(2):
            distiller.train_on_batch(self.x)
            students = support.values(distiller.student.weights)
            expected = [
                (mine + theirs) / 2
                for mine, theirs in zip(expected, students, strict=True)
            ]
        self.assertLess(
            support.largest_difference(
                support.values(distiller.teacher.weights), expected
            ),
            1e-6,
        )

    def test_stays_in_evaluation(self):
        distiller = made()
        before = support.values(distiller.teacher.weights)
        distiller.evaluate(self.x, verbose=0)
        after = support.values(distiller.teacher.weights)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_is_in_the_weights_of_a_run_that_goes_on(self):
        whole, begun = made(), made()
        for _ in range(2):
            begun.train_on_batch(self.x)
        path = str(support.folder(self) / "d.weights.h5")
        begun.save_weights(path)
        # With a teacher that has other weights, as a new run does.
        resumed = made()
        resumed.load_weights(path)
        for one, steps in ((whole, 4), (resumed, 2)):
            for _ in range(steps):
                one.train_on_batch(self.x)
        for model in ("teacher", "student"):
            self.assertEqual(
                support.largest_difference(
                    support.values(getattr(whole, model).weights),
                    support.values(getattr(resumed, model).weights),
                ),
                0,
            )

    def test_comes_back_from_a_whole_file(self):
        distiller = made()
        distiller.train_on_batch(self.x)
        path = str(support.folder(self) / "d.keras")
        distiller.save(path)
        again = keras.saving.load_model(path)
        for one in (distiller, again):
            one.train_on_batch(self.x)
        self.assertEqual(
            support.largest_difference(
                support.values(distiller.teacher.weights),
                support.values(again.teacher.weights),
            ),
            0,
        )

    def test_a_file_of_a_teacher_that_stays_is_refused(self):
        distiller = support.distiller(teacher=support.dense(4, name="inner"))
        distiller.compile("sgd")
        path = str(support.folder(self) / "d.weights.h5")
        distiller.save_weights(path)
        with self.assertRaisesRegex(ValueError, "training with this teacher"):
            made().load_weights(path)

    def test_must_be_made_in_the_scope(self):
        teacher = Following(support.dense(4, name="inner"))
        with (
            two_replicas().scope(),
            self.assertRaisesRegex(
                ValueError, r"must be made in the scope.*`Following` inside"
            ),
        ):
            support.distiller(teacher=teacher)


if __name__ == "__main__":
    absltest.main()
