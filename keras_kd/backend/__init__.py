"""What differs between Keras's backends, chosen once as Keras does."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_kd.backend.tensorflow import Trainer
    from keras_kd.backend.tensorflow import all_sum
    from keras_kd.backend.tensorflow import check_finite
    from keras_kd.backend.tensorflow import input_gradients
    from keras_kd.backend.tensorflow import num_replicas
else:
    from keras_kd.backend.unsupported import Trainer
    from keras_kd.backend.unsupported import all_sum
    from keras_kd.backend.unsupported import check_finite
    from keras_kd.backend.unsupported import input_gradients
    from keras_kd.backend.unsupported import num_replicas

__all__ = [
    "Trainer",
    "all_sum",
    "check_finite",
    "input_gradients",
    "num_replicas",
]
