"""Differences between Keras's backends, chosen once as Keras does."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_kd.backend.first_batch import FirstBatch
    from keras_kd.backend.tensorflow import Trainer
    from keras_kd.backend.tensorflow import all_sum
    from keras_kd.backend.tensorflow import check_finite
    from keras_kd.backend.tensorflow import copy_weight_decay_exclusions
    from keras_kd.backend.tensorflow import gather_ints
    from keras_kd.backend.tensorflow import is_in_reach
    from keras_kd.backend.tensorflow import is_in_scope
    from keras_kd.backend.tensorflow import is_scope_name
    from keras_kd.backend.tensorflow import is_tracing
    from keras_kd.backend.tensorflow import num_replicas
    from keras_kd.backend.tensorflow import replica_id
    from keras_kd.backend.tensorflow_functions import compiled
    from keras_kd.backend.tensorflow_functions import input_gradients
    from keras_kd.backend.tensorflow_graph import ancestors
    from keras_kd.backend.tensorflow_graph import is_probability
    from keras_kd.backend.tensorflow_graph import origins
else:
    from keras_kd.backend.unsupported import FirstBatch
    from keras_kd.backend.unsupported import Trainer
    from keras_kd.backend.unsupported import all_sum
    from keras_kd.backend.unsupported import ancestors
    from keras_kd.backend.unsupported import check_finite
    from keras_kd.backend.unsupported import compiled
    from keras_kd.backend.unsupported import copy_weight_decay_exclusions
    from keras_kd.backend.unsupported import gather_ints
    from keras_kd.backend.unsupported import input_gradients
    from keras_kd.backend.unsupported import is_in_reach
    from keras_kd.backend.unsupported import is_in_scope
    from keras_kd.backend.unsupported import is_probability
    from keras_kd.backend.unsupported import is_scope_name
    from keras_kd.backend.unsupported import is_tracing
    from keras_kd.backend.unsupported import num_replicas
    from keras_kd.backend.unsupported import origins
    from keras_kd.backend.unsupported import replica_id

__all__ = [
    "FirstBatch",
    "Trainer",
    "all_sum",
    "ancestors",
    "check_finite",
    "compiled",
    "copy_weight_decay_exclusions",
    "input_gradients",
    "is_in_reach",
    "is_in_scope",
    "is_probability",
    "is_scope_name",
    "is_tracing",
    "num_replicas",
    "origins",
    "replica_id",
    "gather_ints",
]
