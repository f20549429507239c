"""Labels that are numbers of no class."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._training.label_ranges import LabelRanges
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


class LabelRangesTest(parameterized.TestCase):
    def refuse(self, ranges, y, highest, found):
        message = MESSAGE.format(highest, found)
        with self.assertRaisesRegex(ValueError, message):
            ranges.check_arrays(y)
        # In a step too: outside of a graph it fails at once.
        labels = keras.tree.map_structure(keras.ops.convert_to_tensor, y)
        with self.assertRaisesRegex(
            ValueError, MESSAGE.format(highest, "others")
        ):
            ranges.check(labels)

    def accept(self, ranges, y):
        ranges.check_arrays(y)
        ranges.check(keras.tree.map_structure(keras.ops.convert_to_tensor, y))

    @parameterized.named_parameters(
        ("high", [0, 1, 3], 3),
        ("low", [0, -1, 2], -1),
        ("column", [[0], [7], [1]], 7),
        ("bytes", np.uint8([0, 255]), 255),
        ("floats", [0.0, np.nan, 4.0], 4.0),
    )
    def test_refuses(self, y, found):
        ranges = LabelRanges(OUTPUT, (), SPARSE)
        self.refuse(ranges, np.asarray(y), CLASSES - 1, found)

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
        self.accept(LabelRanges(OUTPUT, (), loss), np.asarray(y))

    def test_each_output_has_its_own_classes(self):
        ranges = LabelRanges(HEADS, ("a", "b"), {"a": SPARSE, "b": SPARSE})
        self.accept(ranges, {"a": np.int32([2]), "b": np.int32([4])})
        self.refuse(ranges, {"a": np.int32([2]), "b": np.int32([5])}, 4, 5)
        self.refuse(ranges, {"a": np.int32([3]), "b": np.int32([4])}, 2, 3)

    def test_data_of_other_kinds_are_not_looked_into(self):
        LabelRanges(OUTPUT, (), SPARSE).check_arrays(None)
        LabelRanges(OUTPUT, (), SPARSE).check_arrays([0, 7])


if __name__ == "__main__":
    absltest.main()
