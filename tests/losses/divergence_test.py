import numpy as np
from absl.testing import absltest

from keras_kd.losses.divergence import divergence
from tests import reference

LOGITS = np.array([[2.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
OTHERS = np.array([[1.0, 1.5, 0.0], [-0.5, 2.0, 1.0]])


def terms(first, second):
    return divergence(
        *(reference.log_softmax(x).astype("float32") for x in (first, second))
    )


class DivergenceTest(absltest.TestCase):
    def test_no_term_is_negative(self):
        self.assertGreaterEqual(np.min(terms(LOGITS, OTHERS)), 0)

    def test_keeps_its_digits_where_both_are_close(self):
        # By the second derivative: half the variance of the change, 1e-3 of
        # the first logit, under p.
        change = 1e-3 * np.array([1.0, 0.0, 0.0])
        p = np.exp(reference.log_softmax(LOGITS))[:, 0]
        np.testing.assert_allclose(
            np.sum(terms(LOGITS, LOGITS + change), axis=-1),
            1e-6 * p * (1 - p) / 2,
            rtol=2e-3,
        )

    def test_an_outcome_that_is_ruled_out_adds_what_the_other_gives_it(self):
        half, quarter = np.log([0.5, 0.25]).astype("float32")
        log_p = np.array([half, half, -np.inf], "float32")
        log_q = np.array([quarter, quarter, half])
        # p log(p / q) of two halves: log 2.
        np.testing.assert_allclose(
            np.sum(divergence(log_p, log_q)), np.log(2), rtol=1e-6
        )


if __name__ == "__main__":
    absltest.main()
