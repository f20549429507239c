"""Labels that are numbers of no class."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._training.reader import Reader
from tests import support

CLASSES = 3
OUTPUT = keras.KerasTensor((None, CLASSES))
HEADS = {"a": OUTPUT, "b": keras.KerasTensor((None, 5))}
SPARSE = support.cross_entropy()
ONE_HOT = keras.losses.CategoricalCrossentropy(from_logits=True)
MESSAGE = (
    r"`y` must have whole numbers from 0 to {}, since .* Received: {} among "
    r"the labels\. .*`ignore_class`"
)


class ReaderTest(parameterized.TestCase):
    def refuse(self, reader, y, highest, found):
        message = MESSAGE.format(highest, found)
        with self.assertRaisesRegex(ValueError, message):
            reader.check_arrays(y)
        # In a step too: outside of a graph it fails at once.
        labels = keras.tree.map_structure(keras.ops.convert_to_tensor, y)
        with self.assertRaisesRegex(
            ValueError, MESSAGE.format(highest, "others")
        ):
            reader.read((np.ones(1), labels))

    def accept(self, reader, y):
        reader.check_arrays(y)
        labels = keras.tree.map_structure(keras.ops.convert_to_tensor, y)
        reader.read((np.ones(1), labels))

    @parameterized.named_parameters(
        ("high", [0, 1, 3], 3),
        ("low", [0, -1, 2], -1),
        ("column", [[0], [7], [1]], 7),
        ("bytes", np.uint8([0, 255]), 255),
        ("floats", [0.0, np.nan, 4.0], 4.0),
    )
    def test_refuses(self, y, found):
        reader = Reader(OUTPUT, (), SPARSE)
        self.refuse(reader, np.asarray(y), CLASSES - 1, found)

    @parameterized.named_parameters(
        ("classes", SPARSE, [0, 1, 2]),
        ("none", SPARSE, []),
        ("no_label", SPARSE, [0.0, np.nan, 2.0]),
        ("ignored", support.cross_entropy(ignore_class=-1), [0, -1, 2]),
        (
            "ignored_bytes",
            support.cross_entropy(ignore_class=255),
            np.uint8([0, 255]),
        ),
        ("probabilities", ONE_HOT, [[0, 0, 7]]),
        ("regression", keras.losses.MeanSquaredError(), [[0, 0, 7]]),
        ("no_loss", None, [7]),
        ("word", "crossentropy", [7]),
    )
    def test_accepts(self, loss, y):
        self.accept(Reader(OUTPUT, (), loss), np.asarray(y))

    def test_each_output_has_its_own_classes(self):
        reader = Reader(HEADS, ("a", "b"), {"a": SPARSE, "b": SPARSE})
        self.accept(reader, {"a": np.int32([2]), "b": np.int32([4])})
        self.refuse(reader, {"a": np.int32([2]), "b": np.int32([5])}, 4, 5)
        self.refuse(reader, {"a": np.int32([3]), "b": np.int32([4])}, 2, 3)

    def test_labels_may_be_of_the_outputs_with_a_loss_alone(self):
        reader = Reader([*HEADS.values()], ("a", "b"), [None, SPARSE])
        self.accept(reader, [np.int32([4])])
        self.refuse(reader, [np.int32([5])], 4, 5)

    def test_data_of_other_kinds_are_not_looked_into(self):
        Reader(OUTPUT, (), SPARSE).check_arrays(None)
        Reader(OUTPUT, (), SPARSE).check_arrays([0, 7])


if __name__ == "__main__":
    absltest.main()
