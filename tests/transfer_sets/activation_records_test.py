import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import teachers
from keras_kd import transfer_sets
from tests import support
from tests.transfer_sets import small_teachers


def pre_activations(model, x):
    """Sums of each layer of a net of ReLUs, in float64."""
    sums = []
    for layer in model.layers:
        kernel, bias = support.values(layer.weights)
        sums.append(x.astype("float64") @ kernel + bias)
        x = np.maximum(sums[-1], 0)
    return sums


class StatisticsTest(parameterized.TestCase):
    def test_all_layers_have_means_and_covariances_of_their_class(self):
        teacher = small_teachers.net(6, 5, 4, 3)
        x, y = small_teachers.clusters()
        records = small_teachers.records(
            teacher, transfer_sets.AllLayers(temperature=2.0)
        )
        *hidden, logits = pre_activations(teacher, x)

        for label in range(3):
            for index, units in enumerate([*hidden, logits / 2]):
                units = units[y == label]
                factor = records.arrays[f"factor.{label}.{index}"]
                np.testing.assert_allclose(
                    records.arrays[f"mean.{label}.{index}"],
                    units.mean(0),
                    rtol=1e-4,
                    atol=1e-5,
                )
                np.testing.assert_allclose(
                    factor @ factor.T,
                    np.cov(units, rowvar=False),
                    rtol=1e-3,
                    atol=1e-4,
                )

    def test_the_top_layer_is_the_last_of_all_layers(self):
        teacher = small_teachers.net(6, 5, 4, 3)
        top = small_teachers.records(teacher)
        everything = small_teachers.records(teacher, transfer_sets.AllLayers())
        self.assertEqual(top.layers, ())
        for label in range(3):
            for name in ("mean", "factor"):
                np.testing.assert_allclose(
                    top.arrays[f"{name}.{label}.0"],
                    everything.arrays[f"{name}.{label}.2"],
                    atol=1e-6,
                )

    def test_large_layers_have_standard_deviations(self):
        teacher = small_teachers.net(6, 5, 4, 3)
        x, y = small_teachers.clusters()
        records = small_teachers.records(
            teacher, transfer_sets.AllLayers(max_covariance_units=4)
        )
        names = {name for name in records.arrays if name.startswith("s")}
        self.assertEqual(names, {f"stddev.{label}.0" for label in range(3)})
        expected = pre_activations(teacher, x)[0][y == 1].std(0, ddof=1)
        np.testing.assert_allclose(
            records.arrays["stddev.1.0"], expected, rtol=1e-4
        )

    def test_layers_can_be_chosen(self):
        teacher = support.dense(5, features=6)
        content = transfer_sets.AllLayers(layers=["hidden"])
        records = small_teachers.records(teacher, content)
        self.assertEqual(records.layers, ("hidden",))

    @parameterized.parameters(1, 7, 90)
    def test_batches_make_no_difference(self, batch_size):
        teacher = small_teachers.net(6, 5, 3)
        x, y = small_teachers.clusters()
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)
        one = small_teachers.records(teacher, data=data)
        other = small_teachers.records(teacher)
        np.testing.assert_allclose(
            one.arrays["factor.2.0"], other.arrays["factor.2.0"], atol=1e-4
        )

    def test_probabilities_taken_away_are_logits(self):
        model = small_teachers.net(6, 5, 3)
        head = model.layers[-1]
        expected = small_teachers.records(model, transfer_sets.AllLayers())
        head.activation = keras.activations.softmax
        teacher = teachers.logits(model)
        found = small_teachers.records(teacher, transfer_sets.AllLayers())
        self.assertLen(found.layers, 1)
        for name, array in expected.arrays.items():
            np.testing.assert_allclose(found.arrays[name], array, atol=1e-4)


