"""What a student is shown when there are too few examples, or none."""

from keras_kd.transfer_sets import synthetic

__all__ = ["synthetic"]
