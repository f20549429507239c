"""What makes another run of each row of `procedure_rows`."""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_kd import losses
from keras_kd import transfer_sets
from tests import support
from tests.conformance import procedure_runs as runs


def seeded(make, **kwargs):
    """A model whose first weights are those of `procedure_runs`."""
    keras.utils.set_random_seed(0)
    return make(**kwargs)


def with_activation(model, activation):
    """The same weights, and another function behind the first of them."""
    config = model.get_config()
    config["layers"][1]["config"]["activation"] = activation
    other = type(model).from_config(config)
    other.set_weights(model.get_weights())
    return other


def dense(activation="relu", features=4):
    made = seeded(support.dense, width=4, name="student", features=features)
    return with_activation(made, activation)


def moved(model):
    """A model with other weights."""
    model.set_weights([w + 1 for w in model.get_weights()])
    return model


def batched(x, y, size=8):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(size)


def pairs(x, size=8):
    both = {"teacher": x, "student": x[:, :3]}
    return tf.data.Dataset.from_tensor_slices(both).batch(size)


def tanh_net():
    return with_activation(runs.dropout_net(), "tanh")


def specialist(classes):
    return runs.dropout_net(classes=len(classes) + 1)


def other_records():
    x, y = support.data(60)
    return transfer_sets.activation_records(
        teacher=runs.teacher(), data=(-x, y)
    )


