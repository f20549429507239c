"""The part of a model behind one of its taps."""

import functools

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
        self._tap = tap
        self._loss = loss
        if not _has_graph(model):
            raise TypeError(
                "`teacher` must be a Functional or Sequential model, since "
                f"only their graph shows the head, which the loss {loss!r} "
                f'needs. Received: teacher="{model.name}" of type '
                f"{type(model).__name__}. Build it as "
                "`keras.Model(inputs, outputs)`."
            )
        if tap is None:
            raise self._refusal("the head begins there", "Tap a layer.")
        place = places.find(model, tap)
        if place.layer is None:
            raise ValueError(
                taps.unknown_tap(model, (), tap, "teacher", "teacher_tap")
            )
        self._run = self._behind(model, place.path, place.is_input)

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
            return self._run(feature)

    def _behind(self, model, path, is_input):
        """A function from the value at a path to the output of a model."""
        layer, rest = places.step(model, path)
        calls = neutral.calls_in_graph(model, layer)
        if len(calls) != 1:
            raise self._refusal(
                f'of "{layer.name}", which is called {len(calls)} times, it '
                "is not known which call is meant",
                "Tap a layer that is called once.",
            )
        inputs, outputs = calls[0]
        inner = None
        if rest:
            if not _has_graph(layer):
                raise self._refusal(
                    f'what follows in "{layer.name}" of type '
                    f"{type(layer).__name__} is not known",
                    f'Tap "{layer.name}" itself, or a layer of a Functional '
                    "or Sequential model.",
                )
            inner = self._behind(layer, rest, is_input)
        begin = inputs if is_input and not rest else outputs
        if len(begin) != 1:
            raise self._refusal(
                f"there are {len(begin)} tensors", "Tap one tensor."
            )
        outer = self._function(begin[0], neutral.graph_of(model).output)
        return outer if inner is None else lambda x: outer(inner(x))

    def _function(self, begin, end):
        """A function of one symbolic tensor that gives others."""
        if begin is end:
            return lambda x: x
        try:
            function = keras.Function(begin, end)
        except ValueError as error:
            raise self._refusal(
                "the output needs more than what is there",
                "Tap the layer where the ways meet.",
            ) from error
        return functools.partial(neutral.run_in_inference, function)

    def _refusal(self, reason, remedy):
        return ValueError(
            "`teacher_tap` must be a place that the whole output follows from, "
            f"since the loss {self._loss!r} needs the head behind it. "
            f'Received: teacher="{self.model.name}", teacher_tap='
            f"{self._tap!r}; {reason}. {remedy}"
        )


def _has_graph(model):
    """Whether calls of a model are what its graph shows."""
    has_graph = isinstance(model, keras.Sequential) or taps.is_functional(model)
    return has_graph and type(model).call.__module__.split(".")[0] == "keras"
