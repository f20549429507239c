"""Trains a network at a temperature, with labels."""

import keras
from keras import ops

from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._training.outputs import policy
from keras_kd._training.saving import Stateful
from keras_kd.losses.cross_entropy import cross_entropy


class Softened(Stateful, keras.Model):
    """A network whose logits are divided by a temperature.

    It has the network's own layers: to train it is to train the network.
    Its files hold the state of dropout too, for a resumed run.

    Args:
        network: A built `keras.Model` that gives logits.
        temperature: Float > 0.
    """

    def __init__(self, network, temperature):
        super().__init__(name="softened", dtype=policy(network), autocast=False)
        self.network = network
        self.temperature = temperature
        # Unbuilt models cannot write weights.
        self(model_specs.input_spec(network))

    def call(self, inputs, training=None):
        logits = tapped_model.run(self.network, inputs, training)
        return ops.cast(logits, "float32") / self.temperature


class LabelCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits and labels, numbers or probabilities."""

    def call(self, y_true, y_pred):
        return cross_entropy(y_true, y_pred)
