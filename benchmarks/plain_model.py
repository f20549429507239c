"""A stock model whose loss has a formula in it, for `method_cost.py`."""

import keras
from keras import ops


class Plain(keras.Model):
    """Trains a student with a function of features, and nothing else.

    Args:
        teacher: A Functional model.
        student: A Functional model.
        loss: A distillation loss, whose taps and weights are used.
        formula: Of `method_formulas`.
    """

    def __init__(self, teacher, student, loss, formula):
        super().__init__()
        theirs = _features(teacher, loss.teacher_tap)
        ours = _features(student, loss.student_tap)
        self.teacher = keras.Model(teacher.inputs, [teacher.output, theirs])
        self.teacher.trainable = False
        self.student = keras.Model(student.inputs, [student.output, ours])
        loss.build(
            *(
                keras.tree.map_structure(lambda f: tuple(f.shape), features)
                for features in (theirs, ours)
            )
        )
        self.parts = loss
        self.formula = formula
        self.built = True

    def call(self, x, training=None):
        _, theirs = self.teacher(x, training=False)
        logits, ours = self.student(x, training=training)
        theirs = keras.tree.map_structure(ops.stop_gradient, theirs)
        return logits, theirs, ours

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        logits, teacher, student = y_pred
        values = self.formula(self.parts, teacher, student, y)
        supervised = super().compute_loss(x, y, logits)
        return supervised + ops.mean(values)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return self.get_metrics_result()


def _features(model, tap):
    """The tensor at a tap, or a list of those at several."""
    if tap is None:
        return model.output
    if isinstance(tap, tuple):
        return [model.get_layer(name).output for name in tap]
    return model.get_layer(tap).output
