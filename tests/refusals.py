"""Asserts what a Distiller refuses when it is made."""

from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import support


class RefusalTest(parameterized.TestCase):
    """Asserts the rule and the received value of an error."""

    def refuse(self, rule, received, error=ValueError, **arguments):
        with self.assertRaisesRegex(error, f"{rule}.*Received: {received}"):
            make(**arguments)


def make(**arguments):
    """A Distiller that would work but for the arguments given."""
    return keras_kd.Distiller(
        **{
            "teacher": support.dense(8, name="big"),
            "student": support.dense(4, name="small"),
            "distillation_losses": losses.SoftTargets(2.0),
        }
        | arguments
    )
