"""The protocol of a teacher: what a Distiller asks of one beyond a call."""

import dataclasses
import hashlib

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd._types import Tensor


class TeacherProtocol:
    """Answers of a plain `keras.Model`, for a teacher to override.

    The teachers of `keras_kd.teachers` that are models inherit it; `of` makes
    one for any other model. A teacher may give the members' form of
    `ensemble_logits` in place of logits, which needs no declaration.

    Attributes:
        is_cache: Whether it gives stored outputs, and never runs.
        is_noisy: Whether `perturb` changes the output.
        is_updated: Whether training changes its weights, by `update`. They are
            then in checkpoints of a Distiller, whose file may be resumed with
            a teacher that has others.
        runs_in_training_mode: Whether a training step runs it in training
            mode; what it then assigns to its weights stays.
        noise_state: Variables that the noise is drawn from, for a resumed run
            to draw the same.
        input_like: Another model whose input this one takes, or `None` where
            Keras knows the input of this one.
    """

    is_cache = False
    is_noisy = False
    is_updated = False
    runs_in_training_mode = False
    noise_state = ()
    input_like = None

    def perturb(self, output: Tensor) -> Tensor:
        """Changes the output for a training step.

        Args:
            output: What the teacher returned for a batch.

        Returns:
            What the losses compare; metrics see `output`.
        """
        return output

    def check_student(self, student: keras.Model) -> None:
        """Validates, when a Distiller is made, that it can teach a student.

        Args:
            student: A built `keras.Model`.
        """

    def update(self, student: keras.Model) -> None:
        """Changes its weights in a training step, after the student's.

        A teacher that `is_updated` assigns by `backend.assign`, which knows
        replicas.

        Args:
            student: The student, as it is after the update.
        """

    def changing(self) -> list[keras.Variable]:
        """Variables that a training step changes, a list."""
        weights = self.weights if self.is_updated else ()
        return [*weights, *self.noise_state]

    def fingerprint(self) -> bytes:
        """Digest of all that the output depends on.

        Returns:
            16 bytes, equal for teachers with bit-equal weights.
        """
        return of_weights(self)


@dataclasses.dataclass(eq=False)
class PlainTeacher(TeacherProtocol):
    """The protocol for a model that knows nothing of it.

    Args:
        model: A built `keras.Model`.
    """

    model: keras.Model

    def fingerprint(self):
        return of_weights(self.model)


def of(model):
    """Returns the protocol of a model.

    Args:
        model: A `keras.Model`, or a teacher.
    """
    is_teacher = isinstance(model, TeacherProtocol)
    return model if is_teacher else PlainTeacher(model)


def check_stays(model, argument, reason):
    """Validates that training does not change a teacher.

    Args:
        model: A `keras.Model`, or a teacher.
        argument: The caller's argument.
        reason: Why it must not change, after "since".
    """
    if of(model).is_updated:
        raise ValueError(
            f"`{argument}` must be a model that stays as it is, since "
            f'{reason}. Received: {argument}="{model.name}" of type '
            f"{type(model).__name__}, which follows a student. Give the model "
            "in it, which has the weights of now, such as `teacher.model`; or "
            "give it to a `keras_kd.Distiller`, as the teacher itself."
        )


def of_weights(model):
    """Digest of a model's weights, in their order, 16 bytes.

    Args:
        model: A built `keras.Model`.
    """
    layers = [model, *taps.layers(model, in_loops=True).values()]
    buffers = [one for layer in layers for one in backend.buffers(layer)]
    return of_variables([*model.weights, *buffers])


def of_variables(variables):
    """Digest of the values of variables, in their order, 16 bytes.

    Args:
        variables: An iterable of Keras variables, or tensors.
    """
    digest = hashlib.blake2b(digest_size=16)
    for variable in variables:
        value = keras.ops.convert_to_numpy(variable)
        digest.update(f"{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.digest()
