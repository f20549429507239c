import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._runs import fit_arguments
from tests import support

X, Y = support.data(6)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, Y


class DataTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("arrays", (X, Y)),
        ("weights", (X, Y, np.ones(6))),
        ("several_inputs", ({"a": X, "b": X}, Y)),
        ("set", tf.data.Dataset.from_tensors((X, Y))),
        ("batches", [(X, Y), (X, Y)]),
        ("generator", (batch for batch in [(X, Y)])),
        ("keras", Batches()),
    )
    def test_takes(self, data):
        fit_arguments.check_fit_data("data", data)

    def test_takes_a_list_to_validate_with(self):
        fit_arguments.check_fit_data("validation_data", [X, Y])
        with self.assertRaisesRegex(ValueError, "`data` must be arrays"):
            fit_arguments.check_fit_data("data", [X, Y])

    def test_refuses_weights_where_there_may_be_none(self):
        data = X, Y, np.ones(6)
        with self.assertRaisesRegex(ValueError, "a tuple of 3"):
            fit_arguments.check_fit_data("data", data, may_weigh=False)


class LabelsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("numbers", Y),
        ("column", Y[:, None]),
        ("probabilities", np.full((6, 3), 1 / 3)),
    )
    def test_takes(self, labels):
        fit_arguments.check_labels("data", (X, labels), (None, 3))

    def test_one_logit_stands_for_two_classes(self):
        fit_arguments.check_labels("data", (X, Y % 2), (None, 1))
        with self.assertRaisesRegex(ValueError, "from 0 to 1.*such as 2"):
            fit_arguments.check_labels("data", (X, Y % 2 + 1), (None, 1))

    def test_nan_may_stand_for_no_label(self):
        data = X, np.where(Y == 0, np.nan, Y)
        fit_arguments.check_labels("data", data, (None, 3), may_lack=True)
        with self.assertRaisesRegex(ValueError, "such as nan"):
            fit_arguments.check_labels("data", data, (None, 3))

    def test_labels_of_positions_have_their_axes(self):
        steps = np.zeros((6, 5), int)
        fit_arguments.check_labels("data", (X, steps), (None, 5, 3))
        with self.assertRaisesRegex(ValueError, r"of shape \(6,\)"):
            fit_arguments.check_labels("data", (X, Y), (None, 5, 3))


class OptimizerTest(absltest.TestCase):
    def test_each_stage_has_an_optimizer_of_its_own(self):
        given = keras.optimizers.Adam(0.25, beta_1=0.5)
        made = fit_arguments.new_optimizer(given)
        self.assertIsNot(made, given)
        self.assertEqual(made.get_config(), given.get_config())
        self.assertIsInstance(
            fit_arguments.new_optimizer("sgd"), keras.optimizers.SGD
        )


if __name__ == "__main__":
    absltest.main()
