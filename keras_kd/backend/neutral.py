"""Hooks into Keras that are the same on several backends."""

import contextlib
import sys

import keras

# What trains on several devices, by backend.
DISTRIBUTIONS = {
    "tensorflow": "Use `keras_kd.distribution.strategy`.",
    "jax": "Call `keras.distribution.set_distribution(keras.distribution."
    "DataParallel())` before you make a model.",
    "torch": "Train on one device.",
}


def check_distribution():
    """Validates that no distribution of another backend is in use.

    Keras would train without it, on one device.

    Raises:
        RuntimeError: If one is.
    """
    used, found = keras.backend.backend(), None
    tensorflow = sys.modules.get("tensorflow")
    if used != "jax":
        found = keras.distribution.distribution()
    if used != "tensorflow" and tensorflow is not None:
        if tensorflow.distribute.has_strategy():
            found = tensorflow.distribute.get_strategy()
    if found is not None:
        raise RuntimeError(
            "The distribution must be one that the Keras backend knows, since "
            "the training would be on one device. Received: "
            f"{type(found).__name__}, backend={used}. Leave its scope. "
            f"{DISTRIBUTIONS[used]}"
        )


def strange_labels(classes, found):
    """The sentence for labels that are numbers of no class.

    Args:
        classes: Number of classes.
        found: Such a label, or words for some.
    """
    return (
        f"`y` must have whole numbers from 0 to {classes - 1}, since the loss "
        f"takes numbers of {classes} classes. Received: {found} among the "
        "labels. For labels that are to be left out, give the loss an "
        "`ignore_class`."
    )


def wrapped_function(given):
    """Returns the function in a metric or loss, and its other arguments.

    Keras 3.15 has no public name for these, and a config has no more of a
    function than its name, which one of the user's functions may share.

    Args:
        given: A `keras.metrics.MeanMetricWrapper`, or a loss that Keras makes
            of a function.

    Returns:
        The function or `None`, and a dict.
    """
    attributes = vars(given)
    function = attributes.get("_fn") or attributes.get("fn")
    return function, attributes.get("_fn_kwargs") or {}


def untrack(layer, variable):
    """Makes a layer forget a variable that it shall not have.

    Keras 3.15 tracks what is assigned to an attribute before a class can refuse
    it, and has no public way back.

    Args:
        layer: A `keras.layers.Layer`.
        variable: Anything; what is not tracked is left alone.
    """
    layer._tracker.untrack(variable)


def attributes(layer):
    """The attributes of a layer by name."""
    return vars(layer)


def buffers(layer):
    """Numbers that a layer computes with and that are no variables."""
    return []


def is_recorded():
    """Whether what is computed here can be differentiated: nothing tells."""
    return True


def after(x, y):
    """Delays a tensor until another is computed."""
    return x


def put(tensor, part, place):
    """Writes a part into a tensor; see `tensorflow_functions`."""
    return keras.ops.slice_update(tensor, place, part)


def has_float64():
    """Whether numbers may have 64 bits."""
    return True


def copy_weight_decay_exclusions(optimizer, copy):
    """Copies the weight decay exclusions of another optimizer."""
    # What `exclude_from_weight_decay` was given: Keras 3.15 leaves it out of
    # the config, and has no public name for it.
    for name in (
        "_exclude_from_weight_decay",
        "_exclude_from_weight_decay_pattern",
    ):
        if hasattr(optimizer, name):
            setattr(copy, name, getattr(optimizer, name))


def first_batch(iterator, data_batch=None):
    """The first batch of a `fit`, as Keras's `_symbolic_build` is given it.

    Args:
        iterator: Keras's iterator of an epoch, which is reset afterwards.
        data_batch: The batch, where it is known.
    """
    if data_batch is not None:
        return data_batch
    _, _, found = next(iter(iterator))
    return found[0] if isinstance(found, list | tuple) else next(found)


def has_labels(data_batch):
    """Whether a batch has labels."""
    _, y, _ = keras.utils.unpack_x_y_sample_weight(data_batch)
    return y is not None


def set_initial_epoch(model, epoch):
    """Sets the first epoch of the next `fit`.

    Keras 3.15 keeps it in `_initial_epoch`, and never takes it back: the next
    `fit` of the same model would leave out as many epochs. There is no public
    way to do so.

    Args:
        model: A `keras.Model`.
        epoch: The epoch, or `None` for the first.
    """
    model._initial_epoch = epoch


def of_any_backend(config):
    """A config in which optimizers stand under their public names.

    Keras 3.15 writes the class that PyTorch has, with which no other backend
    can train.

    Args:
        config: Config of anything, as `serialize_keras_object` makes it.
    """
    if isinstance(config, list):
        return [of_any_backend(part) for part in config]
    if not isinstance(config, dict):
        return config
    config = {key: of_any_backend(part) for key, part in config.items()}
    if str(config.get("module")).startswith("keras.src.backend."):
        config |= {"module": "keras.optimizers", "registered_name": None}
    return config


def graph_of(model):
    """The Functional model that a model is run by.

    A Sequential model of Keras 3.15 has one under no public name.

    Args:
        model: A built Functional or Sequential model.
    """
    return getattr(model, "_functional", None) or model


def calls_in_graph(model, layer):
    """Calls of a layer in the graph of a model.

    Keras 3.15 knows those of all graphs together, under a public name, and of
    one only under a private.

    Args:
        model: A built Functional or Sequential model.
        layer: A layer of it.

    Returns:
        A list with `(inputs, outputs)` of each call, lists of `KerasTensor`s.
    """
    return [
        (node.input_tensors, node.outputs)
        for nodes in graph_of(model)._nodes_by_depth.values()
        for node in nodes
        if node.operation is layer
    ]


def run_in_inference(function, x):
    """Runs a `keras.Function` in inference mode, as a Functional model does.

    By its public call in Keras 3.15, a layer keeps the mode of the graph.

    Args:
        function: A `keras.Function`.
        x: Its input.
    """

    def told(operation):
        if not isinstance(operation, keras.layers.Layer):
            return operation
        return lambda *args, **kwargs: operation(
            *args, **kwargs | {"training": False}
        )

    return function._run_through_graph(x, operation_fn=told)


@contextlib.contextmanager
def keeping_mode(layer):
    """Gives what follows the block the mode that it had before.

    In Keras 3.15 a layer hands its mode on to all that is called later within
    the same outermost layer, and there is no public way back.

    Args:
        layer: Any `keras.layers.Layer`.
    """
    context = layer._get_call_context()
    before = context.get_value("training")
    try:
        yield
    finally:
        context.set_value("training", before)
        layer._maybe_reset_call_context()
