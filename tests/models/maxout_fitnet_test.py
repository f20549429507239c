"""Sizes of the networks, against the paper's and a count by hand."""

import math

import keras
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models

# The paper's table: channels of all 3x3 convolutions, in stages of one size.
CHANNELS = {
    "fitnet1": [[16] * 3, [32] * 3, [48, 48, 64]],
    "fitnet2": [[16, 32, 32], [48, 64, 80], [96, 96, 128]],
    "fitnet3": [[32, 48, 64, 64], [80] * 4, [128] * 3],
    "fitnet4": [[32] * 3 + [48] * 2, [80] * 6, [128] * 6],
}


def convolutions(name):
    """Weights of each convolution, two pieces, by stage."""
    channels, weights = 3, []
    for stage in CHANNELS[name]:
        weights.append([])
        for width in stage:
            weights[-1].append(9 * channels * 2 * width)
            channels = width
    return weights


def count_kernels(model):
    """Weights without biases, as the authors count them."""
    return sum(math.prod(w.shape) for w in model.weights if len(w.shape) > 1)


def shape(model, name):
    return model.get_layer(name).output.shape[1:]


class CifarTest(parameterized.TestCase):
    @parameterized.parameters(*CHANNELS)
    def test_has_the_weights_of_its_layers(self, name):
        last = CHANNELS[name][-1][-1]
        expected = sum(map(sum, convolutions(name)))
        expected += last * 500 * 2 + 500 * 10
        model = models.maxout_fitnet(name)
        self.assertEqual(count_kernels(model), expected)

    @parameterized.parameters(
        ("fitnet1", 250e3, 30e6),
        ("fitnet2", 862e3, 108e6),
        ("fitnet4", 2.5e6, 382e6),
    )
    def test_has_the_papers_size(self, name, weights, multiplications):
        count = count_kernels(models.maxout_fitnet(name))
        digits = 2 if weights > 1e6 else 3
        self.assertEqual(float(f"{count:.{digits - 1}e}"), weights)
        # Each weight once per position: 32x32, 16x16 and 8x8 of them.
        positions = [32**2, 16**2, 8**2]
        actual = sum(
            sum(stage) * size
            for stage, size in zip(convolutions(name), positions, strict=True)
        )
        self.assertEqual(round(actual / 1e6), round(multiplications / 1e6))

    def test_fitnet3_is_smaller_than_the_paper_says(self):
        # 1.6M there, for which its table of channels does not account.
        count = count_kernels(models.maxout_fitnet("fitnet3"))
        self.assertEqual(round(count / 1e6, 1), 1.5)

    @parameterized.parameters(
        ("fitnet1", "block6"),
        ("fitnet2", "block6"),
        ("fitnet3", "block8"),
        ("fitnet4", "block11"),
    )
    def test_the_guided_map_is_a_little_larger_than_the_hint(self, name, tap):
        student = models.maxout_fitnet(name)
        self.assertEqual(shape(student, tap)[:2], (8, 8))
        # 32 + 8 - 8 + 1 = 33, pooled to 16; 16 + 6 - 8 + 1 = 15, to 7.
        teacher = models.maxout_teacher("cifar10", dense_pieces=1)
        self.assertEqual(shape(teacher, "block2"), (7, 7, 192))

    @parameterized.parameters((2, 9.0), (5, 16.2))
    def test_the_teacher_has_9_million_with_two_dense_pieces(
        self, pieces, millions
    ):
        teacher = models.maxout_teacher("cifar10", dense_pieces=pieces)
        # 15 -> 7 + 6 - 5 + 1 = 9, pooled to 5, with the window at its end.
        expected = 64 * 3 * 192 + 64 * 96 * 384 + 25 * 192 * 384
        expected += 25 * 192 * 500 * pieces + 500 * 10
        self.assertEqual(count_kernels(teacher), expected)
        self.assertEqual(round(expected / 1e6, 1), millions)

    def test_takes_other_images_and_classes(self):
        model = models.maxout_fitnet(
            "fitnet1", image_shape=(16, 16, 1), num_classes=7
        )
        self.assertEqual(model.input_shape, (None, 16, 16, 1))
        self.assertEqual(model.output_shape, (None, 7))

    def test_norms_need_not_be_bounded(self):
        for max_norm in (True, False):
            model = models.maxout_fitnet("mnist", max_norm=max_norm)
            bounded = [
                layer.kernel_constraint is not None
                for layer in model.layers
                if layer.weights
            ]
            self.assertEqual(bounded, [max_norm] * 7)

    @parameterized.parameters(
        (models.maxout_fitnet, "fitnet5"), (models.maxout_teacher, "svhn")
    )
    def test_rejects_other_names(self, function, name):
        with self.assertRaisesRegex(
            ValueError, f"one of.*mnist.*Received: architecture='{name}'"
        ):
            function(name)


class MnistTest(absltest.TestCase):
    def test_student_has_the_papers_30_thousand(self):
        model = models.maxout_fitnet("mnist")
        expected = 25 * 1 * 32 + 9 * 16 * 32 + 25 * 16 * 32 + 9 * 16 * 32
        expected += 9 * 16 * 24 + 9 * 12 * 24 + 3 * 3 * 12 * 10
        self.assertEqual(count_kernels(model), expected)
        self.assertEqual(round(expected, -3), 30_000)

    def test_teacher_has_the_papers_361_thousand(self):
        teacher = models.maxout_teacher("mnist")
        expected = 64 * 1 * 96 + 64 * 48 * 96 + 25 * 48 * 48 + 3 * 3 * 24 * 10
        self.assertEqual(count_kernels(teacher), expected)
        self.assertEqual(round(expected, -3), 361_000)

    def test_hint_and_guided_map_have_one_size(self):
        # 28 - 5 + 1 = 24, 22, pooled to 10; + 6 - 5 + 1 = 12, 10, to 4.
        student = models.maxout_fitnet("mnist")
        self.assertEqual(shape(student, "block4"), (4, 4, 16))
        # 28 - 8 + 1 = 21, pooled to 10; + 6 - 8 + 1 = 9, to 4.
        teacher = models.maxout_teacher("mnist")
        self.assertEqual(shape(teacher, "block2"), (4, 4, 48))

    def test_gives_logits(self):
        for model in (
            models.maxout_fitnet("mnist"),
            models.maxout_teacher("mnist"),
        ):
            logits = model.get_layer("logits")
            self.assertIs(logits.activation, keras.activations.linear)
            self.assertIs(logits, model.layers[-1])


if __name__ == "__main__":
    absltest.main()
