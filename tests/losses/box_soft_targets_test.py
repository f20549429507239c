import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import boxes

RANDOM = np.random.default_rng(0)
# Scores of three classes and boxes at 5 anchors.
SCORES, OTHER_SCORES = RANDOM.normal(scale=2, size=(2, 4, 5, 3))
BOXES, OTHER_BOXES = RANDOM.normal(size=(2, 4, 5, 4))
TEACHER, STUDENT = (SCORES, BOXES), (OTHER_SCORES, OTHER_BOXES)
MASK = RANDOM.random((4, 5)) < 0.6


def of_boxes(teacher, student, box_format="xyxy"):
    """The values of anchors of which the teacher is sure, scores being equal.

    Args:
        teacher: Boxes, `(anchors, 4)`.
        student: The same.
        box_format: See `BoxSoftTargets`.
    """
    sure = np.full((len(teacher), 1, 1), 30.0)
    loss = losses.BoxSoftTargets(box_format=box_format)
    teacher, student = (
        np.array(one, "float64")[:, None] for one in (teacher, student)
    )
    return loss((sure, teacher), (sure, student))


class BoxSoftTargetsTest(parameterized.TestCase):
    @parameterized.parameters((1.0, 1.0), (3.0, 0.5), (2.0, 0.0))
    def test_equals_the_reference(self, temperature, box_weight):
        loss = losses.BoxSoftTargets(temperature, box_weight=box_weight)
        expected = boxes.soft_targets(TEACHER, STUDENT, temperature, box_weight)
        np.testing.assert_allclose(loss(TEACHER, STUDENT), expected, rtol=1e-5)

    def test_boxes_by_hand(self):
        # They share 1 of 7 and cover 7 of 9; apart, 0 and 2 of 3; one within
        # the other, 1 of 4 and all.
        found = of_boxes(
            [[0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 2, 2]],
            [[1, 1, 3, 3], [2, 0, 3, 1], [0, 0, 1, 1]],
        )
        expected = [2 - 1 / 7 - 7 / 9, 2 - 2 / 3, 2 - 1 / 4 - 1]
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    @parameterized.parameters(
        ("yxyx", lambda low, high: (*low[::-1], *high[::-1])),
        ("xywh", lambda low, high: (*low, *(high - low))),
        ("center_xywh", lambda low, high: (*((low + high) / 2), *(high - low))),
    )
    def test_a_format_changes_nothing(self, box_format, write):
        low = RANDOM.normal(size=(2, 6, 2))
        high = low + RANDOM.random((2, 6, 2))
        written = [
            [write(*pair) for pair in zip(*of_one, strict=True)]
            for of_one in zip(low, high, strict=True)
        ]
        corners = np.concatenate([low, high], axis=-1)
        np.testing.assert_allclose(
            of_boxes(*written, box_format), of_boxes(*corners), rtol=1e-4
        )

    def test_boxes_without_area_have_finite_gradients(self):
        # Equal boxes, equal points, points apart, a point and a box, lines.
        teacher = [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 2, 1]]
        student = [[0, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 0.5, 1, 0.5]]
        teacher.append([0, 0, 1, 0])
        student.append([0, 0, 3, 0])
        sure = np.full((5, 1, 1), 30.0)
        result = precision.run(
            lambda: (
                lambda theirs, ours: losses.BoxSoftTargets()(
                    (sure, theirs), (sure, ours)
                )
            ),
            np.array(teacher, float)[:, None],
            np.array(student, float)[:, None],
        )
        # Of the point in the box: 2 - 0 - 2/2.
        np.testing.assert_allclose(result.value, [0, 0, 2, 1, 0])
        self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_a_box_that_does_not_meet_comes_nearer(self):
        teacher = np.array([[[0.0, 0.0, 1.0, 1.0]]])
        sure = np.full((1, 1, 1), 30.0)
        result = precision.run(
            lambda: (
                lambda theirs, ours: losses.BoxSoftTargets()(
                    (sure, theirs), (sure, ours)
                )
            ),
            teacher,
            teacher + 5,
        )
        self.assertTrue(np.all(result.gradient[..., :2] > 0))

    def test_a_reversed_box_turns(self):
        """Also where it lies within the teacher's, whose area is all."""
        teacher = np.array([[[0.0, 0.0, 4.0, 4.0]]])
        sure = np.full((1, 1, 1), 30.0)
        result = precision.run(
            lambda: (
                lambda theirs, ours: losses.BoxSoftTargets()(
                    (sure, theirs), (sure, ours)
                )
            ),
            teacher,
            np.array([[[1.0, 3.0, 2.0, 1.0]]]),
        )
        # Reversed by 2 of 4; the first corner is to fall, the second to rise.
        np.testing.assert_allclose(result.value, 2 - 1 + 2 / 4, rtol=1e-6)
        np.testing.assert_allclose(result.gradient[0, 0], [0, 0.25, 0, -0.25])

    def test_an_image_without_anything_counts_as_little_as_it_is_sure(self):
        # 5 anchors of confidence 1/1000, and scores as the teacher's.
        nothing = np.full((4, 5, 3), -np.log(999.0))
        loss = losses.BoxSoftTargets()
        found = loss((nothing, BOXES), (nothing, OTHER_BOXES))
        distances = boxes.box_distances(BOXES, OTHER_BOXES)
        np.testing.assert_allclose(found, distances.sum(1) / 1000, rtol=1e-5)

    def test_each_mask_hides_in_its_part(self):
        counts = MASK, ~MASK
        hidden = [np.where(c, 0.0, np.inf)[..., None] for c in counts]
        teacher, student = (
            tuple(
                keras.ops.convert_to_tensor((x + h).astype("float32"))
                for x, h in zip(pair, hidden, strict=True)
            )
            for pair in (TEACHER, STUDENT)
        )
        found = losses.BoxSoftTargets()(
            # The confidence of the boxes is that of the scores.
            (ops.where(counts[0][..., None], teacher[0], SCORES), teacher[1]),
            student,
            student_mask=tuple(map(ops.convert_to_tensor, counts)),
        )
        expected = boxes.soft_targets(TEACHER, STUDENT, counts=counts)
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_maps_are_as_their_positions_in_a_row(self):
        pairs = TEACHER, STUDENT
        maps = [[x.reshape(2, 2, 5, -1) for x in pair] for pair in pairs]
        rows = [[x.reshape(2, 10, -1) for x in pair] for pair in maps]
        loss = losses.BoxSoftTargets
        np.testing.assert_allclose(loss()(*maps), loss()(*rows), rtol=1e-6)

    def test_one_box_an_image_needs_no_axis_of_anchors(self):
        one = [[x[:, 0] for x in pair] for pair in (TEACHER, STUDENT)]
        rows = [[x[:, :1] for x in pair] for pair in (TEACHER, STUDENT)]
        loss = losses.BoxSoftTargets
        np.testing.assert_allclose(loss()(*one), loss()(*rows), rtol=1e-6)

    def test_nothing_is_learnt_through_the_confidence(self):
        """The gradient of a score is that of its divergence, by hand.

        At one sure anchor and temperature 1: (q - p) / classes.
        """
        teacher, student = np.array([[[30.0, 0.0]]]), np.array([[[30.0, 1.0]]])
        box = np.array([[[0.0, 0.0, 1.0, 1.0]]])
        result = precision.run(
            lambda: (
                lambda theirs, ours: losses.BoxSoftTargets()(
                    (theirs, box), (ours, box)
                )
            ),
            teacher,
            student,
        )
        by_hand = (1 / (1 + np.exp(-1.0)) - 0.5) / 2
        np.testing.assert_allclose(
            result.gradient, [[[0.0, by_hand]]], atol=1e-6
        )


if __name__ == "__main__":
    absltest.main()
