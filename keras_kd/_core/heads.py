"""The part of a model behind one of its taps."""

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import places
from keras_kd.backend import neutral


class Head:
    """Computes a model's output from what stands at one of its taps.

    It has the model's own layers, in inference mode, and changes nothing. A
    plain object, so that what keeps it does not save the model.

    Args:
        model: A built Functional or Sequential model.
        tap: Name of a tap.
        loss: Name of the loss that needs it, for errors.

    Raises:
        TypeError: If the model has no graph.
        ValueError: If there is no such layer, it is called several times, or
            the output needs more than what is at the tap.
    """

    def __init__(self, model, tap, loss):
        self.model = model
        need = f"the loss {loss!r} needs the head behind it"
        self._functions = Behind(model, tap, need).parts(keras.Function)

    def __call__(self, feature):
        """The model's output.

        Args:
            feature: A tensor of the shape at the tap.

        Returns:
            What the model returns.
        """
        with (
            backend.unchanged(self.model),
            neutral.keeping_mode(self.model),
        ):
            for function in self._functions:
                feature = neutral.run_in_inference(function, feature)
            return feature


def upper_part(model, tap, name):
    """The layers of a model behind one of its taps, as a model of their own.

    Args:
        model: A Functional model, which keeps a trace of it in its layers: give
            a copy.
        tap: Name of a tap.
        name: Name of the result.

    Returns:
        A `keras.Model` from what is at the tap to the output, with the model's
        own layers; the identity if the tap is the output's.

    Raises:
        TypeError: See `Head`.
        ValueError: See `Head`.
    """
    parts = Behind(model, tap, "what is behind it is copied").parts(keras.Model)
    if not parts:
        end = model.outputs[0]
        inputs = keras.Input(batch_shape=end.shape, dtype=end.dtype)
        same = keras.layers.Identity(dtype=end.dtype)(inputs)
        return keras.Model(inputs, same, name=name)
    inputs, x = parts[0].inputs[0], parts[0].output
    for part in parts[1:]:
        x = part(x)
    return keras.Model(inputs, x, name=name)


def check_has_graph(model, need, role="teacher"):
    """Validates that what is behind a tap of a model can be known.

    Args:
        model: A `keras.Model`.
        need: Why it must be known, for the error.
        role: The caller's argument. Defaults to `"teacher"`.
    """
    if not _has_graph(model):
        raise TypeError(
            f"`{role}` must be a Functional or Sequential model, since "
            f"only a graph shows what is behind a tap, and {need}. "
            f'Received: {role}="{model.name}" of type '
            f"{type(model).__name__}. Build it as "
            "`keras.Model(inputs, outputs)`."
        )


class Behind:
    """The ways from a tap to the output, one for each model around it.

    Args:
        model: See `Head`.
        tap: See `Head`.
        need: Why it must be known, for errors.
        role: `"teacher"`, the default, or `"student"`, for errors.
    """

    def __init__(self, model, tap, need, role="teacher"):
        self._model = model
        self._tap = tap
        self._need = need
        self._role = role
        check_has_graph(model, need, role)
        if tap is None:
            raise self._refusal("the head begins there", "Tap a layer.")
        place = places.find(model, tap)
        if place.layer is None:
            raise ValueError(
                taps.unknown_tap(model, (), tap, role, f"{role}_tap")
            )
        self._ends = self._find(model, place.path, place.is_input)

    def parts(self, make):
        """Makes the parts from the tap to the output, the innermost first.

        Args:
            make: `keras.Function` or `keras.Model`: from a symbolic tensor and
                those that it leads to.

        Returns:
            A list of what `make` returned, empty if the tap is the output.
        """
        try:
            return [make(*ends) for ends in self._ends]
        except ValueError as error:
            raise self._refusal(
                "the output needs more than what is there",
                "Tap the layer where the ways meet.",
            ) from error

    def _find(self, model, path, is_input):
        """Pairs of symbolic tensors, from that at a path to an output."""
        layer, rest = places.step(model, path)
        calls = neutral.calls_in_graph(model, layer)
        if len(calls) != 1:
            raise self._refusal(
                f'of "{layer.name}", which is called {len(calls)} times, it '
                "is not known which call is meant",
                "Tap a layer that is called once.",
            )
        inputs, outputs = calls[0]
        inner = []
        if rest:
            if not _has_graph(layer):
                raise self._refusal(
                    f'what follows in "{layer.name}" of type '
                    f"{type(layer).__name__} is not known",
                    f'Tap "{layer.name}" itself, or a layer of a Functional '
                    "or Sequential model.",
                )
            inner = self._find(layer, rest, is_input)
        begin = inputs if is_input and not rest else outputs
        if len(begin) != 1:
            raise self._refusal(
                f"there are {len(begin)} tensors", "Tap one tensor."
            )
        ends = begin[0], neutral.graph_of(model).output
        return inner if ends[0] is ends[1] else [*inner, ends]

    def _refusal(self, reason, remedy):
        return ValueError(
            f"`{self._role}_tap` must be a place that the whole output follows "
            f"from, since {self._need}. Received: {self._role}="
            f'"{self._model.name}", {self._role}_tap={self._tap!r}; {reason}. '
            f"{remedy}"
        )


def _has_graph(model):
    """Whether calls of a model are what its graph shows."""
    has_graph = isinstance(model, keras.Sequential) or taps.is_functional(model)
    return has_graph and type(model).call.__module__.split(".")[0] == "keras"