class SamplingTest(parameterized.TestCase):
    """A sample of n normal vectors has a covariance S with

    Var S_ij = (C_ii C_jj + C_ij^2) / (n - 1),

    and a mean with variance C_ii / n. Five of these standard deviations are
    exceeded once in two million entries.
    """

    def setUp(self):
        super().setUp()
        self.teacher = small_teachers.net(6, 5, 4, 3)
        x, y = small_teachers.clusters(300)
        content = transfer_sets.AllLayers(temperature=2.0)
        self.records = small_teachers.records(self.teacher, content, (x, y))
        *hidden, logits = pre_activations(self.teacher, x)
        units = [u[y == 1] for u in (*hidden, logits / 2)]
        self.means = [u.mean(0) for u in units]
        self.covariances = [np.cov(u, rowvar=False) for u in units]

    def test_samples_have_the_recorded_mean_and_covariance(self):
        count = 20_000
        drawn = self.records.sample(label=1, count=count, seed=3)
        self.assertLen(drawn, 3)
        for units, mean, covariance in zip(
            drawn.values(), self.means, self.covariances, strict=True
        ):
            variances = np.diag(covariance)
            spread = np.sqrt(
                (np.outer(variances, variances) + covariance**2) / (count - 1)
            )
            found = np.cov(units, rowvar=False)
            np.testing.assert_array_less(
                np.abs(found - covariance), 5 * spread + 1e-6
            )
            np.testing.assert_array_less(
                np.abs(units.mean(0) - mean),
                5 * np.sqrt(variances / count) + 1e-6,
            )
            # Multiplied by the covariance, as in the released code, it would
            # be its square: far outside.
            squared = np.abs(covariance @ covariance - covariance)
            self.assertGreater(np.max(squared / (5 * spread + 1e-6)), 10)

    def test_standard_deviations_are_those_recorded(self):
        records = small_teachers.records(
            self.teacher,
            transfer_sets.AllLayers(max_covariance_units=0),
            small_teachers.clusters(300),
        )
        count = 20_000
        drawn = next(iter(records.sample(1, count).values()))
        variances = np.diag(self.covariances[0])
        # Var S_ii is 2 C_ii^2 / (n - 1), and different units vary apart.
        spread = np.sqrt(np.outer(variances, variances) / count)
        spread += np.diag((np.sqrt(2) - 1) * np.diag(spread))
        np.testing.assert_array_less(
            np.abs(np.cov(drawn, rowvar=False) - np.diag(variances)),
            5 * spread + 1e-6,
        )

    def test_a_seed_gives_the_same_again_and_another_does_not(self):
        first, again, other = (
            self.records.sample(0, 4, seed)["logits"] for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        self.assertGreater(np.abs(first - other).max(), 0.01)

    def test_rejects_a_class_that_is_none(self):
        with self.assertRaisesRegex(ValueError, "from 0 to 2.*label=3"):
            self.records.sample(3, 1)

    def test_rejects_to_draw_from_examples(self):
        records = small_teachers.records(
            self.teacher, transfer_sets.SpectralAllLayers()
        )
        with self.assertRaisesRegex(ValueError, "content=SpectralAllLayers"):
            records.sample(0, 1)


class RefusalsTest(parameterized.TestCase):
    def refuse(self, message, error=ValueError, **changed):
        arguments = {
            "teacher": small_teachers.net(6, 5, 3),
            "data": small_teachers.clusters(),
        }
        with self.assertRaisesRegex(error, message):
            transfer_sets.activation_records(**arguments | changed)

    @parameterized.named_parameters(
        ("labels", ([0, 1, 3],), "from 0 to 2.*labels from 0 to 3"),
        ("one_hot", (np.eye(3),), "class number.*argmax"),
        ("fractions", ([0.0, 1.0, 2.0],), "class number.*float64"),
        ("single", ([0, 1, 2],), "two examples.*1 of class 0"),
        ("missing", ([0, 0, 0],), r"two examples.*0 of class 1.*\[1, 2\]"),
        ("fewer", ([0, 0],), "one label for each.*3 examples and 2 labels"),
    )
    def test_labels(self, labels, message):
        data = (np.ones((3, 6), "float32"), np.array(labels[0]))
        self.refuse(message, data=data)

    def test_data(self):
        x, y = small_teachers.clusters()
        self.refuse(r"shape \(6,\).*\(90, 5\)", data=(x[:, :5], y))
        self.refuse("arrays.*ndarray", TypeError, data=x)
        endless = tf.data.Dataset.from_tensors((x, y)).repeat()
        self.refuse("must end", data=endless)
        unlabelled = tf.data.Dataset.from_tensors(x)
        self.refuse("class number.*y=None", data=unlabelled)

    def test_content(self):
        self.refuse("TopLayer.*content='all'", TypeError, content="all")

    def test_an_unknown_layer(self):
        content = transfer_sets.AllLayers(layers=("hiden",))
        teacher = support.dense(5, features=6)
        self.refuse("'hiden'.*hidden", content=content, teacher=teacher)

    def test_teachers(self):
        probabilities = support.dense(4, features=6, activation="softmax")
        self.refuse("logits.*probabilities", teacher=probabilities)
        nan = small_teachers.net(6, 5, 3)
        nan.layers[0].bias.assign(np.full(5, np.nan))
        for content in (None, transfer_sets.SpectralAllLayers()):
            self.refuse("finite weights.*bias", teacher=nan, content=content)
        large = small_teachers.net(6, 5, 3)
        large.layers[1].kernel.assign(np.full((5, 3), 3e38))
        for content in (None, transfer_sets.SpectralAllLayers()):
            self.refuse("finite activations", teacher=large, content=content)
        steps = keras.Sequential(
            [keras.Input((None, 6)), keras.layers.Dense(3)]
        )
        self.refuse(r"\(batch, classes\).*None, None, 3", teacher=steps)

    @parameterized.named_parameters(
        ("temperature", transfer_sets.TopLayer, {"temperature": 0}),
        ("kept", transfer_sets.SpectralAllLayers, {"kept": 1.5}),
        ("nothing", transfer_sets.SpectralLayerPairs, {"kept": 0.0}),
        ("count", transfer_sets.SpectralAllLayers, {"examples_per_class": 0}),
        ("units", transfer_sets.AllLayers, {"max_covariance_units": -1}),
    )
    def test_contents(self, content, arguments):
        name, value = next(iter(arguments.items()))
        with self.assertRaisesRegex(
            ValueError, f"`{name}` must.*Received: {name}={value}"
        ):
            content(**arguments)

    def test_one_path_that_is_no_tuple(self):
        with self.assertRaisesRegex(TypeError, r"Write layers=\['hidden'\]"):
            transfer_sets.AllLayers(layers="hidden")


if __name__ == "__main__":
    absltest.main()
