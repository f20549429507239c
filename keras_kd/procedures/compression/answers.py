"""What a teacher says of rows, and how it reaches a Distiller."""

import dataclasses

import keras
import numpy as np
from scipy import special

from keras_kd import forms
from keras_kd.distiller import Distiller

# Entries of the input: what the teacher says, and the example, if it has no
# names of its own.
ANSWERS = "keras_kd_answers"
EXAMPLE = "keras_kd_example"


@dataclasses.dataclass(frozen=True)
class CompressScores:
    """How good a model is on the validation data.

    Attributes:
        rmse_to_labels: Root mean squared error of its probabilities against
            the labels, the measure of the paper: with two classes of the
            probability of one of them, with more the root of half the squared
            distance.
        rmse_to_teacher: The same against the teacher's probabilities.
        accuracy: Share of the examples that it gets right.
    """

    rmse_to_labels: float
    rmse_to_teacher: float
    accuracy: float


def ask(teacher, rows):
    """What a teacher says: logits as float32, `(examples, classes)`.

    Of members whose probabilities are to be averaged, the logarithm of the
    average.

    Args:
        teacher: A `keras.Model` or a `teachers.FunctionTeacher`.
        rows: Array `(examples, attributes)`.
    """
    if isinstance(teacher, keras.Model):
        answers = teacher.predict(rows, batch_size=1024, verbose=0)
    else:
        answers = teacher.predict(rows)
    logits = forms.as_logits(answers)
    return keras.ops.convert_to_numpy(logits).astype("float32")


def beside(inputs, answers):
    """The input of a Distiller: the student's, with the teacher's answers.

    Args:
        inputs: An array or a dict of arrays.
        answers: From `ask`.
    """
    inputs = inputs if isinstance(inputs, dict) else {EXAMPLE: inputs}
    return inputs | {ANSWERS: answers}


def distiller(student, inputs, num_classes, loss):
    """A Distiller whose teacher is what came with the examples.

    Args:
        student: A model.
        inputs: From `beside`.
        num_classes: Number of classes.
        loss: A distillation loss.
    """
    passing = keras.Sequential(
        [keras.Input((num_classes,)), keras.layers.Identity(dtype="float32")]
    )
    names = [name for name in inputs if name != ANSWERS]
    return Distiller(
        teacher=passing,
        student=student,
        distillation_losses=loss,
        teacher_inputs=ANSWERS,
        student_inputs=EXAMPLE if names == [EXAMPLE] else names,
    )


def score(logits, answers, labels):
    """Compares logits with the teacher's and with the labels.

    Args:
        logits: `(examples, classes)`.
        answers: The same of the teacher.
        labels: Class numbers, `(examples,)`.

    Returns:
        `CompressScores`.
    """
    chosen, taught = (
        special.softmax(z.astype("float64"), axis=-1) for z in (logits, answers)
    )
    truth = np.eye(chosen.shape[-1])[labels]
    to_labels, to_teacher = (
        float(np.sqrt(0.5 * np.square(chosen - p).sum(-1).mean()))
        for p in (truth, taught)
    )
    accuracy = float(np.mean(chosen.argmax(-1) == labels))
    return CompressScores(to_labels, to_teacher, accuracy)
