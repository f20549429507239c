"""Differences between Keras's backends, chosen once as Keras does."""

import functools
import importlib

import keras

from keras_kd.backend import graph

_KNOWN = "tensorflow", "jax", "torch"
_name = keras.backend.backend()
_chosen = importlib.import_module(
    f"keras_kd.backend.{_name if _name in _KNOWN else 'unsupported'}"
)

FirstBatch = _chosen.FirstBatch
Trainer = _chosen.Trainer
after = _chosen.after
all_rows = _chosen.all_rows
all_sum = _chosen.all_sum
ancestors = functools.partial(graph.ancestors, read=_chosen.read)
assign = _chosen.assign
attributes = _chosen.attributes
buffers = _chosen.buffers
check_finite = _chosen.check_finite
check_labels = _chosen.check_labels
compiled = _chosen.compiled
compiled_by_shape = _chosen.compiled_by_shape
cond = _chosen.cond
copy_weight_decay_exclusions = _chosen.copy_weight_decay_exclusions
gather_ints = _chosen.gather_ints
has_float64 = _chosen.has_float64
input_gradients = _chosen.input_gradients
is_in_reach = _chosen.is_in_reach
is_in_scope = _chosen.is_in_scope
is_recorded = _chosen.is_recorded
is_probability = functools.partial(graph.is_probability, read=_chosen.read)
is_scope_name = _chosen.is_scope_name
is_tracing = _chosen.is_tracing
num_replicas = _chosen.num_replicas
origins = functools.partial(graph.origins, read=_chosen.read)
put = _chosen.put
read_only = _chosen.read_only
replica_id = _chosen.replica_id
replicas_of = _chosen.replicas_of
scope_of = _chosen.scope_of
unchanged = _chosen.unchanged
watching = _chosen.watching
