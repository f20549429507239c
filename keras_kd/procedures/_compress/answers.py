"""Teacher's answers for rows, as input of a Distiller."""

import dataclasses

import keras
import numpy as np
from scipy import special

from keras_kd._core.predictions import predict_logits
from keras_kd.distiller import Distiller
from keras_kd.procedures._compress.arguments import check_labels

# Entries of the input: the teacher's answers, and the example, if it has no
# names of its own.
ANSWERS = "keras_kd_answers"
EXAMPLE = "keras_kd_example"
_ROWS_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class CompressScores:
    """Scores of a model on the validation data.

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
    """Predicts a teacher's logits, float32 `(examples, classes)`.

    Of members whose probabilities are to be averaged, the logarithm of the
    average.

    Args:
        teacher: A `keras.Model` or a `teachers.FunctionTeacher`.
        rows: Array `(examples, attributes)`.
    """
    return predict_logits(
        teacher, rows, "teacher", _ROWS_AT_ONCE, dtype="float32"
    )


def distiller(student, inputs, loss):
    """Makes a Distiller whose teacher is an entry of the input.

    Args:
        student: A model.
        inputs: From `CompressData.inputs`.
        loss: A distillation loss.
    """
    num_classes = inputs[ANSWERS].shape[-1]
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


class CompressData:
    """Teacher, inputs of the students, and validation data.

    Args:
        teacher: See `ask`.
        encode: Function from rows to the student's input.
        validation_data: `(x, y)`, or `None`.
    """

    def __init__(self, teacher, encode, validation_data):
        self.teacher = teacher
        self.encode = encode
        self.validation, self.labels = None, None
        if validation_data is not None:
            rows, self.labels = map(np.asarray, validation_data)
            answers = ask(teacher, rows)
            check_labels(self.labels, len(rows), answers.shape[-1])
            self.validation = (self._beside(rows, answers),)

    def inputs(self, make_rows, run, name):
        """The input of a Distiller: the student's, and the teacher's answers.

        Args:
            make_rows: Function that returns the real rows and more.
            run: The `RunFolder`, or `None`.
            name: File in it that keeps rows and answers. If it is there,
                neither is made again.
        """
        made = run and run.read_arrays(name)
        if made is None:
            rows = make_rows()
            made = {"rows": rows, "answers": ask(self.teacher, rows)}
            if run is not None:
                run.write_arrays(name, made)
        return self._beside(**made)

    def _beside(self, rows, answers):
        inputs = self.encode(rows)
        for array in keras.tree.flatten(inputs):
            if len(array) != len(rows):
                raise ValueError(
                    "`encode` must return a row for each that it is given. "
                    f"Received: {len(array)} of {len(rows)}."
                )
        inputs = inputs if isinstance(inputs, dict) else {EXAMPLE: inputs}
        return inputs | {ANSWERS: answers}

    def teacher_score(self):
        """The teacher's own scores, if there are validation data."""
        return self._score("teacher", lambda inputs: inputs[ANSWERS])

    def score(self, count, student):
        """Scores of a student, if there are validation data."""

        def logits(inputs):
            inputs = {k: v for k, v in inputs.items() if k != ANSWERS}
            x = inputs[EXAMPLE] if list(inputs) == [EXAMPLE] else inputs
            return predict_logits(student, x, batch_size=_ROWS_AT_ONCE)

        return self._score(count, logits)

    def _score(self, key, logits):
        if self.validation is None:
            return {}
        (inputs,) = self.validation
        return {key: score(logits(inputs), inputs[ANSWERS], self.labels)}


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
