import numpy as np
from absl.testing import absltest

from keras_kd.report.robustness.search import ConstantSearch

X = np.zeros((2, 3), "float32")


class ConstantSearchTest(absltest.TestCase):
    def constants(self, *successes):
        """Constants of both images after steps that ended so."""
        search = ConstantSearch(X, 0.01)
        tried = [search.constants.tolist()]
        for is_success in successes:
            search.note(X + 1, np.array(is_success))
            search.next_constants()
            tried.append(search.constants.tolist())
        return np.array(tried)

    def test_grows_tenfold_until_a_success_and_then_bisects(self):
        actual = self.constants(
            (False, True), (False, False), (True, True), (False, True)
        )
        first = [0.01, 0.1, 1.0, (0.1 + 1) / 2, (0.55 + 1) / 2]
        second = [0.01, 0.005, 0.0075, (0.005 + 0.0075) / 2]
        second.append((0.005 + second[-1]) / 2)
        np.testing.assert_allclose(actual, np.transpose([first, second]), 1e-6)

    def test_one_success_in_a_step_is_a_success(self):
        search = ConstantSearch(X, 1.0)
        search.note(X + 1, np.array([True, False]))
        search.note(X + 1, np.array([False, False]))
        search.next_constants()
        np.testing.assert_allclose(search.constants, [0.5, 10.0])

    def test_keeps_the_nearest_success_of_each(self):
        search = ConstantSearch(X, 1.0)
        for size, is_success in (
            (3.0, [True, False]),
            (1.0, [False, False]),
            (2.0, [True, True]),
            (2.5, [True, True]),
        ):
            search.note(X + np.float32(size), np.array(is_success))
            search.next_constants()
        np.testing.assert_array_equal(search.nearest, X + 2)

    def test_without_success_it_is_the_image(self):
        search = ConstantSearch(X, 1.0)
        search.note(X + 1, np.array([False, False]))
        np.testing.assert_array_equal(search.nearest, X)


if __name__ == "__main__":
    absltest.main()
