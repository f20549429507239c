"""Values of variables and tensors in the functions that JAX differentiates."""

import contextlib
import dataclasses
import threading

import jax
import keras
from jax import numpy as jnp

from keras_kd.backend.jax_distribution import Values
from keras_kd.backend.passes import keep
from keras_kd.backend.passes import read_mask
from keras_kd.backend.passes import with_mask

# The scopes that are open, by thread.
_open = threading.local()


class Scope(keras.StatelessScope):
    """A scope in which variables have given values.

    Scopes of Keras 3.15 do not nest: an inner one sees nothing of the outer.

    Args:
        outer: A `Scope` whose values to begin with, or `None`.

    Attributes:
        failures: Messages of `check_finite` and `check_labels`, each with a
            boolean scalar: whether it failed.
    """

    def __init__(self, outer=None):
        super().__init__(collect_losses=True, initialize_variables=False)
        self.failures = []
        if outer is not None:
            self.state_mapping |= outer.state_mapping
        self._before = dict(self.state_mapping)

    def __enter__(self):
        vars(_open).setdefault("scopes", []).append(self)
        return super().__enter__()

    def __exit__(self, *exception):
        _open.scopes.pop()
        super().__exit__(*exception)

    def hold(self, variables, values):
        """Sets the values that variables begin with."""
        for variable, value in zip(variables, values, strict=True):
            self.state_mapping[id(variable)] = value
            self._before[id(variable)] = value

    def values_of(self, variables):
        """The values of variables as they are now, a list."""
        return list(map(self.get_current_value, variables))

    def changes(self):
        """Returns the changes made in the scope, as tensors for `take_over`."""
        values = {
            key: value
            for key, value in self.state_mapping.items()
            if value is not self._before.get(key)
        }
        return values, [failed for _, failed in self.failures]

    def take_over(self, inner, changes):
        """Does what happened in an inner scope.

        Args:
            inner: The inner `Scope`, of tensors that may be gone.
            changes: The same as its `changes()`, with tensors of today.
        """
        values, failed = changes
        self.state_mapping |= values
        messages = [message for message, _ in inner.failures]
        self.failures += zip(messages, failed, strict=True)


def current():
    """The innermost `Scope` of this thread, or `None`."""
    scopes = vars(_open).get("scopes")
    return scopes[-1] if scopes else None


def read_only(pairs=()):
    """Makes a scope in which no variable is changed.

    Args:
        pairs: Variables, each with the value that it has in the scope.
    """
    scope = Scope(current())
    for variable, value in pairs:
        if isinstance(value, keras.Variable):
            value = value.value
        scope.hold([variable], [value])
    return scope


@contextlib.contextmanager
def unchanged(model):
    """Keeps the weights of a model as they are; see `passes`."""
    with read_only() as scope:
        yield
    values, _ = scope.changes()
    found = [(v, values[id(v)]) for v in model.variables if id(v) in values]
    keep(model, found)


class Parts:
    """The tensors in a structure, for functions that JAX differentiates.

    `jax.tree` knows no masks, and cannot sort the keys of a dict if `None` is
    one of them.

    Args:
        structure: Tensors and anything else in dicts, lists, tuples and
            dataclasses.
    """

    def __init__(self, structure):
        self._tensors = []
        self._build = self._take(structure)

    def _take(self, part):
        """Notes the tensors; returns a function that builds the same again."""
        if isinstance(part, dict):
            built = {key: self._take(value) for key, value in part.items()}
            return lambda new: {key: b(new) for key, b in built.items()}
        if dataclasses.is_dataclass(part):
            built = self._take(vars(part))
            return lambda new: dataclasses.replace(part, **built(new))
        if isinstance(part, list | tuple):
            several = [self._take(value) for value in part]
            kind = getattr(type(part), "_make", type(part))
            return lambda new: kind([b(new) for b in several])
        if not isinstance(part, jax.Array):
            return lambda new: part
        place = self._place(part)
        mask = read_mask(part)
        if mask is None:
            return lambda new: new[place]
        of_mask = self._place(mask)
        return lambda new: with_mask(new[place], new[of_mask])

    def _place(self, tensor):
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def real(self):
        """The tensors that have gradients, a list."""
        return [t for t in self._tensors if _is_real(t)]

    def others(self):
        """All other tensors, a list."""
        return [t for t in self._tensors if not _is_real(t)]

    def joined(self, real, others):
        """The structure with other tensors, as `real` and `others` give."""
        real, others = iter(real), iter(others)
        return self._build(
            [next(real if _is_real(t) else others) for t in self._tensors]
        )


def _is_real(tensor):
    return jnp.issubdtype(tensor.dtype, jnp.floating)


class Failures:
    """The first failure of `check_finite` or `check_labels` in any step.

    A compiled step cannot raise: it keeps the number of the message, which is
    read when the steps are over.
    """

    def __init__(self):
        self.first = keras.Variable(0, trainable=False, dtype="int32")
        self.may_have_new = False
        self._messages = []

    def note(self, failures):
        """Keeps the first failure of a step, inside of it."""
        for message, failed in failures:
            if message not in self._messages:
                self._messages.append(message)
            number = self._messages.index(message) + 1
            first = self.first.value
            self.first.assign(jnp.where((first == 0) & failed, number, first))

    def raise_new(self):
        """Raises an error for what steps kept, once."""
        if not self.may_have_new:
            return
        self.may_have_new = False
        number = int(self.first.value)
        if number:
            self.first.assign(0)
            raise ValueError(self._messages[number - 1])


def compiled(function, variables=()):
    """Compiles a function of tensors, for calls in a loop.

    Args:
        function: Of structures of tensors.
        variables: All that it changes, and what it reads and others change:
            other values are those of its first call. Defaults to none.

    Returns:
        A function that computes the same, of tensors or arrays.
    """
    changed = []
    values_of_now = Values(variables)

    @jax.jit
    def run(values, inputs):
        with Scope() as scope:
            scope.hold(variables, values)
            result = function(*inputs)
            new, _ = scope.changes()
        changed[:] = [v for v in variables if id(v) in new]
        return result, [new[id(v)] for v in changed]

    def call(*inputs):
        convert = keras.ops.convert_to_tensor
        result, new = run(
            values_of_now(), keras.tree.map_structure(convert, inputs)
        )
        for variable, value in zip(changed, new, strict=True):
            variable.assign(value)
        return result

    return call
