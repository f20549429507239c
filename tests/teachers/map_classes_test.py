import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from keras_kd import taps
from keras_kd import teachers
from keras_kd._core import teacher_protocol
from tests import reference
from tests import support

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.head = keras.layers.Dense(5)

    def call(self, x):
        return self.head(x)


def subclassed():
    model = Subclassed(name="own")
    model(X)
    return model


def functional():
    x = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="hidden")(x)
    return keras.Model(x, keras.layers.Dense(5)(hidden), name="net")


class MapClassesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("sequential", lambda: support.dense(3, classes=5)),
        ("functional", functional),
        ("subclassed", subclassed),
    )
    def test_probabilities_are_moved_added_and_left_out(self, make):
        """Class 4 is left out: what is left sums to 1."""
        model = make()
        mapped = teachers.map_classes(model, [3, None, (2, 0), 1])

        known = reference.softmax(model(X))
        known = known.T
        rows = [known[3], 0 * known[0], known[2] + known[0], known[1]]
        expected = np.stack(rows, axis=-1)
        expected /= expected.sum(-1, keepdims=True)
        np.testing.assert_allclose(
            ops.softmax(mapped(X)), expected, rtol=1e-5, atol=1e-7
        )

    def test_a_permutation_is_exact(self):
        model = support.dense(3, classes=3)
        mapped = teachers.map_classes(model, [2, 0, 1])
        np.testing.assert_array_equal(
            mapped(X), ops.take(model(X), [2, 0, 1], axis=-1)
        )

    def test_positions_are_mapped_apart(self):
        model = keras.Sequential([keras.Input((5, 2)), keras.layers.Dense(4)])
        x = np.random.default_rng(1).normal(size=(3, 5, 2))
        mapped = teachers.map_classes(model, [[0, 3], 1])
        logits = np.moveaxis(np.array(model(x)), -1, 0)
        rows = [np.logaddexp(logits[0], logits[3]), logits[1]]
        expected = np.stack(rows, axis=-1)
        np.testing.assert_allclose(mapped(x), expected, rtol=1e-5)

    def test_large_logits_are_added_without_overflow(self):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
        mapped = teachers.map_classes(model, [[0, 1], None])
        np.testing.assert_allclose(
            mapped(np.array([[1e4, 1e4], [-1e4, -2e4]]))[:, 0],
            [1e4 + np.log(2), -1e4],
        )

    def test_a_teacher_of_other_classes_is_another_teacher(self):
        """A cache of one must not answer for the other."""
        model = support.dense(3)
        first, again, other = (
            teacher_protocol.of(
                teachers.map_classes(model, classes)
            ).fingerprint()
            for classes in ([2, 0, 1], [2, 0, 1], [0, 1, 2])
        )
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_taps_keep_their_names(self):
        mapped = teachers.map_classes(functional(), [0, 1])
        self.assertIn("hidden", taps.layers(mapped))

    @support.eagerly()
    def test_a_student_learns_from_what_the_teacher_knows(self):
        teacher = support.dense(3, classes=5)
        mapped = teachers.map_classes(teacher, [4, None, [0, 2]])
        distiller = support.distiller(
            losses.SoftTargets(2.0), teacher=mapped, student=support.dense(2)
        )
        distiller.compile(keras.optimizers.SGD(0.1))
        found = distiller.evaluate(X, verbose=0, return_dict=True)
        logits = np.float64(teacher(X))
        merged = np.stack(
            [logits[:, 4], np.logaddexp(logits[:, 0], logits[:, 2])], axis=-1
        )
        known = reference.softmax(merged / 2)
        theirs = reference.log_softmax(np.float64(distiller.student(X)) / 2)
        expected = 4 * np.sum(known * (np.log(known) - theirs[:, [0, 2]]), -1)
        self.assertAlmostEqual(found["soft_targets"], expected.mean(), 5)

    def test_is_the_same_once_saved(self):
        mapped = teachers.map_classes(support.dense(3, classes=5), [3, None])
        loaded = support.through_a_file(mapped)
        np.testing.assert_array_equal(loaded(X), mapped(X))


if __name__ == "__main__":
    absltest.main()
