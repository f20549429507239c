"""What a transform does is taken back from predictions."""

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies as st

from keras_kd.transfer_sets import transforms

IMAGES = np.random.default_rng(0).random((3, 6, 8, 2)).astype("float32")


class TransformsTest(parameterized.TestCase):
    @parameterized.parameters(
        transforms.Identity(), transforms.Flip(), transforms.Scale(2.0)
    )
    def test_a_model_that_copies_gives_the_image_back(self, transform):
        back = transform.invert(transform.apply(IMAGES))
        self.assertEqual(back.shape, IMAGES.shape)
        if not isinstance(transform, transforms.Scale):
            np.testing.assert_array_equal(back, IMAGES)

    def test_scaling_keeps_what_is_smooth(self):
        rows, columns = np.mgrid[0:6, 0:8].astype("float32")
        ramp = (rows + 2 * columns)[None, :, :, None]
        larger = transforms.Scale(2.0).apply(ramp)
        self.assertEqual(larger.shape, (1, 12, 16, 1))
        back = transforms.Scale(2.0).invert(larger)
        # A plane stays a plane but for the rim, where there is no neighbour.
        np.testing.assert_allclose(
            back[:, 1:-1, 1:-1], ramp[:, 1:-1, 1:-1], atol=1e-5
        )

    @hypothesis.settings(deadline=None)
    @hypothesis.given(st.integers(-7, 7), st.integers(-9, 9))
    def test_a_shift_gives_back_what_stayed_inside(self, down, right):
        shift = transforms.Shift(down, right)
        moved = shift.apply(IMAGES)
        for row, column in np.ndindex(6, 8):
            source = row - down, column - right
            inside = 0 <= source[0] < 6 and 0 <= source[1] < 8
            expected = IMAGES[:, *source] if inside else 0.0
            np.testing.assert_array_equal(moved[:, row, column], expected)
        back = shift.invert(moved)
        stayed = back != 0
        np.testing.assert_array_equal(back[stayed], IMAGES[stayed])

    def test_a_flip_mirrors_maps_and_changes_left_and_right(self):
        flip = transforms.Flip(swap=[(0, 1)])
        maps = np.arange(2 * 2 * 3 * 3).reshape(2, 2, 3, 3)
        back = flip.invert(maps)
        for column in range(3):
            np.testing.assert_array_equal(
                back[:, :, column], maps[:, :, 2 - column][..., [1, 0, 2]]
            )

    def test_a_chain_is_undone_from_its_end(self):
        flip, shift = transforms.Flip([(0, 1)]), transforms.Shift(1, 2)
        chain = transforms.Chain([flip, shift])
        changed = chain.apply(IMAGES)
        np.testing.assert_array_equal(changed, shift.apply(flip.apply(IMAGES)))
        np.testing.assert_array_equal(
            chain.invert(changed), flip.invert(shift.invert(changed))
        )
        # The other way round would move to the wrong side.
        self.assertFalse(
            np.array_equal(
                chain.invert(changed), shift.invert(flip.invert(changed))
            )
        )
        self.assertIn("Shift(down=1, right=2)", repr(chain))

    def test_scores_of_classes_have_no_places(self):
        scores = np.array([[0.1, 0.2, 0.7]])
        for transform in (
            transforms.Identity(),
            transforms.Flip(),
            transforms.Scale(2.0),
            transforms.Shift(1, 2),
        ):
            np.testing.assert_array_equal(transform.invert(scores), scores)
        swapped = transforms.Flip([(0, 2)]).invert(scores)
        np.testing.assert_array_equal(swapped, [[0.7, 0.2, 0.1]])


if __name__ == "__main__":
    absltest.main()
