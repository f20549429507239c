"""Which of Keras's metrics and losses want logits, and which probabilities."""

import functools
import inspect
import types

import keras
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import metrics
from keras_kd._training import expected
from keras_kd._training.expected import expectation

K = keras.losses
MODULES = (keras.metrics, keras.losses)
# The class that Keras makes a loss of a function with has no public name.
FUNCTION_LOSS = K.MeanSquaredError.__base__
# Base classes, and functions that make objects.
NO_ROW = {
    "Loss",
    "MeanMetricWrapper",
    "Metric",
    "deserialize",
    "get",
    "serialize",
}


def public(modules):
    """Classes and functions of modules, by name."""
    return {
        name: getattr(module, name)
        for module in modules
        for name in dir(module)
        if not name.startswith("_") and callable(getattr(module, name))
    }


def unknown(modules):
    return set(public(modules)) - set(expected.ROWS) - NO_ROW


def arguments(given):
    return inspect.signature(given).parameters


class TableTest(absltest.TestCase):
    def test_knows_all_that_keras_has(self):
        self.assertEmpty(unknown(MODULES), "Add a row to `expected.ROWS`.")

    def test_a_new_metric_of_keras_would_be_noticed(self):
        newer = types.ModuleType("newer")
        newer.Hinge = keras.metrics.Hinge
        newer.BrierScore = type("BrierScore", (keras.metrics.Metric,), {})
        newer.brier_score = lambda y_true, y_pred: y_pred
        self.assertEqual(unknown([newer]), {"BrierScore", "brier_score"})

    def test_has_no_row_for_what_is_gone(self):
        known = set(public((*MODULES, metrics)))
        self.assertEmpty(set(expected.ROWS) - known)

    def test_the_flag_is_read_wherever_there_is_one(self):
        for name, given in public(MODULES).items():
            if name not in NO_ROW:
                self.assertEqual(
                    "from_logits" in arguments(given),
                    expected.ROWS[name].argument == "from_logits",
                    name,
                )

    def test_the_argument_of_each_row_exists(self):
        for name, given in public((*MODULES, metrics)).items():
            argument = getattr(expected.ROWS.get(name), "argument", None)
            if argument is not None:
                self.assertIn(argument, arguments(given), name)

    def test_a_function_has_the_row_of_its_class(self):
        for name, given in public(MODULES).items():
            title = name.replace("kl_", "KL_").replace("ctc", "CTC").split("_")
            cls = "".join(part[:1].upper() + part[1:] for part in title)
            if inspect.isfunction(given) and cls in expected.ROWS:
                self.assertEqual(
                    expected.ROWS[name], expected.ROWS[cls], (name, cls)
                )


def own(y_true, y_pred):
    return y_pred


def flagged(y_true, y_pred, from_logits=False):
    return y_pred


def dice(y_true, y_pred):
    """Bears the name of another function."""
    return y_pred


class OwnAUC(keras.metrics.AUC):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)


class Renamed(keras.metrics.AUC):
    pass


class OwnPrecision(keras.metrics.Precision):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)


def wrapped(function, **kwargs):
    return keras.metrics.MeanMetricWrapper(function, **kwargs)


class Declared(keras.losses.Loss):
    from_logits = True

    def call(self, y_true, y_pred):
        return y_pred


LOGITS = (
    lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    lambda: keras.losses.CTC(),
    lambda: keras.metrics.AUC(from_logits=True),
    lambda: keras.metrics.BinaryAccuracy(threshold=0),
    lambda: keras.metrics.BinaryAccuracy(threshold=-1.5),
    lambda: keras.metrics.BinaryIoU(threshold=0.0),
    lambda: keras.metrics.Precision(thresholds=0),
    lambda: keras.metrics.Recall(thresholds=[0.0]),
    lambda: keras.metrics.Precision(top_k=2),
    lambda: metrics.ExpectedCalibrationError(from_logits=True),
    lambda: functools.partial(
        keras.losses.binary_crossentropy, from_logits=True
    ),
    lambda: wrapped(keras.metrics.binary_accuracy, threshold=0),
    lambda: wrapped(keras.losses.BinaryCrossentropy(from_logits=True)),
    lambda: wrapped(keras.losses.categorical_crossentropy, from_logits=True),
    lambda: FUNCTION_LOSS(K.binary_crossentropy, from_logits=True),
    lambda: OwnAUC(from_logits=True),
    lambda: Declared(),
    lambda: functools.partial(flagged, from_logits=True),
)
PROBABILITIES = (
    lambda: keras.losses.BinaryFocalCrossentropy(),
    lambda: keras.losses.Dice(),
    lambda: keras.losses.poisson,
    lambda: keras.metrics.AUC(),
    lambda: keras.metrics.BinaryAccuracy(),
    lambda: keras.metrics.BinaryAccuracy(threshold=0.2),
    lambda: keras.metrics.F1Score(),
    lambda: keras.metrics.F1Score(threshold=1.0),
    lambda: keras.metrics.FalseNegatives(thresholds=[0.0, 0.5, 1.0]),
    lambda: keras.metrics.Recall(),
    lambda: keras.metrics.SensitivityAtSpecificity(0.5),
    lambda: keras.metrics.binary_accuracy,
    lambda: functools.partial(keras.losses.tversky, alpha=0.3),
    lambda: metrics.ExpectedCalibrationError(),
    lambda: wrapped(keras.losses.KLDivergence()),
    lambda: wrapped(keras.losses.dice),
    lambda: FUNCTION_LOSS(K.binary_crossentropy),
    lambda: OwnAUC(),
    lambda: Renamed(),
    lambda: flagged,
)
ANYTHING = (
    lambda: keras.losses.Huber(),
    lambda: keras.losses.mean_squared_error,
    lambda: keras.metrics.MeanIoU(3, sparse_y_pred=False),
    lambda: keras.metrics.OneHotIoU(3, [0]),
    lambda: keras.metrics.TopKCategoricalAccuracy(2),
    lambda: wrapped(keras.losses.cosine_similarity),
)
NUMBERS = (
    lambda: keras.metrics.Accuracy(),
    lambda: keras.metrics.IoU(3, [0]),
    lambda: keras.metrics.MeanIoU(3),
)
UNKNOWN = (
    lambda: own,
    lambda: dice,
    lambda: functools.partial(own),
    lambda: wrapped(own),
    lambda: wrapped(dice),
    lambda: FUNCTION_LOSS(dice),
    lambda: OwnPrecision(),
    lambda: keras.metrics.MeanMetricWrapper(lambda y_true, y_pred: y_pred),
)


def cases(reads, given):
    return [(f"{reads}_{index}", reads, one) for index, one in enumerate(given)]


class ExpectationTest(parameterized.TestCase):
    @parameterized.named_parameters(
        *cases(expected.LOGITS, LOGITS),
        *cases(expected.PROBABILITIES, PROBABILITIES),
        *cases(expected.ANYTHING, ANYTHING),
        *cases(expected.NUMBERS, NUMBERS),
        *cases(expected.UNKNOWN, UNKNOWN),
    )
    def test_tells_what_is_read(self, reads, given):
        self.assertEqual(expectation(given()).reads, reads)

    def test_unknown_ones_have_their_own_name(self):
        self.assertEqual(expectation(own).name, "own")
        self.assertEqual(expectation(OwnPrecision(name="p")).name, "p")


if __name__ == "__main__":
    absltest.main()
