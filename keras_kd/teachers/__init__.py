"""What can teach. A teacher is any built `keras.Model` that gives logits."""

from keras_kd.teachers.logits import logits

__all__ = ["logits"]
