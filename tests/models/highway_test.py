"""A highway net against its formula."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from scipy import special

import keras_kd
from keras_kd import models
from tests import support


def formula(net, x, depth):
    """Lu et al. 2017, equations 2 and 3, in float64."""

    def weights(name):
        return [w.astype("float64") for w in net.get_layer(name).get_weights()]

    kernel, bias = weights("hidden1")
    h = special.expit(x @ kernel + bias)
    for number in range(2, depth + 1):
        (transform,), (carry,) = weights("transform"), weights("carry")
        kernel, bias = weights(f"hidden{number}")
        new = special.expit(h @ kernel + bias)
        h = new * special.expit(h @ transform) + h * special.expit(h @ carry)
    kernel, bias = weights("logits")
    return h @ kernel + bias


def moved(net):
    """Gives random values to all weights: fresh biases are zero."""
    random = np.random.default_rng(0)
    net.set_weights([random.normal(size=w.shape) for w in net.get_weights()])
    return net


class HighwayTest(parameterized.TestCase):
    @parameterized.parameters(1, 2, 5)
    def test_equals_the_formula(self, depth):
        net = moved(models.highway((6,), 3, hidden=4, depth=depth))
        x = np.random.default_rng(1).normal(size=(7, 6))
        np.testing.assert_allclose(
            net.predict(x, verbose=0), formula(net, x, depth), rtol=1e-4
        )

    def test_classifies_each_frame_by_itself(self):
        net = moved(models.highway((None, 6), 3, hidden=4, depth=3))
        x = np.random.default_rng(1).normal(size=(2, 5, 6))
        np.testing.assert_allclose(
            net.predict(x, verbose=0), formula(net, x, 3), rtol=1e-4
        )

    @parameterized.parameters((512, 10), (64, 15))
    def test_gates_count_once(self, hidden, depth):
        net = models.highway((600,), 39, hidden=hidden, depth=depth)
        plain = (
            601 * hidden
            + (depth - 1) * (hidden + 1) * hidden
            + (hidden + 1) * 39
        )
        self.assertEqual(net.count_params(), plain + 2 * hidden**2)

    def test_adapting_the_gates_changes_two_matrices(self):
        keras.utils.set_random_seed(0)
        net = models.highway((4,), 3, hidden=5, depth=4)
        for layer in net.layers:
            layer.trainable = layer.name in ("transform", "carry")
        before = support.values(net.weights)
        net.compile("sgd", support.cross_entropy())
        net.fit(*support.data(), verbose=0)
        changed = [
            variable.path.split("/")[-2]
            for variable, old, new in zip(
                net.weights, before, support.values(net.weights), strict=True
            )
            if np.any(old != new)
        ]
        self.assertCountEqual(changed, ["transform", "carry"])

    def test_has_the_taps_that_it_tells_of(self):
        names = keras_kd.taps.names(models.highway((4,), 2, hidden=3, depth=3))
        self.assertContainsSubset(
            ["hidden1", "hidden3", "transform", "carry", "highway3", "logits"],
            names,
        )

    @parameterized.parameters(
        ({"hidden": 0}, "hidden.*0"),
        ({"depth": 2.0}, "depth.*2.0"),
        ({"num_classes": True}, "num_classes.*True"),
        ({"input_shape": (4, None)}, r"\(4, None\)"),
        ({"input_shape": ()}, "features"),
    )
    def test_refuses(self, change, message):
        arguments = {
            "input_shape": (4,),
            "num_classes": 2,
            "hidden": 3,
            "depth": 2,
        }
        with self.assertRaisesRegex(ValueError, message):
            models.highway(**arguments | change)


if __name__ == "__main__":
    absltest.main()
