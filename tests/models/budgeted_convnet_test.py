import keras
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from keras_kd import models


class BudgetedConvnetTest(parameterized.TestCase):
    @given(
        depth=strategies.integers(0, 3),
        budget=strategies.integers(60_000, 300_000),
        share=strategies.floats(0.2, 0.8),
    )
    @settings(max_examples=25, deadline=None)
    def test_keeps_to_the_budget(self, depth, budget, share):
        model = models.budgeted_convnet(
            (16, 16, 3), 10, depth, budget, conv_share=share
        )
        self.assertBetween(model.count_params(), 0.95 * budget, budget)

    @parameterized.parameters(0, 1, 3)
    def test_has_so_many_convolutions(self, depth):
        model = models.budgeted_convnet((9, 8, 1), 4, depth, 20_000)
        kinds = [type(layer) for layer in model.layers]
        self.assertEqual(kinds.count(keras.layers.Conv2D), depth)
        self.assertEqual(model.output_shape, (None, 4))

    def test_the_share_goes_to_all_before_the_hidden_layer(self):
        model = models.budgeted_convnet(
            (16, 16, 3), 10, 2, 100_000, conv_share=0.4
        )
        front = keras.Sequential([keras.Input((16, 16, 3)), *model.layers[:-2]])
        # One filter more would have some 1.5 %.
        self.assertBetween(front.count_params(), 38_000, 40_000)

    @parameterized.parameters(
        (dict(depth=-1), "depth.*-1"),
        (dict(conv_share=1.0), "conv_share.*between 0 and 1.*1.0"),
        (dict(num_parameters=500), "one hidden unit.*num_parameters=500"),
        (dict(image_shape=(8, 8)), "image_shape"),
    )
    def test_refuses(self, arguments, message):
        given_ = dict(
            image_shape=(8, 8, 1),
            num_classes=3,
            depth=1,
            num_parameters=10_000,
        )
        with self.assertRaisesRegex(ValueError, message):
            models.budgeted_convnet(**given_ | arguments)


if __name__ == "__main__":
    absltest.main()
