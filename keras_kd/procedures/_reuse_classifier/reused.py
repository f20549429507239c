"""A student with its teacher's classifier."""

import keras

from keras_kd import losses
from keras_kd._core.heads import upper_part
from keras_kd._core.model_weights import copied_graph
from keras_kd._core.model_weights import equal_copy
from keras_kd.procedures._fitnets.guided_part import guided_part
from keras_kd.procedures._reuse_classifier.bottleneck import bottleneck
from keras_kd.procedures._reuse_classifier.bottleneck import is_rectified

# Names of the parts, each of which is a layer of the new student.
BODY, PROJECTOR, HEAD = PARTS = ("body", "projector", "head")


def distance(teacher_tap, loss_weight=1.0):
    """The loss of what `reused` returns, a `losses.Hint`."""
    return losses.Hint(
        teacher_tap=teacher_tap,
        student_tap=PROJECTOR,
        projector=None,
        loss_weight=loss_weight,
        name="distance",
    )


def reused(
    teacher, student, teacher_tap, student_tap, projector="infer", reduction=2
):
    """Puts a projector and the teacher's classifier on a student's features.

    Args:
        teacher: A built Functional or Sequential model, which stays as it is.
        student: A built Functional or Sequential model. Its own layers are
            those of the result.
        teacher_tap: Path of the teacher's layer that its classifier follows.
        student_tap: Path of the student's layer, or `None` for its output.
        projector: See `reuse_classifier`. Defaults to `"infer"`.
        reduction: See `reuse_classifier`. Defaults to `2`.

    Returns:
        A `keras.Model` of the layers `PARTS`. The last is a frozen copy.

    Raises:
        TypeError: If a model is not Functional or Sequential.
        ValueError: If a tap cannot be used, or no projector leads from one to
            the other.
    """
    body = student
    if student_tap is not None:
        body = guided_part(student, student_tap, "student_tap")
    is_sequential = isinstance(body, keras.Sequential)
    inputs = body.inputs[0] if is_sequential else body.input
    body = keras.Model(inputs, body.outputs[0], name=BODY)
    head = equal_copy(upper_part(copied_graph(teacher), teacher_tap, HEAD))
    head.trainable = False
    shape = head.inputs[0].shape
    if isinstance(projector, str):
        projector = bottleneck(
            body.outputs[0].shape,
            shape,
            reduction,
            student.dtype_policy,
            is_rectified(teacher, teacher_tap),
        )
    else:
        projector = keras.Sequential([projector], name=PROJECTOR)
    projected = projector(body(inputs))
    if projected.shape != shape:
        raise ValueError(
            "`projector` must bring the student's features to the shape of the "
            "teacher's, whose classifier takes them. Received: a projector "
            f"that gives {projected.shape}, where the teacher has {shape}. "
            'Correct it, or leave it "infer".'
        )
    return keras.Model(inputs, head(projected), name=student.name)
