"""What `supervision_transfer` does not accept, and which runs go on."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests.procedures.small_transfers import CLASSES
from tests.procedures.small_transfers import MIX
from tests.procedures.small_transfers import paired
from tests.procedures.small_transfers import transfer
from tests.procedures.small_transfers import untrained
from tests.procedures.small_transfers import vectors

X, Y = vectors(32)
PAIRS = paired(X)
LABELLED = (X @ MIX, Y)
TUNING = {"labelled": LABELLED, "fine_tuning_epochs": 1}


def batches(data):
    return tf.data.Dataset.from_tensor_slices(data).batch(8)


class Subclassed(keras.Model):
    """A net of which nobody knows what comes after what."""

    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(12)

    def call(self, x):
        return self.hidden(x)


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 4)))
    return model


def two_inputs():
    inputs = keras.Input((3,)), keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(3)(sum(inputs)), name="two")


def functional(build):
    """A teacher of vectors, whose layer `one` is used as `build` does."""
    inputs = keras.Input((4,))
    features = build(inputs, keras.layers.Dense(4, name="one"))
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(features))


@support.eager_tests
class RefusalsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("keys", {"teacher_inputs": "red"}, r"'depth'.*'red'"),
        ("one_key", {"teacher_inputs": "depth"}, "two keys.*'depth'.*'depth'"),
        ("key", {"teacher_inputs": ["rgb"]}, r"two keys.*\['rgb'\]"),
        ("epochs", {"epochs": 0}, "epochs.*0"),
        ("no_labels", {"fine_tuning_epochs": 2}, "labelled.*None"),
        ("no_epochs", {"labelled": LABELLED}, "fine_tuning_epochs=0"),
        ("validation", {"validation_data": LABELLED}, "labelled=None"),
        ("tap", {"teacher_tap": "middle"}, "'middle'.*nearest are: hidden"),
        ("student_tap", {"student_tap": "middle"}, "middle"),
        ("labels", {"pairs": (PAIRS, Y)}, "without labels.*tuple"),
        ("label_set", {"pairs": batches((PAIRS, Y))}, "without labels.*tuple"),
        (
            "lengths",
            {"pairs": PAIRS | {"rgb": X[:30]}},
            r"`pairs`.*equal length.*\(30, 4\), \(32, 3\)",
        ),
        (
            "lists",
            {"pairs": PAIRS | {"rgb": X.tolist()}},
            r"`pairs`.*arrays.*list, \(32, 3\)",
        ),
    )
    def test_refuses(self, kwargs, message):
        with self.assertRaisesRegex(ValueError, message):
            transfer(**kwargs)

    @parameterized.named_parameters(
        ("array", LABELLED[0], "`{}` must be arrays.*ndarray"),
        ("weights", (*LABELLED, Y), "`{}` must be arrays.*tuple of 3"),
        ("bare_set", batches(X @ MIX), "data set of TensorSpec"),
        ("lengths", (X @ MIX, Y[:30]), r"`{}`.*equal.*\(32, 3\), \(30,\)"),
        ("list", (X @ MIX, Y.tolist()), r"`{}`.*arrays.*\(32, 3\), list"),
        ("large", (X @ MIX, Y + 1), "`{}`.*from 0 to 2.*such as 3"),
        ("negative", (X @ MIX, Y - 1), "`{}`.*from 0 to 2.*such as -1"),
        ("column", (X @ MIX, Y[:, None] + 1), "from 0 to 2.*such as 3"),
        ("fractions", (X @ MIX, Y + 0.5), "whole numbers.*such as [012].5"),
        ("texts", (X @ MIX, Y.astype(str)), "whole numbers.*such as [012]"),
        ("shape", (X @ MIX, np.ones((32, 2))), r"labels of shape \(32, 2\)"),
    )
    def test_refuses_examples(self, data, message):
        for argument in ("labelled", "validation_data"):
            with self.assertRaisesRegex(ValueError, message.format(argument)):
                transfer(**TUNING | {argument: data})

    @parameterized.named_parameters(
        ("column", (X @ MIX, Y[:, None])),
        ("probabilities", (X @ MIX, np.eye(CLASSES)[Y])),
        ("data_set", batches(LABELLED)),
        ("weighted_data_set", batches((*LABELLED, np.ones(32)))),
    )
    def test_takes(self, data):
        made = transfer(**TUNING | {"labelled": data, "batch_size": None})
        self.assertLen(made.histories["fine_tuning"]["loss"], 1)
        if isinstance(data, tuple):
            expected = transfer(**TUNING | {"batch_size": None})
            np.testing.assert_allclose(
                made.histories["fine_tuning"]["loss"],
                expected.histories["fine_tuning"]["loss"],
                rtol=1e-5,
            )

    @parameterized.parameters("teacher", "student")
    def test_refuses_a_model_without_a_graph(self, argument):
        for tap in ("hidden", None):
            with self.assertRaisesRegex(
                TypeError, f"`{argument}`.*Functional.*Subclassed"
            ):
                transfer(**{argument: subclassed(), "student_tap": tap})

    @parameterized.parameters("teacher", "student")
    def test_refuses_a_model_of_two_inputs(self, argument):
        with self.assertRaisesRegex(
            ValueError, f'`{argument}` must have one input.*"two" with 2'
        ):
            transfer(**{argument: two_inputs()})

    def test_refuses_a_layer_that_is_passed_by(self):
        teacher = functional(lambda x, one: keras.layers.add([one(x), x]))
        with self.assertRaisesRegex(ValueError, "'one'.*needs more than what"):
            transfer(teacher=teacher, teacher_tap="one")

    @parameterized.named_parameters(
        ("in_turn", lambda x, one: one(one(x))),
        ("beside", lambda x, one: keras.layers.add([one(x), one(-x)])),
    )
    def test_refuses_a_layer_that_is_called_twice(self, build):
        teacher = functional(build)
        with self.assertRaisesRegex(ValueError, "'one'.*called 2 times"):
            transfer(teacher=teacher, teacher_tap="one")

    def test_refuses_features_of_unknown_size(self):
        def net(channels):
            return keras.Sequential(
                [
                    keras.Input((None, None, channels)),
                    keras.layers.Conv2D(4, 3, name="hidden"),
                    keras.layers.GlobalAveragePooling2D(),
                    keras.layers.Dense(CLASSES),
                ]
            )

        pairs = {"rgb": np.ones((4, 8, 8, 3)), "depth": np.ones((4, 8, 8, 1))}
        with self.assertRaisesRegex(
            ValueError, r"known size.*'hidden', of shape \(None, None, 4\)"
        ):
            transfer(teacher=net(3), student=net(1), pairs=pairs)


class DirectoryTest(parameterized.TestCase):
    def test_goes_on_with_the_same_run_in_other_words(self):
        common = TUNING | {"directory": support.folder(self), "pairs": PAIRS}
        made = []
        for name in ("first", "second"):
            projector = keras.layers.Dense(12, name=name)
            teacher = untrained()
            teacher.trainable = name == "first"
            made.append(
                transfer(
                    **common,
                    teacher=teacher,
                    projector=projector,
                )
            )
        self.assertEqual(made[0].histories, made[1].histories)
        first, second = (support.values(m.student.weights) for m in made)
        self.assertEqual(support.largest_difference(first, second), 0)


if __name__ == "__main__":
    absltest.main()
