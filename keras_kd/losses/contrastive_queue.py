"""Relations to a queue of vectors (Giakoumoglou and Stathaki, 2024)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import TEMPERATURE
from keras_kd._core.arguments import check_count
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses import memory
from keras_kd.losses.divergence import IMPOSSIBLE
from keras_kd.losses.projected_vectors import ProjectedVectors


def relation_cross_entropy(
    teacher, student, queue, teacher_temperature, student_temperature
):
    """Cross-entropy of likenesses to the entries of a queue.

    Args:
        teacher: Unit vectors, `(batch, width)`, taken without their gradient.
        student: Unit vectors, same shape.
        queue: Unit vectors, `(size, width)`; zeros where there is none yet.
        teacher_temperature: Scalar that divides the teacher's cosines.
        student_temperature: Scalar that divides the student's cosines.

    Returns:
        One value per example in nats, `(batch,)`.
    """
    is_filled = ops.any(ops.not_equal(queue, 0), axis=-1)
    log_p, log_q = (
        ops.log_softmax(
            ops.where(
                is_filled,
                ops.matmul(vectors, ops.transpose(queue)) / temperature,
                IMPOSSIBLE,
            ),
            axis=-1,
        )
        for vectors, temperature in (
            (ops.stop_gradient(teacher), teacher_temperature),
            (student, student_temperature),
        )
    )
    # Nothing is as if it were not there: not 0 times a huge number.
    return -ops.sum(ops.exp(log_p) * ops.where(is_filled, log_q, 0), axis=-1)


@keras.saving.register_keras_serializable("keras_kd")
class ContrastiveQueue(ProjectedVectors):
    """Tells which earlier examples one is like, as the teacher does (RRD).

    Linear projections bring the features of both models to vectors of length
    1 of one width. A queue keeps the teacher's vectors of the last examples,
    those of the batch among them. How like these an example is, by the
    teacher's vector and by the student's, makes two distributions over the
    queue. The loss of one example is their cross-entropy,

    ```
    p = softmax(queue . teacher / teacher_temperature)
    q = softmax(queue . student / student_temperature)
    -sum(p * log(q))
    ```

    The teacher's is the sharper one: most of it is the example itself, as in
    `ContrastiveRepresentation`, and the rest is what is like it to the
    teacher. Thousands are compared however small the batch is, and no numbers
    of examples are needed, unlike by the memory of all examples in the first
    paper on contrastive distillation (Tian et al., 2020).

    The teacher's projection is random and stays as it is, so that entries of
    any age can be compared. The queue is a weight that training assigns, the
    same on all replicas and saved with the Distiller: 8 MB by default. It
    begins empty, unlike the published one, which begins with random vectors.
    `evaluate` compares with the batch and the queue, and leaves that alone.
    Examples of weight 0 do not get in; others are one entry, whatever their
    weight. The value is no divergence: at `p = q` it is the entropy of `p`.

    Reference: [Giakoumoglou and Stathaki, 2024](
    https://arxiv.org/abs/2407.12073).

    Args:
        width: Integer, the length of the projected vectors. Defaults to `128`.
        queue_size: Integer, the number of vectors that are kept, at least
            those of a batch of all replicas, or its first ones have no entry.
            Defaults to `16384`.
        teacher_temperature: Float from 0.001 to 1e6, a variable. Defaults to
            `0.02`.
        student_temperature: Float from 0.001 to 1e6, a variable. Defaults to
            `0.1`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Features of the teacher, `(batch, ...)`, flattened.
        student: Features of the student, `(batch, ...)`, of any other size.
        example_weights: Numbers of at least 0, `(batch,)`, or `None` for 1.
        student_mask: The Keras mask of the student's features, filled in by
            Keras: what it hides is 0 in both models.
        training: Whether the queue takes the batch. Defaults to `False`.

    Returns:
        One value per example in nats, `(batch,)`; 0 where only the example
        itself is there.

    Raises:
        ValueError: If a count or temperature is out of range, or a size of
            the features is not known.

    Example:

    >>> loss = keras_kd.losses.ContrastiveQueue(
    ...     width=16, queue_size=64, teacher_tap="pool", student_tap="pool"
    ... )
    >>> loss(np.ones((3, 8)), np.ones((3, 5))).shape
    TensorShape([3])
    """

    trains_teacher_projection = False

    def __init__(
        self,
        width: int = 128,
        queue_size: int = 16384,
        *,
        teacher_temperature: float = 0.02,
        student_temperature: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(width, **kwargs)
        check_count("queue_size", queue_size, "vectors to compare with")
        self.queue_size = int(queue_size)
        self.teacher_temperature, self.student_temperature = (
            self.add_hyperparameter(
                name, value, "what divides cosines", TEMPERATURE
            )
            for name, value in (
                ("teacher_temperature", teacher_temperature),
                ("student_temperature", student_temperature),
            )
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        super().build(teacher_shape, student_shape)
        self.queue = memory.add_memory(
            self, "queue", (self.queue_size, self.width)
        )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        example_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Tensor:
        teacher, student, weights = self.prepare(
            teacher, student, example_weights, student_mask
        )
        teacher, student = self.vectors(teacher, student)
        entries = memory.enqueued(self.queue, teacher, weights)
        if training:
            self.queue.assign(entries)
        values = relation_cross_entropy(
            teacher,
            student,
            entries,
            self.teacher_temperature,
            self.student_temperature,
        )
        return ops.where(weights > 0, values, 0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"queue_size": self.queue_size}