X, Y = support.data()
OTHER_Y = (Y + 1) % 3
WIDE_X, WIDE_Y = support.data(classes=4)
KNOWN = np.where(np.arange(len(Y)) < 9, Y, -1)
OPTIMIZER = {"optimizer": lambda: keras.optimizers.SGD(0.3)}
SMALLER = {"batch_size": lambda: 4}
LONGER = {"epochs": lambda: 4}
IN_A_CHAIN = {
    "setting": {"student_loss_weight": lambda: 0.5},
    "data": {"data": lambda: batched(X + 1, Y)},
    "labels": {"data": lambda: batched(X, OTHER_Y)},
    "batch_size": {"data": lambda: batched(X, Y, 4)},
    "epochs": LONGER,
    "optimizer": OPTIMIZER,
}
OF_TEXTS = {
    "setting": {"temperature": lambda: 0.0},
    "length": {"max_length": lambda: 7},
    "data": {"prompts": lambda: runs.PROMPTS[::-1]},
    "student": {"student": lambda: seeded(runs.language_model, width=7)},
    "first_weights": {"student": lambda: moved(seeded(runs.language_model))},
    "batch_size": {"batch_size": lambda: 3},
    "optimizer": OPTIMIZER,
    "seed": {"seed": lambda: 1},
}
# For each procedure what makes another run of its row, and the arguments that
# the error names: those that change, if it does not say otherwise.
OTHERS = {
    "co_training": {
        "setting": {"conflict": lambda: "certain"},
        "data": {"views": lambda: (X, X + 1)},
        "labels": {"labels": lambda: np.where(KNOWN < 0, -1, (KNOWN + 1) % 3)},
        "student": {"learners": lambda: [tanh_net(), tanh_net()]},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "compress": {
        "setting": {"updates": lambda: 14},
        "generator": {"generator": lambda: transfer_sets.synthetic.random},
        "parameter": {
            "generator": lambda: functools.partial(
                transfer_sets.synthetic.munge, probability=0.1
            )
        },
        "function": {"encode": lambda: np.negative},
        "loss": {"loss": losses.LogitRegression},
        "data": {"x": lambda: X + 1},
        "labels": {"validation_data": lambda: (X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "defensive_distillation": {
        "setting": {"temperature": lambda: 7.0},
        "data": {"data": lambda: batched(X + 1, Y)},
        "labels": {"data": lambda: batched(X, OTHER_Y)},
        "student": {"build_network": lambda: tanh_net},
        "batch_size": {"data": lambda: batched(X, Y, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "validation": {"validation_data": lambda: (X, OTHER_Y)},
    },
    "fitnets": {
        "setting": {"temperature": lambda: 5.0},
        "data": {"data": lambda: batched(X + 1, Y)},
        "labels": {"data": lambda: batched(X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "first_weights": {"student": lambda: moved(dense())},
        "batch_size": {"data": lambda: batched(X, Y, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "validation": {"validation_data": lambda: (X, OTHER_Y)},
        "regressor": {"regressor": lambda: keras.layers.Dense(8)},
        "loss": {
            "loss": lambda: keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, ignore_class=1
            )
        },
    },
    "data_distillation": {
        "setting": {"labelled_share": lambda: 0.5},
        "data": {"unlabelled": lambda: X[9:] + 1},
        "labels": {"labelled": lambda: (X[:9], OTHER_Y[:9])},
        "student": {"student": tanh_net},
        "first_weights": {"student": lambda: moved(seeded(runs.dropout_net))},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "metrics": {"metrics": lambda: ["accuracy"]},
        "transforms": {
            "transforms": lambda: [transfer_sets.transforms.Scale(1.5)]
        },
    },
    "data_free": {
        "setting": {"dropout": lambda: 0.5},
        "data": {"records": other_records},
        "labels": {"validation_data": lambda: (X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "first_weights": {"student": lambda: moved(dense())},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "reuse_classifier": {
        "setting": {"reduction": lambda: 4},
        "data": {"data": lambda: batched(X + 1, Y)},
        "labels": {"data": lambda: batched(X, OTHER_Y)},
        "student": {"student": lambda: dense("tanh")},
        "first_weights": {"student": lambda: moved(dense())},
        "batch_size": {"data": lambda: batched(X, Y, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
        "validation": {"validation_data": lambda: (X, OTHER_Y)},
        "projector": {"projector": lambda: keras.layers.Dense(8)},
    },
    "specialists": {
        "setting": {"temperature": lambda: 2.0},
        "data": {"data": lambda: (WIDE_X + 1e-6, WIDE_Y)},
        "labels": {"data": lambda: (WIDE_X, np.roll(WIDE_Y, 1))},
        "student": {"build_specialist": lambda: specialist},
        "batch_size": SMALLER,
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "supervision_transfer": {
        "setting": {"fine_tuning_epochs": lambda: 3},
        "validation": {"validation_data": lambda: (X[:, :3], OTHER_Y)},
        "projector": {"projector": lambda: keras.layers.Dense(8)},
        "data": {"pairs": lambda: pairs(X + 1)},
        "labels": {
            "labelled": lambda: tf.data.Dataset.from_tensors(
                (X[:, :3], OTHER_Y)
            ).repeat(3)
        },
        "student": {"student": lambda: dense("tanh", 3)},
        "first_weights": {"student": lambda: moved(dense(features=3))},
        "batch_size": {"pairs": lambda: pairs(X, 4)},
        "epochs": LONGER,
        "optimizer": OPTIMIZER,
    },
    "teacher_assistants": IN_A_CHAIN
    | {
        "assistants": {"assistants": list},
        "student": {"student": lambda: dense("tanh")},
        "losses": {"distillation_losses": lambda: losses.SoftTargets(3.0)},
        "function": {
            "distillation_losses": lambda: lambda *pair: losses.SoftTargets(2.0)
        },
    },
    "born_again": IN_A_CHAIN
    | {
        "generations": {"generations": lambda: 1},
        "student": {"build_network": lambda: tanh_net},
    },
    "sequence_distillation": OF_TEXTS
    | {
        "labels": {"end_token": lambda: 0},
        "epochs": LONGER,
    },
    "on_policy_distillation": OF_TEXTS
    | {
        "labels": {"answers": lambda: runs.ANSWERS[::-1]},
        "epochs": {"rounds": lambda: 5},
        "share": {"student_share": lambda: 1.0},
        "batches_per_round": {"batches_per_round": lambda: 1},
        "losses": {"distillation_losses": lambda: losses.SoftTargets(2.0)},
    },
}
