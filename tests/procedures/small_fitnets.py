"""Small students, and a short run of `fitnets`."""

import keras
import numpy as np
from keras import layers

from keras_kd import procedures
from tests import support

X, Y = support.data(24)
TEMPERATURE = 3.0


def teacher_net():
    return support.dense(8, name="teacher")


def student_net():
    """A branch with statistics of its own, one of them beside the hint."""
    x = keras.Input((4,))
    first = layers.BatchNormalization(name="first_norm")(
        layers.Dense(5, activation="relu", name="first")(x)
    )
    side = layers.BatchNormalization(name="side_norm")(first)
    guided = layers.Dense(5, activation="relu", name="guided")(first)
    upper = layers.Dense(5, name="upper")(layers.Add()([side, guided]))
    upper = layers.BatchNormalization(name="upper_norm")(upper)
    return keras.Model(x, layers.Dense(3, name="head")(upper))


LOWER = ("first", "first_norm", "guided")
UPPER = ("side_norm", "upper", "upper_norm", "head")


class Snapshots(keras.callbacks.Callback):
    """The student's variables by layer, before and after each stage."""

    def __init__(self, student):
        super().__init__()
        self.student = student
        self.taken = []

    def take(self, logs=None):
        self.taken.append(
            {
                layer.name: support.values(layer.variables)
                for layer in self.student.layers
            }
        )

    on_train_begin = on_train_end = take

    def differences(self, first, second, names):
        return [
            support.largest_difference(
                self.taken[first][name], self.taken[second][name]
            )
            for name in names
        ]


def run(*, teacher=None, student=None, data=(X, Y), seed=0, **kwargs):
    """Runs the procedure on vectors; all batches are of 8, in order."""
    keras.utils.set_random_seed(seed)
    return procedures.fitnets(
        **{
            "teacher": teacher or teacher_net(),
            "student": student or student_net(),
            "data": data,
            "hint_tap": "hidden",
            "guided_tap": "guided",
            "hint_epochs": 1,
            "epochs": 1,
            "batch_size": 24,
            "optimizer": keras.optimizers.SGD(0.05),
            "temperature": TEMPERATURE,
            "verbose": 0,
        }
        | kwargs
    )


def regressor():
    """The same weights each time, whatever was drawn before."""
    return layers.Dense(
        8,
        activation="relu",
        kernel_initializer=keras.initializers.RandomNormal(seed=3),
    )


def logits(model):
    return keras.ops.convert_to_numpy(model(X))


def hidden(model):
    """What the layer of that name gives, in NumPy."""
    kernel, bias = support.values(model.get_layer("hidden").weights)
    return np.maximum(X.astype("float64") @ kernel + bias, 0)
