import numpy as np
from absl.testing import absltest
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import boxes

RANDOM = np.random.default_rng(0)
FEATURE, OTHER = RANDOM.normal(size=(2, 3, 6, 4))
SCORES = RANDOM.normal(scale=2, size=(3, 6, 5))
MASK = RANDOM.random((3, 6)) < 0.6


class ScoreWeightedHintTest(absltest.TestCase):
    def test_equals_the_reference(self):
        found = losses.ScoreWeightedHint()((FEATURE, SCORES), OTHER)
        expected = boxes.weighted_hint(FEATURE, SCORES, OTHER)
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_maps_are_as_their_positions_in_a_row(self):
        maps = [x.reshape(3, 3, 2, -1) for x in (FEATURE, SCORES, OTHER)]
        feature, scores, student = maps
        found = losses.ScoreWeightedHint()((feature, scores), student)
        expected = boxes.weighted_hint(FEATURE, SCORES, OTHER)
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_a_narrow_student_is_projected(self):
        hint = losses.ScoreWeightedHint()
        found = hint((FEATURE, SCORES), OTHER[..., :2])
        kernel, bias = map(np.array, hint.projector.get_weights())
        student = OTHER[..., :2] @ kernel.reshape(2, 4) + bias
        expected = boxes.weighted_hint(FEATURE, SCORES, student)
        np.testing.assert_allclose(found, expected, rtol=1e-4)

    def test_what_a_mask_hides_does_not_count(self):
        hidden = np.where(MASK, 0.0, np.inf)[..., None]
        result = precision.run(
            lambda: (
                lambda theirs, ours: losses.ScoreWeightedHint()(
                    (theirs, SCORES),
                    ours,
                    student_mask=ops.convert_to_tensor(MASK),
                )
            ),
            FEATURE + hidden,
            OTHER + hidden,
        )
        expected = boxes.weighted_hint(FEATURE, SCORES, OTHER, MASK)
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)
        np.testing.assert_array_equal(result.gradient[~MASK], 0)
        self.assertTrue(np.all(np.isfinite(result.gradient)))


if __name__ == "__main__":
    absltest.main()
