"""Runs every public procedure on small data, for the conformance tests.

Each function sets the random seed, makes new students and calls the procedure,
with `kwargs` in place of its own arguments.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_kd import losses
from keras_kd import procedures
from keras_kd import transfer_sets
from tests import support

PROMPTS = [[1], [2, 3], [4, 4, 1], [3], [1, 2]]
ANSWERS = [[2, 3, 1], [0], [1, 2], [4, 4, 4, 4], [3]]


def teacher():
    keras.utils.set_random_seed(1)
    return support.dense(8, name="teacher")


def batches():
    """Always the same, so that a run can be repeated."""
    return tf.data.Dataset.from_tensor_slices(support.data()).batch(8)


def run_fitnets(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.fitnets(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "data": batches(),
            "validation_data": support.data(seed=1),
            "hint_tap": "hidden",
            "guided_tap": "hidden",
            "hint_epochs": 2,
            "epochs": 2,
            "patience": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_data_distillation(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    return procedures.data_distillation(
        **{
            "teacher": teacher,
            "student": dropout_net(),
            "labelled": (x[:9], y[:9]),
            "unlabelled": x[9:],
            "updates": 9,
            "epochs": 3,
            "batch_size": 6,
            "verbose": 0,
        }
        | kwargs
    )


def run_data_free(teacher, **kwargs):
    records = transfer_sets.activation_records(
        teacher=teacher, data=support.data(60)
    )
    keras.utils.set_random_seed(0)
    return procedures.data_free(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "records": records,
            "images_per_class": 6,
            "reconstruction_batch_size": 4,
            "steps": 3,
            "epochs": 3,
            "batch_size": 8,
            "validation_data": support.data(seed=1),
            "verbose": 0,
        }
        | kwargs
    )


def run_co_training(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    return procedures.co_training(
        **{
            "learners": [dropout_net() for _ in range(2)],
            "views": (x, x[:, ::-1]),
            "labels": np.where(np.arange(len(y)) < 9, y, -1),
            "per_class": [1, 1, 1],
            "iterations": 1,
            "pool_size": 9,
            "epochs": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_compress(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    return procedures.compress(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "x": x,
            "num_synthetic": [0, 30],
            "validation_data": (x, y),
            "updates": 12,
            "epochs": 2,
            "patience": 2,
            "batch_size": 8,
            "verbose": 0,
        }
        | kwargs
    )


def dropout_net(classes=3):
    """A net with dropout, whose state a resumed run must find again."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            # Without a seed it draws from what PyTorch alone keeps.
            keras.layers.Dropout(0.3, seed=7),
            keras.layers.Dense(classes),
        ]
    )


def language_model(width=6):
    """A causal net of 5 tokens, with dropout."""
    return keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(5, width),
            keras.layers.Conv1D(width, 2, padding="causal", activation="relu"),
            keras.layers.Dropout(0.3, seed=7),
            keras.layers.Dense(5),
        ]
    )


def language_teacher():
    keras.utils.set_random_seed(1)
    return language_model(8)


def run_sequence_distillation(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.sequence_distillation(
        **{
            "teacher": teacher,
            "student": language_model(),
            "prompts": PROMPTS,
            "max_length": 6,
            "temperature": 1.0,
            "epochs": 3,
            "batch_size": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_on_policy_distillation(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.on_policy_distillation(
        **{
            "teacher": teacher,
            "student": language_model(),
            "prompts": PROMPTS,
            "answers": ANSWERS,
            "student_share": 0.5,
            "max_length": 6,
            "rounds": 4,
            "batches_per_round": 2,
            "batch_size": 2,
            "verbose": 0,
        }
        | kwargs
    )


def generalist():
    keras.utils.set_random_seed(0)
    return dropout_net(classes=4)


def run_defensive_distillation(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.defensive_distillation(
        **{
            "build_network": dropout_net,
            "data": batches(),
            "validation_data": support.data(seed=1),
            "temperature": 5.0,
            "epochs": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_teacher_assistants(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.teacher_assistants(
        **{
            "teacher": teacher,
            "assistants": [dropout_net()],
            "student": support.dense(4, name="student"),
            "data": batches(),
            "validation_data": support.data(seed=1),
            "distillation_losses": losses.SoftTargets(2.0),
            "epochs": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_born_again(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.born_again(
        **{
            "teacher": teacher,
            "build_network": dropout_net,
            "generations": 2,
            "data": batches(),
            "validation_data": support.data(seed=1),
            "epochs": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_reuse_classifier(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.reuse_classifier(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "data": batches(),
            "validation_data": support.data(seed=1),
            "teacher_tap": "hidden",
            "student_tap": "hidden",
            "epochs": 3,
            "verbose": 0,
        }
        | kwargs
    )


def run_specialists(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.specialists(
        **{
            "generalist": teacher,
            "num_specialists": 2,
            "classes_per_specialist": 2,
            "data": support.data(classes=4),
            "epochs": 2,
            "batch_size": 8,
            "verbose": 0,
        }
        | kwargs
    )


def run_supervision_transfer(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    pairs = {"teacher": x, "student": x[:, :3]}
    return procedures.supervision_transfer(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student", features=3),
            "pairs": tf.data.Dataset.from_tensor_slices(pairs).batch(8),
            "teacher_tap": "hidden",
            "student_tap": "hidden",
            "epochs": 2,
            "labelled": tf.data.Dataset.from_tensors((x[:, :3], y)).repeat(3),
            "fine_tuning_epochs": 2,
            "validation_data": (x[:, :3], y),
            "verbose": 0,
        }
        | kwargs
    )
