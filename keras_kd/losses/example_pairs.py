"""Base class of the losses that compare examples with each other."""

from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.positions import cover


class ExamplePairs(DistillationLoss):
    """Compares how the examples of a batch lie to each other in both models.

    A subclass implements `relate(teacher, student, weights)`. Its value for an
    example is the mean over the pairs, or triples, that the example is the
    first of, so that the mean over the batch is the number of the paper.

    A weight is how many copies of an example there are: it counts in the
    pairs that others form with it. An example of weight 0 is in no pair. Only
    the ratios of the weights matter here, since the Distiller multiplies the
    values by them.

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Features of the teacher, `(batch, ...)`, flattened.
        student: Features of the student, `(batch, ...)`, of any other size.
        example_weights: Numbers of at least 0, `(batch,)`, or `None` for 1.
        student_mask: The Keras mask of the student's features, filled in by
            Keras: what it hides is 0 in both models.

    Returns:
        One value per example, `(batch,)`; 0 for those of weight 0.
    """

    compares_examples = True

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        example_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        teacher, student, weights = self.prepare(
            teacher, student, example_weights, student_mask
        )
        values = self.relate(teacher, student, weights)
        return ops.where(weights > 0, values, 0)

    def prepare(
        self,
        teacher: Tensor,
        student: Tensor,
        example_weights: Tensor | None,
        student_mask: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sets features that do not count to 0.

        Args:
            teacher: See the arguments of the call.
            student: The same.
            example_weights: The same.
            student_mask: The same.

        Returns:
            What `relate` takes.
        """
        teacher = ops.stop_gradient(teacher)
        pair = cover(self, teacher, student, student_mask)
        teacher, student = (
            ops.reshape(features, (ops.shape(features)[0], -1))
            for features in pair
        )
        if example_weights is None:
            return teacher, student, ops.ones_like(student[:, 0])
        weights = relative(ops.cast(example_weights, student.dtype))
        # Not a product: what does not count may be infinite.
        teacher, student = (
            ops.where(weights[:, None] > 0, features, 0)
            for features in (teacher, student)
        )
        return teacher, student, weights

    def relate(
        self, teacher: Tensor, student: Tensor, weights: Tensor
    ) -> Tensor:
        """Compares each example's relations to all others.

        Args:
            teacher: `(batch, teacher's features)`.
            student: `(batch, student's features)`; 0 where the weight is.
            weights: `(batch,)`, 1 on average over those above 0.

        Returns:
            One value per example, `(batch,)`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement "
            "`relate(teacher, student, weights)`."
        )


def relative(weights):
    """Weights, divided by their mean over those above 0; 0 if there are none.

    Args:
        weights: Numbers of at least 0, of any shape.
    """
    count = ops.sum(ops.cast(weights > 0, weights.dtype))
    return ops.divide_no_nan(
        weights, ops.divide_no_nan(ops.sum(weights), count)
    )


def mean_by(weights, values):
    """Weighted mean over the last axis; 0 if no weight is above 0.

    Args:
        weights: `(batch,)`.
        values: `(..., batch)`.
    """
    return ops.divide_no_nan(
        ops.sum(weights * values, axis=-1), ops.sum(weights)
    )
