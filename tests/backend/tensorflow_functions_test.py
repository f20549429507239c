import keras
import numpy as np
from absl.testing import absltest

from keras_kd import backend


class CompiledTest(absltest.TestCase):
    def test_serves_batches_of_any_size_with_one_trace(self):
        traces = []

        def double(x, y):
            traces.append(x.shape)
            return {"sum": 2 * x + y, "size": keras.ops.shape(x)[0]}

        compiled = backend.compiled(double)
        for size in range(1, 8):
            x = np.ones((size, 3), "float32")
            result = compiled(x, keras.ops.convert_to_tensor(x))
            np.testing.assert_array_equal(result["sum"], 3 * x)
            self.assertEqual(result["size"], size)
        self.assertLen(traces, 1)
        self.assertEqual(tuple(traces[0]), (None, 3))


if __name__ == "__main__":
    absltest.main()
