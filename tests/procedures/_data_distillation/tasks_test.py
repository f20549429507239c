"""Which labels of a teacher are kept, and in which format."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st
from scipy import special

from keras_kd.procedures._data_distillation import tasks


class SharesTest(absltest.TestCase):
    @hypothesis.given(
        st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any),
        st.integers(0, 1000),
    )
    def test_are_within_one_of_the_exact_ones(self, counts, total):
        found = tasks.shares(counts, total)
        self.assertEqual(sum(found), total)
        for count, share in zip(counts, found, strict=True):
            self.assertLess(abs(share - total * count / sum(counts)), 1)


class ClassificationTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 0.5, 0.3)
    def test_keeps_as_many_of_each_class_as_the_labels_have(self, fraction):
        random = np.random.default_rng(0)
        labels = np.repeat([0, 1, 2], [50, 30, 20])
        # The teacher likes class 2 far too much.
        merged = special.softmax(random.normal(size=(200, 3)) + [0, 0, 2], -1)
        made = tasks.ClassificationTask(fraction).annotate(merged, labels)
        self.assertEqual(made.num_kept, round(fraction * 200))
        for label, share in enumerate((0.5, 0.3, 0.2)):
            count = np.sum(made.y == label)
            self.assertLessEqual(abs(count - share * made.num_kept), 1)
        self.assertLen(np.unique(made.examples), made.num_kept)
        np.testing.assert_array_equal(
            made.scores, merged[made.examples, made.y]
        )
        self.assertEqual(made.threshold, made.scores.min())

    def test_keeps_the_most_certain(self):
        merged = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55]])
        made = tasks.ClassificationTask(0.5).annotate(merged, np.array([0, 1]))
        self.assertEqual(made.examples.tolist(), [0, 2])
        self.assertEqual(made.y.tolist(), [0, 1])

    def test_scores_the_part_that_is_right(self):
        answers = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        score = tasks.ClassificationTask().score(answers, np.array([0, 1, 1]))
        self.assertAlmostEqual(score, 2 / 3)

    @parameterized.parameters(0, 1.5, -0.1)
    def test_refuses(self, fraction):
        with self.assertRaisesRegex(ValueError, "fraction"):
            tasks.ClassificationTask(fraction)


def scattered(count, kinds=2, images=1, seed=0, size=24):
    """Places far enough from each other to be told apart."""
    random = np.random.default_rng(seed)
    cells = random.permutation(images * kinds * (size // 8) ** 2)[:count]
    image, kind, row, column = np.unravel_index(
        cells, (images, kinds, size // 8, size // 8)
    )
    jitter = random.integers(-1, 2, (2, count))
    return np.stack(
        [image, 8 * row + 4 + jitter[0], 8 * column + 4 + jitter[1], kind],
        axis=1,
    )


class ObjectsTest(absltest.TestCase):
    def test_finds_what_it_has_drawn(self):
        task = tasks.ObjectPeaksTask(radius=1.5)
        places = scattered(20, images=3)
        maps = task.render(places, (3, 24, 24, 2))
        found, heights = task.peaks(maps)
        self.assertCountEqual(map(tuple, found), map(tuple, places))
        np.testing.assert_allclose(heights, 1.0)

    def test_a_hill_has_the_width_of_its_radius(self):
        task = tasks.ObjectPeaksTask(radius=2.0)
        maps = task.render(np.array([[0, 10, 12, 0]]), (1, 24, 24, 1))
        for distance in range(5):
            self.assertAlmostEqual(
                maps[0, 10 + distance, 12, 0],
                np.exp(-(distance**2) / 8),
                places=6,
            )

    @hypothesis.settings(deadline=None, max_examples=25)
    @hypothesis.given(
        st.integers(1, 12), st.integers(1, 9), st.integers(0, 1000)
    )
    def test_keeps_as_many_an_image_as_the_labels_have(
        self, labelled, images, seed
    ):
        task = tasks.ObjectPeaksTask()
        labels = task.render(scattered(labelled, images=3), (3, 24, 24, 2))
        random = np.random.default_rng(seed)
        merged = special.expit(random.normal(size=(images, 24, 24, 2)) - 2)
        made = task.annotate(merged, labels)
        wanted = labelled / 3 * images
        self.assertLessEqual(abs(made.num_kept - wanted), 1)
        drawn, heights = task.peaks(made.y)
        self.assertLessEqual(np.sum(heights == 1.0), made.num_kept)
        self.assertEqual(made.y.shape, merged.shape)

    def test_keeps_the_highest_of_all_images_together(self):
        task = tasks.ObjectPeaksTask()
        places = np.array([[0, 4, 4, 0], [0, 12, 12, 0], [1, 4, 4, 0]])
        merged = task.render(places, (2, 24, 24, 1))
        merged[0, :, :, 0] *= 0.9
        merged[1, :, :, 0] *= 0.3
        labels = task.render(places[:1], (1, 24, 24, 1))
        made = task.annotate(merged, labels)
        # One a labelled image, so two of two images: both in the first.
        np.testing.assert_allclose(made.scores, [0.9, 0.9], rtol=1e-6)
        self.assertEqual(made.y[1].max(), 0.0)
        self.assertEqual(made.y[0].max(), 1.0)

    def test_an_object_is_found_once_and_by_its_kind(self):
        task = tasks.ObjectPeaksTask()
        shape = (2, 16, 16, 2)
        truth = task.render([[0, 4, 4, 0], [0, 4, 12, 1], [1, 8, 8, 0]], shape)
        maps = np.zeros(shape)
        maps[0, 6, 3, 0] = 0.9  # Near enough.
        maps[0, 3, 4, 0] = 0.8  # Nearer, but taken.
        maps[0, 4, 12, 0] = 0.7  # Of the other kind.
        maps[0, 7, 12, 1] = 0.6  # Three rows away.
        maps[1, 8, 8, 0] = 0.5
        right = task.are_right(maps, truth)
        self.assertEqual(right.tolist(), [True, False, False, False, True])
        # Precision 1/1 at the first and 2/5 at the second, of three objects.
        self.assertAlmostEqual(task.score(maps, truth), (1 + 2 / 5) / 3)
        self.assertAlmostEqual(
            task.score(maps, truth, 3), (1 + 2 / 4 + 3 / 5) / 3
        )

    def test_a_perfect_answer_scores_one_and_an_empty_one_nothing(self):
        task = tasks.ObjectPeaksTask()
        truth = task.render(scattered(9), (1, 24, 24, 2))
        self.assertEqual(task.score(truth, truth), 1.0)
        self.assertEqual(task.score(0 * truth, truth), 0.0)

    def test_refuses_to_score_where_there_is_nothing(self):
        nothing = np.zeros((1, 8, 8, 2))
        with self.assertRaisesRegex(ValueError, "at least one object.*1, 8, 8"):
            tasks.ObjectPeaksTask().score(nothing, nothing)

    def test_refuses_a_radius(self):
        with self.assertRaisesRegex(ValueError, "radius"):
            tasks.ObjectPeaksTask(0)


if __name__ == "__main__":
    absltest.main()
