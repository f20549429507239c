"""Runs a model once, and returns its taps."""

import inspect

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core import input_fit
from keras_kd._core import model_specs
from keras_kd._core import places
from keras_kd._core import reduction
from keras_kd._core.call_hooks import recording


class TappedModel:
    """A model that returns chosen taps along with its output.

    One symbolic pass, when the object is made, finds all that is known of the
    model before it sees data. Shapes below are of `KerasTensor`s.

    Args:
        model: A built `keras.Model`.
        names: Names of taps; `None` stands for the output.
        role: What to call the model in errors: `"teacher"` or `"student"`.
        argument: The caller's argument that names taps, for errors. Defaults
            to `None`, such as `"teacher_tap"`.
        spec: Its input, as `KerasTensor`s. Defaults to `None`, as it was built.

    Attributes:
        spec: The input.
        taps: The names, each once.
        outputs: Names of the outputs; see `names_of_outputs`.
        layers: `Place`s of the taps that are no outputs, by tap.
        probabilities: Taps that are made by a softmax or a sigmoid.
        undecided: Taps of which only the values show it.
        ending_in_probabilities: Outputs that are made by a softmax or a
            sigmoid, `None` for the only one.
        masked: Outputs that have a Keras mask, `None` for the only one.
        mask_shapes: Shapes of masks for one example, in a list for the tensors
            of the output and a dict by tap.

    Raises:
        ValueError: If a tap does not exist, or gives no tensor in this pass.
    """

    def __init__(self, model, names, role="model", argument=None, spec=None):
        self.model = model
        self.role = role
        self.argument = argument or f"{role}_tap"
        self.taps = tuple(dict.fromkeys(names))
        self._run = in_mode(model)
        self.spec = model_specs.input_spec(model) if spec is None else spec
        output, tensors = model_specs.symbolic(self._look, self.spec)
        self._symbolic = output, dict(zip(self.taps, tensors, strict=True))

    def _look(self, x):
        """Runs the model once, and notes what the pass shows."""
        found = {tap: places.find(self.model, tap) for tap in self.taps if tap}
        with recording(*_watched(found.values())) as recorded:
            output = self._run(x, training=False)
        self.outputs = names_of_outputs(output, self.model)
        self.layers = {
            tap: self._check_layer(tap, found.get(tap))
            for tap in self.taps
            if tap is not None and tap not in self.outputs
        }
        self._hooked = _watched(self.layers.values())
        tensors = {tap: self._read(tap, output, recorded) for tap in self.taps}
        outputs = {
            name: pick(output, self.outputs, name)
            for name in self.outputs or (None,)
        }
        self._note_probabilities(outputs, tensors)
        self._note_masks(outputs, tensors, keras.tree.flatten(output))
        # In a list, since `None` and names cannot be sorted.
        return output, list(tensors.values())

    def _note_probabilities(self, outputs, tensors):
        shown = {
            name: _is_probability(ensemble_logits.scores(tensor))
            for name, tensor in (outputs | tensors).items()
        }
        self.ending_in_probabilities = tuple(n for n in outputs if shown[n])
        self.probabilities = tuple(tap for tap in tensors if shown[tap])
        self.undecided = tuple(tap for tap in tensors if shown[tap] is None)

    def _note_masks(self, outputs, tensors, leaves):
        every = {id(tensor): tensor for tensor in (*leaves, *tensors.values())}
        shapes = {key: _mask_shape(tensor) for key, tensor in every.items()}
        self.masked = tuple(
            name
            for name, tensor in outputs.items()
            if shapes.get(id(ensemble_logits.scores(tensor)))
        )
        self.mask_shapes = (
            [shapes[id(tensor)] for tensor in leaves],
            {tap: shapes[id(tensor)] for tap, tensor in tensors.items()},
        )

    def _check_layer(self, tap, place):
        """Returns the `Place` at a tap, after validation."""
        if place is None or place.layer is None:
            raise ValueError(
                taps.unknown_tap(
                    self.model, self.outputs, tap, self.role, self.argument
                )
            )
        if place.loop is not None:
            raise self._refusal(
                tap,
                f'be called once in a pass, but "{place.loop}" calls it in '
                "each step",
                f'Tap "{place.loop}" itself.',
            )
        fused = place.is_input and places.fused_activation(place.layer)
        if fused:
            raise self._refusal(
                tap,
                "be the input of a layer without weights or without an "
                f'activation, since "{place.path}" has both, and its input is '
                "not what the activation gets",
                f'Split it: `activation=None` in "{place.path}", and behind it '
                f'`keras.layers.Activation("{fused}", name="before")`, with '
                'the tap "before:input". For what the layer itself gets, tap '
                "the output of the one before it.",
            )
        return place

    def _refusal(self, tap, rule, remedy):
        return ValueError(
            f"The tap {tap!r} of the {self.role} must {rule}. Received: "
            f'{self.role}="{self.model.name}", {self.role}_tap={tap!r}. '
            f"{remedy}"
        )

    def __call__(self, x, training):
        """Runs the model once.

        Args:
            x: Its input.
            training: Whether it is in training mode.

        Returns:
            `(output, tensors)`: the model's own output, and a dict from the
            name of each tap to its tensor.
        """
        output, recorded = self._pass(x, training, *self._hooked)
        return output, {
            tap: self._read(tap, output, recorded) for tap in self.taps
        }

    def output(self, x, training):
        """The model's own output for its input."""
        return self._pass(x, training)[0]

    def _pass(self, x, training, layers=(), inputs_of=()):
        """The output, and what `recording` finds."""
        try:
            with recording(layers, inputs_of) as recorded:
                return self._run(x, training=training), recorded
        except (ValueError, TypeError, LookupError, RuntimeError) as error:
            input_fit.refuse_unfit(self.model, x, self.role, error)
            raise

    def _read(self, tap, output, recorded):
        if tap not in self.layers:
            return pick(output, self.outputs, tap)
        place = self.layers[tap]
        found = recorded[place.is_input]
        if id(place.layer) not in found:
            raise self._refusal(
                tap,
                "be called in each pass, but it was not",
                "Tap a layer that takes part in the output.",
            )
        tensor = found[id(place.layer)]
        if keras.tree.is_nested(tensor):
            verb = "get" if place.is_input else "return"
            raise self._refusal(
                tap,
                f"{verb} one tensor, but it is a "
                f"{type(tensor).__name__} of {len(tensor)}",
                "Tap a layer that takes part of it, or one before.",
            )
        if not backend.is_in_reach(tensor, keras.tree.flatten(output)[0]):
            raise self._refusal(
                tap,
                "be called outside of loops and conditions, since its value "
                "does not leave them",
                "Tap the layer that has the loop.",
            )
        if place.attention is None or place.is_input:
            return tensor
        # With its scores, it returns several tensors.
        attended = keras.tree.flatten(recorded[False][id(place.attention)])
        mask = reduction.read_mask(attended[0])
        is_fit = mask is not None and reduction.is_of_positions(mask, tensor)
        return reduction.with_mask(tensor, mask) if is_fit else tensor

    def symbolic(self):
        """The result of a call, with `KerasTensor`s that show the shapes."""
        return self._symbolic


