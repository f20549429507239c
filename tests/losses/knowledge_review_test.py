import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from keras_kd.losses.attention_fusion import enlarge
from keras_kd.losses.example_normalization import ExampleNormalization
from keras_kd.losses.knowledge_review import hierarchical_context
from tests import support
from tests.losses import precision
from tests.references import rebuilt_maps
from tests.references import reviews

TEACHER_SHAPES = (8, 8, 2), (6, 6, 3), (4,)
STUDENT_SHAPES = (4, 4, 3), (6, 6, 2), (5,)
COUNTS = np.array([True, True, False, True, True])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def stages(shapes, seed):
    return tuple(
        normal(5, *shape, seed=10 * seed + i) for i, shape in enumerate(shapes)
    )


TEACHER, STUDENT = stages(TEACHER_SHAPES, 1), stages(STUDENT_SHAPES, 2)


def built(width=3):
    """A loss whose weights are no longer the first."""
    loss = losses.KnowledgeReview(width)
    loss.build(
        *(
            [(None, *s) for s in shapes]
            for shapes in (TEACHER_SHAPES, STUDENT_SHAPES)
        )
    )
    for seed, weight in enumerate(loss.trainable_variables):
        weight.assign(0.5 * normal(*weight.shape, seed=seed))
    return loss


def arrays(*weights):
    return [ops.convert_to_numpy(w).astype("float64") for w in weights]


def levels(loss):
    """What the reference takes, of the weights of a loss."""
    return [
        {
            "narrow": arrays(fusion.narrow.kernel)[0],
            "narrow_norm": arrays(*fusion.narrow_norm.trainable_variables),
            "wide": arrays(fusion.wide.kernel)[0],
            "wide_norm": arrays(*fusion.wide_norm.trainable_variables),
        }
        | (
            {}
            if fusion.deeper_shape is None
            else {"gates": arrays(fusion.gates.kernel, fusion.gates.bias)}
        )
        for fusion in loss.fusions
    ]


def as_maps(features):
    return [f if f.ndim == 4 else f[:, None, None] for f in features]


def expected(loss, **kwargs):
    return reviews.review(
        as_maps(TEACHER), as_maps(STUDENT), levels(loss), **kwargs
    )


class HierarchicalContextTest(parameterized.TestCase):
    # Heights of 4 and below use fewer sizes; 6 and 5 are no multiple of 4.
    @parameterized.parameters(1, 2, 3, 4, 5, 6, 8)
    def test_equals_the_reference(self, size):
        teacher, student = (normal(2, size, size, 3, seed=s) for s in (0, 1))
        np.testing.assert_allclose(
            hierarchical_context(ops.array(teacher), ops.array(student)),
            rebuilt_maps.hierarchical_context(teacher, student),
            rtol=1e-5,
        )

    def test_sizes_that_are_not_used_leave_their_weights(self):
        # Checks vanish in what is pooled to 2 and 1; the weights of those are
        # 1/2 and 1/4, the first that is used having 1/2 whichever it is.
        checks = (-1.0) ** np.add.outer(np.arange(4), np.arange(4))
        actual = hierarchical_context(
            ops.zeros((1, 4, 4, 1)),
            ops.array(checks[None, ..., None], "float32"),
        )
        np.testing.assert_allclose(actual, [4 / 7], rtol=1e-6)


class EnlargeTest(parameterized.TestCase):
    @parameterized.parameters((3, 6), (3, 5), (6, 4), (1, 3))
    def test_equals_the_reference(self, old, new):
        maps = normal(2, old, old, 3)
        np.testing.assert_array_equal(
            enlarge(ops.array(maps), maps.shape, (5, new, new + 1, 3)),
            rebuilt_maps.enlarge(maps, new, new + 1),
        )


