"""Sets of labelled images: embedded, by name, or from a folder."""

from keras_kd.datasets.image_folder import from_folder
from keras_kd.datasets.image_set import ImageSet
from keras_kd.datasets.loading import digits
from keras_kd.datasets.loading import from_tfds
from keras_kd.datasets.loading import load

__all__ = ["ImageSet", "digits", "from_folder", "from_tfds", "load"]
