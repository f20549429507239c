import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd import models
from keras_kd import teachers
from keras_kd.transfer_sets._activations.chain import Chain
from tests import support
from tests.transfer_sets import small_teachers


def convnet(*between):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(2, 3, name="first"),
            layers.Conv2D(3, 3, padding="same", name="second"),
            *between,
            layers.Flatten(),
            layers.Dense(4, name="logits"),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    return model


class MatricesTest(parameterized.TestCase):
    def test_of_dense_layers_are_their_kernels(self):
        teacher = small_teachers.net(6, 5, 4, 3)
        kernels = [support.values([x.kernel])[0] for x in teacher.layers]
        matrices = Chain(teacher).matrices
        self.assertLen(matrices, 2)
        for matrix, kernel in zip(matrices, kernels[1:], strict=True):
            np.testing.assert_allclose(matrix, kernel, atol=1e-6)

    @parameterized.named_parameters(
        ("nothing", [], []),
        ("relu_and_dropout", [layers.ReLU(), layers.Dropout(0.5)], []),
        ("mean", [layers.AveragePooling2D(2)], [layers.AveragePooling2D(2)]),
        ("maximum", [layers.MaxPooling2D(2)], [layers.AveragePooling2D(2)]),
        (
            "strides_smaller_than_the_window",
            [layers.MaxPooling2D(2, strides=1, padding="same")],
            [layers.AveragePooling2D(2, strides=1, padding="same")],
        ),
    )
    def test_of_a_convolution_and_what_follows(self, between, linear):
        teacher = convnet(*between)
        matrices = Chain(teacher).matrices
        layer = teacher.get_layer("second")
        maps = np.random.default_rng(1).normal(size=(5, 4, 4, 2))
        # Kernel and pooling by themselves, without the bias.
        expected = keras.ops.conv(
            maps.astype("float32"), layer.kernel, padding="same"
        )
        for one in linear:
            expected = one(expected)

        found = maps.reshape(5, -1) @ matrices[0]

        np.testing.assert_allclose(
            found, np.reshape(expected, (5, -1)), rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(
            matrices[1], teacher.get_layer("logits").kernel, atol=1e-6
        )

    def test_normalisation_is_a_part_of_the_weights(self):
        normalisation = layers.BatchNormalization()
        teacher = convnet(normalisation)
        plain = Chain(teacher).matrices[0]
        normalisation.moving_variance.assign([4.0, 9.0, 16.0])
        # Channels are the last axis, and epsilon is 0.001.
        scale = np.tile(np.sqrt(1.001 / (np.array([4, 9, 16]) + 1e-3)), 16)
        np.testing.assert_allclose(
            Chain(teacher).matrices[0], plain * scale, rtol=1e-4, atol=1e-5
        )

    def test_lenet_has_no_pixel_among_its_nodes(self):
        shapes = [
            m.shape for m in Chain(models.lenet5((28, 28, 1), 10)).matrices
        ]
        # 6 maps of 14x14, 16 of 5x5, and the dense layers.
        self.assertEqual(shapes, [(1176, 400), (400, 120), (120, 84), (84, 10)])


class SignalsTest(absltest.TestCase):
    def test_are_what_layers_take_and_the_logits(self):
        teacher = convnet(layers.ReLU(), layers.MaxPooling2D(2))
        x = np.random.default_rng(1).normal(size=(5, 6, 6, 1))
        values = [x.astype("float32")]
        for layer in teacher.layers:
            values.append(layer(values[-1]))
        first, second, logits = (values[i] for i in (1, 4, -1))
        groups = Chain(teacher)(x)
        self.assertLen(groups, 3)
        for group, value in zip(groups, (first, second, logits), strict=True):
            np.testing.assert_allclose(
                group, np.reshape(value, (5, -1)), atol=1e-4
            )

    def test_of_probabilities_taken_away_are_logits(self):
        model = small_teachers.net(6, 5, 3)
        x, _ = small_teachers.clusters(4)
        expected = keras.ops.convert_to_numpy(model(x))
        matrix = Chain(model).matrices[0]
        model.layers[-1].activation = keras.activations.softmax
        chain = Chain(teachers.logits(model))
        np.testing.assert_allclose(chain(x)[-1], expected, atol=1e-5)
        np.testing.assert_allclose(chain.matrices[0], matrix, atol=1e-6)


class RefusalsTest(absltest.TestCase):
    def refuse(self, teacher, reason):
        with self.assertRaisesRegex(
            ValueError,
            f"`teacher` must be a chain.*Received.*{reason}.*`AllLayers`",
        ):
            Chain(teacher)

    def test_a_branch(self):
        entry = keras.Input((6,))
        hidden = layers.Dense(4, name="stem")(entry)
        left, right = (layers.Dense(4)(hidden) for _ in range(2))
        output = layers.Dense(3)(layers.Add()([left, right]))
        self.refuse(keras.Model(entry, output), "is changed on its way")

    def test_an_operation_that_is_no_layer(self):
        entry = keras.Input((6,))
        hidden = 2 * layers.Dense(4, name="stem")(entry)
        output = layers.Dense(3)(hidden)
        self.refuse(keras.Model(entry, output), '"stem" gives is changed')

    def test_a_layer_that_is_called_twice(self):
        shared = layers.Dense(4, name="shared")
        net = [keras.Input((4,)), shared, layers.Dense(4), shared]
        entry = keras.Input((4,))
        x = entry
        for layer in net[1:]:
            x = layer(x)
        self.refuse(keras.Model(entry, x), '"shared" is called twice')

    def test_a_layer_that_is_no_fixed_connection(self):
        normalisation = layers.LayerNormalization(name="norm")
        self.refuse(convnet(normalisation), '"norm", a LayerNormalization')

    def test_a_single_layer(self):
        self.refuse(small_teachers.net(6, 3), "it has 1 layers")


if __name__ == "__main__":
    absltest.main()
