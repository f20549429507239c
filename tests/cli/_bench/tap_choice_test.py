import keras
from absl.testing import absltest

from keras_kd import models
from keras_kd.cli._bench import tap_choice
from keras_kd.cli._shell.errors import UnusableError


def dense(*widths, features=(6,)):
    layers = [
        keras.layers.Dense(width, name=f"dense{i}")
        for i, width in enumerate(widths)
    ]
    return keras.Sequential([keras.Input(features), *layers], name="net")


class TapChoiceTest(absltest.TestCase):
    def test_pairs_stages_of_equal_size(self):
        teacher = models.small_convnet((8, 8, 1), 3, (4, 8, 16))
        student = models.small_convnet((8, 8, 1), 3, (2, 4))
        self.assertEqual(
            tap_choice.map_taps(teacher, student),
            [("stage1", "stage1"), ("stage2", "stage2")],
        )

    def test_takes_the_last_layer_of_a_stage(self):
        student = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(2, 3, padding="same", name="convolution"),
                keras.layers.ReLU(name="end"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3),
            ]
        )
        teacher = models.small_convnet((8, 8, 1), 3, (4, 8))
        self.assertEqual(
            tap_choice.map_taps(teacher, student), [("stage1", "end")]
        )

    def test_finds_stages_inside_a_nested_model(self):
        body = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(2, 3, padding="same", name="inner"),
                keras.layers.Flatten(),
            ],
            name="body",
        )
        student = keras.Sequential(
            [keras.Input((8, 8, 1)), body, keras.layers.Dense(3)]
        )
        teacher = models.small_convnet((8, 8, 1), 3, (4,))
        self.assertEqual(
            tap_choice.hint_taps(teacher, student), ("stage1", "body/inner")
        )

    def test_takes_the_last_ends_where_no_sizes_agree(self):
        teacher = models.small_convnet((8, 8, 1), 3, (4,))
        student = models.small_convnet((6, 6, 1), 3, (4, 4))
        self.assertEqual(
            tap_choice.map_taps(teacher, student), [("pooling", "stage2")]
        )

    def test_hint_is_half_way(self):
        teacher = models.small_convnet((16, 16, 1), 3, (4, 8, 16))
        student = models.small_convnet((16, 16, 1), 3, (2, 4, 8))
        self.assertEqual(
            tap_choice.hint_taps(teacher, student), ("stage2", "stage2")
        )

    def test_hint_without_maps_is_the_last_hidden_layer(self):
        self.assertEqual(
            tap_choice.hint_taps(dense(8, 5, 3), dense(4, 3)),
            ("dense1", "dense0"),
        )

    def test_rejects_attention_without_maps(self):
        teacher = models.small_convnet((8, 8, 1), 3, (4,))
        with self.assertRaisesRegex(
            UnusableError, '"net" has no feature maps. Received'
        ):
            tap_choice.map_taps(teacher, dense(4, 3))

    def test_rejects_a_hint_without_hidden_layers(self):
        with self.assertRaisesRegex(
            UnusableError, '"net" has no hidden layer. Received'
        ):
            tap_choice.hint_taps(dense(4, 3), dense(3))


if __name__ == "__main__":
    absltest.main()
