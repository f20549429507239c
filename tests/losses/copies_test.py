import keras
import numpy as np
from absl.testing import absltest

from keras_kd import losses
from keras_kd.losses.copies import copy_of


@keras.saving.register_keras_serializable("tests")
class Failing(losses.SoftTargets):
    @classmethod
    def from_config(cls, config):
        raise RuntimeError("no copy")


class CopiesTest(absltest.TestCase):
    def test_hyperparameters_are_shared(self):
        loss = losses.SoftTargets(3.0, loss_weight=0.5, name="soft")
        copy = copy_of(loss)
        loss.temperature.assign(1.5)
        self.assertIs(copy.temperature, loss.temperature)
        self.assertIs(copy.loss_weight, loss.loss_weight)
        self.assertEqual(copy.get_config(), loss.get_config())
        self.assertLen(copy.weights, 2)

    def test_other_weights_are_its_own(self):
        loss = losses.Hint(loss_weight=2.0)
        copy = copy_of(loss)
        wide, narrow = np.ones((1, 8)), np.ones((1, 2))
        loss(wide, narrow)
        copy(wide, narrow)
        kernels = [one.projector.kernel for one in (loss, copy)]
        self.assertIsNot(*kernels)
        self.assertLen(copy.trainable_weights, 2)

    def test_a_loss_made_later_shares_nothing(self):
        loss = losses.SoftTargets()
        copy_of(loss)
        self.assertIsNot(losses.SoftTargets().temperature, loss.temperature)
        with self.assertRaisesRegex(RuntimeError, "no copy"):
            copy_of(Failing())
        other = losses.SoftTargets()
        self.assertIsNot(other.temperature, loss.temperature)


if __name__ == "__main__":
    absltest.main()
