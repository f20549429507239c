"""`keras.distribution` on JAX: where values are, and which batches fit."""

import contextlib
import re

import jax
import keras


def is_in_scope(variables):
    """Whether variables are on the devices of the current distribution."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return True
    return all(
        v.value.sharding.device_set == _sharding(distribution, v).device_set
        for v in variables
    )


def _sharding(distribution, variable):
    return distribution.get_variable_layout(variable).backend_layout


def take_in(variables):
    """Moves variables to the devices of the current distribution."""
    distribution = keras.distribution.distribution()
    if distribution is not None:
        for variable in variables:
            sharding = _sharding(distribution, variable)
            variable.assign(jax.device_put(variable.value, sharding))


class Values:
    """Values of variables, on the devices of the current distribution.

    Those made elsewhere, as of a teacher that was loaded before, are copied
    once, and again when they change.

    Args:
        variables: Of Keras.
    """

    def __init__(self, variables):
        self._variables = variables
        self._seen = self._placed = ()

    def __call__(self):
        """Returns the values of now, a list."""
        values = [variable.value for variable in self._variables]
        distribution = keras.distribution.distribution()
        if distribution is None:
            return values
        is_same = [a is b for a, b in zip(values, self._seen, strict=False)]
        if len(is_same) < len(values) or not all(is_same):
            self._seen = values
            self._placed = [
                jax.device_put(value, _sharding(distribution, variable))
                for value, variable in zip(values, self._variables, strict=True)
            ]
        return self._placed


def _check_batches(arguments):
    """Validates that the devices divide each batch of arrays."""
    devices, shapes = _num_devices(), _shapes(arguments.get("x"))
    # With a number of steps, the last batch may not come.
    is_part = arguments.get("steps_per_epoch") or arguments.get("steps")
    batch_size = arguments.get("batch_size")
    if () not in shapes and not is_part:
        rows, usual = shapes[0][0], batch_size or 32
        for size in (min(rows, usual), rows % usual):
            if size % devices:
                raise _refused(size, devices)
    validation = arguments.get("validation_data")
    if isinstance(validation, list | tuple):
        own = {
            "x": validation[0],
            "batch_size": arguments.get("validation_batch_size") or batch_size,
            "steps": arguments.get("validation_steps"),
        }
        _check_batches(own)


def _shapes(x):
    """Shapes of arrays; `()` stands for what is no array."""
    leaves = keras.tree.flatten(x)
    return [tuple(getattr(leaf, "shape", ())) for leaf in leaves] or [()]


def _num_devices():
    """Number of devices that share a batch of this process."""
    distribution = keras.distribution.distribution()
    if distribution is None or distribution.batch_dim_name is None:
        return 1
    mesh = distribution.device_mesh
    axis = mesh.axis_names.index(distribution.batch_dim_name)
    return max(1, mesh.shape[axis] // jax.process_count())


class PlainErrors:
    """`fit` and the like, with errors of JAX in one sentence.

    Mixed in before a trainer.
    """

    def fit(self, *args, **kwargs):
        """See Keras."""
        with _plain_errors(kwargs):
            return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        """See Keras."""
        with _plain_errors(kwargs):
            return super().evaluate(*args, **kwargs)

    def predict(self, *args, **kwargs):
        """See Keras."""
        with _plain_errors({}):
            return super().predict(*args, **kwargs)

    def train_on_batch(self, *args, **kwargs):
        """See Keras."""
        with _plain_errors({}):
            return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args, **kwargs):
        """See Keras."""
        with _plain_errors({}):
            return super().test_on_batch(*args, **kwargs)


@contextlib.contextmanager
def _plain_errors(arguments):
    """Says which batch it is that the devices do not divide.

    Arrays are looked at first, other data while they are read.

    Args:
        arguments: Those of `fit` or `evaluate`, by name.
    """
    _check_batches(arguments)
    try:
        yield
    except ValueError as error:
        # Its class has no public name in JAX 0.10.
        if type(error).__name__ != "IndivisibleError":
            raise
        found = re.search(r"dimension size is (\d+)", str(error))
        raise _refused(found and found[1], _num_devices()) from error


def _refused(size, devices):
    return ValueError(
        f"`x` must come in batches that the {devices} devices of the "
        "distribution divide, since each gets as many examples. Received: a "
        f"batch of {size}. Choose another `batch_size`; where only the last "
        "batch is smaller, leave it out, by `drop_remainder=True` of `tf.data` "
        "or with so many examples fewer."
    )
