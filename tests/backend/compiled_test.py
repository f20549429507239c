import keras
import numpy as np
from absl.testing import absltest

from keras_kd import backend


class CompiledTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.sum = keras.Variable(np.zeros(2), dtype="float32")
        self.factor = keras.Variable(2.0, dtype="float32")

        def add(x, more):
            self.sum.assign(self.sum + keras.ops.sum(self.factor * x, axis=0))
            return {"x": x + self.factor, "more": [one + 1 for one in more]}

        self.add = backend.compiled(add, [self.sum, self.factor])

    def call(self, rows):
        found = self.add(np.ones((rows, 2), "float32"), [np.zeros((rows, 1))])
        return keras.tree.map_structure(keras.ops.convert_to_numpy, found)

    def test_gives_the_structure_that_the_function_gives(self):
        found = self.call(3)
        np.testing.assert_array_equal(found["x"], np.full((3, 2), 3.0))
        np.testing.assert_array_equal(found["more"], [np.ones((3, 1))])

    def test_changes_variables_in_each_call_of_any_size(self):
        for rows in (3, 3, 4):
            self.call(rows)
        # Twice the number of rows.
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(self.sum), [20.0, 20.0]
        )

    def test_reads_what_others_assigned(self):
        self.call(1)
        self.factor.assign(5.0)
        np.testing.assert_array_equal(self.call(1)["x"], [[6.0, 6.0]])

    def test_differentiates_what_it_changes(self):
        optimizer = keras.optimizers.SGD(0.5)
        x = keras.Variable(np.array([1.0, -2.0]), dtype="float32")
        optimizer.build([x])

        def step():
            values, found = backend.input_gradients(
                lambda x: x**2, x.value, {"squares": lambda squares: squares}
            )
            optimizer.apply([found["squares"]], [x])
            return values

        compiled = backend.compiled(step, [x, *optimizer.variables])
        squares = keras.ops.convert_to_numpy(compiled())
        np.testing.assert_array_equal(squares, [1.0, 4.0])
        # A step of half the gradient 2x leads to 0 from everywhere.
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(x), [0.0, 0.0])
        self.assertEqual(int(optimizer.iterations.value), 1)


if __name__ == "__main__":
    absltest.main()