def _watched(found):
    """Layers at `Place`s: those of an output, and those of an input.

    With the former are the attention layers around, which have the masks.
    """
    known = [place for place in found if place.layer is not None]
    plain = [place for place in known if not place.is_input]
    around = {id(p.attention): p.attention for p in plain if p.attention}
    return (
        [*(place.layer for place in plain), *around.values()],
        [place.layer for place in known if place.is_input],
    )


def _is_probability(tensor):
    """A bool; `None` if only the values of the tensor show it."""
    return not keras.tree.is_nested(tensor) and backend.is_probability(tensor)


def _mask_shape(tensor):
    """Shape of a tensor's Keras mask for one example, `None` if it has none."""
    if tensor is None or keras.tree.is_nested(tensor):
        return None
    mask = reduction.read_mask(tensor)
    return None if mask is None else tuple(mask.shape[1:])


def run(model, x, training):
    """Calls a model, with `training` if its `call` takes that argument."""
    return in_mode(model)(x, training=training)


def in_mode(model):
    """Makes a function of `x` and `training` of any model.

    Args:
        model: A `keras.Model` or layer.

    Returns:
        The model itself, or, if its `call` does not take `training`, a
        function that leaves it out.
    """
    parameters = inspect.signature(model.call).parameters
    if "training" in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    ):
        return model
    return lambda x, training: model(x)


def pick(output, names, name):
    """One of several outputs.

    Args:
        output: What a model returned.
        names: Its `output_names`.
        name: One of them, or `None` for the only one.
    """
    if name is None:
        tensors = [t for t in keras.tree.flatten(output) if t is not None]
        return tensors[0] if len(tensors) == 1 else output
    return output[name if isinstance(output, dict) else names.index(name)]


def output_names(model):
    """Names of the outputs of a model; see `names_of_outputs`."""
    inner = taps.unwrapped(model)
    if isinstance(inner, keras.Sequential) and hasattr(inner, "outputs"):
        return names_of_outputs(inner.outputs, inner)
    if taps.is_functional(inner):
        return names_of_outputs(inner.output, inner)
    return TappedModel(model, [None]).outputs


def names_of_outputs(output, model):
    """Names of outputs: keys, or made up where several; `()` for one tensor.

    Args:
        output: What the model returned.
        model: The model, whose own names count.
    """
    if ensemble_logits.is_members(output):
        return ()
    if isinstance(output, dict):
        return tuple(key for key, value in output.items() if value is not None)
    if not isinstance(output, list | tuple) or len(output) < 2:
        return ()
    given = getattr(taps.unwrapped(model), "output_names", None) or ()
    # A layer called twice may give two outputs of one name.
    if len(set(given)) == len(output):
        return tuple(given)
    return tuple(f"output_{index}" for index in range(len(output)))