class KnowledgeReviewTest(absltest.TestCase):
    def test_equals_the_reference(self):
        loss = built()
        np.testing.assert_allclose(
            loss(TEACHER, STUDENT, training=True), expected(loss), rtol=1e-5
        )

    def test_outside_of_training_an_example_is_by_itself(self):
        loss = built()
        together = loss(TEACHER, STUDENT)
        apart = loss(*([f[1:] for f in side] for side in (TEACHER, STUDENT)))
        np.testing.assert_allclose(together[1:], apart, rtol=1e-5)

    def test_what_does_not_count_is_in_no_statistic(self):
        loss, other = built(), built()
        teacher, student = (
            tuple(f.copy() for f in side) for side in (TEACHER, STUDENT)
        )
        for maps in teacher:
            maps[~COUNTS] = np.inf
        for maps in student:
            maps[~COUNTS] = np.nan
        weights = 3.0 * COUNTS
        np.testing.assert_allclose(
            loss(teacher, student, example_weights=weights, training=True),
            expected(loss, counts=COUNTS),
            rtol=1e-5,
        )
        other(
            *(tuple(f[COUNTS] for f in side) for side in (TEACHER, STUDENT)),
            training=True,
        )
        for one, without in zip(
            loss.non_trainable_variables,
            other.non_trainable_variables,
            strict=True,
        ):
            np.testing.assert_allclose(one, without, rtol=1e-5, atol=1e-6)

    def test_a_batch_in_which_nothing_counts_leaves_the_statistics(self):
        loss = built()
        before = support.values(loss.non_trainable_variables)
        values = loss(
            TEACHER, STUDENT, example_weights=np.zeros(5), training=True
        )
        np.testing.assert_array_equal(values, 0)
        after = support.values(loss.non_trainable_variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_moving_statistics_are_those_of_keras(self):
        maps = normal(4, 3, 3, 2)
        theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        ours = ExampleNormalization(0.9, 1e-5)
        for one in (theirs, ours):
            one(maps, training=True)
        np.testing.assert_allclose(ours(maps), theirs(maps), rtol=1e-5)

    def test_gradient_without_what_does_not_count(self):
        teacher, student = (np.zeros((3, 4, 4, 2)) for _ in range(2))
        student[:2] = normal(2, 4, 4, 2)
        student[2] = np.nan
        loss = losses.KnowledgeReview()
        result = precision.run(
            lambda: (
                lambda t, s: loss(
                    (t,),
                    (s,),
                    example_weights=np.array([1, 1, 0]),
                    training=True,
                )
            ),
            teacher,
            student,
        )
        np.testing.assert_array_equal(result.gradient[2], 0)
        self.assertTrue(np.all(np.isfinite(result.gradient)))
        self.assertGreater(np.abs(result.gradient[:2]).max(), 0)

    def test_a_deep_stage_learns_from_a_shallow_one(self):
        # The loss of the shallow stage alone reaches the deepest feature.
        loss = built()
        deepest = loss.fusions[-1]
        deepest.wide_norm.gamma.assign(0 * deepest.wide_norm.gamma)
        loss.fusions[1].wide_norm.gamma.assign([0.0] * 3)

        def of_deepest():
            return lambda t, s: loss(
                (*TEACHER[:2], t), (*STUDENT[:2], s), training=True
            )

        gradient = precision.run(of_deepest, TEACHER[2], STUDENT[2]).gradient
        self.assertGreater(np.abs(gradient).max(), 1e-4)

    def test_width_is_that_of_the_deepest_stage_up_to_512(self):
        for channels, width in (7, 7), (600, 512):
            loss = losses.KnowledgeReview()
            loss.build([(None, 4)], [(None, channels)])
            self.assertEqual(loss.fusions[0].narrow.kernel.shape[-1], width)


@support.eager_tests
class TrainingTest(absltest.TestCase):
    def net(self, width, name):
        return keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(width, 3, 2, name="stage"),
                keras.layers.GlobalAveragePooling2D(name="pool"),
                keras.layers.Dense(3, name="head"),
            ],
            name=name,
        )

    def made(self):
        taps = ("stage", "pool")
        keras.utils.set_random_seed(0)
        distiller = support.distiller(
            losses.KnowledgeReview(teacher_tap=taps, student_tap=taps),
            teacher=self.net(4, "teacher"),
            student=self.net(3, "student"),
        )
        distiller.compile(
            keras.optimizers.SGD(0.05, momentum=0.9),
            loss=support.cross_entropy(),
        )
        return distiller

    def test_goes_on_after_a_restart(self):
        x, y = normal(6, 8, 8, 1), np.arange(6) % 3
        whole, begun = self.made(), self.made()
        for _ in range(2):
            whole.train_on_batch(x, y)
        begun.train_on_batch(x, y)
        path = str(support.folder(self) / "d.keras")
        begun.save(path)
        resumed = keras.saving.load_model(path)
        resumed.train_on_batch(x, y)
        found = [support.values(d.weights) for d in (whole, resumed)]
        self.assertEqual(support.largest_difference(*found), 0)

    def test_evaluation_leaves_the_statistics(self):
        x, y = normal(6, 8, 8, 1), np.arange(6) % 3
        distiller = self.made()
        before = support.values(distiller.weights)
        distiller.evaluate(x, y, verbose=0)
        after = support.values(distiller.weights)
        self.assertEqual(support.largest_difference(before, after), 0)


if __name__ == "__main__":
    absltest.main()
