"""Several models as one teacher."""

import hashlib
import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Self

import keras
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._core import teacher_protocol
from keras_kd._core.arguments import check_positive
from keras_kd._core.identity import fingerprint
from keras_kd._core.kinds import check_list
from keras_kd._core.predictions import logits_of
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._types import Tensor
from keras_kd.losses.shapes import shapes_agree
from keras_kd.teachers.saved_parts import check_separate
from keras_kd.teachers.saved_parts import describe
from keras_kd.teachers.saved_parts import deserialize_each_once
from keras_kd.teachers.saved_parts import serialize_each_once

_COMBINE = ("arithmetic", "geometric")


@keras.saving.register_keras_serializable("keras_kd")
class EnsembleTeacher(TeacherProtocol, keras.Model):
    """Several models that teach as one.

    With p_i for the softmax of member i's logits / temperature, the student's
    target is

    * arithmetic: `sum(weight_i * p_i)`, the average of the probabilities;
    * geometric: `softmax(sum(weight_i * logits_i) / temperature)`, which is
      the normalised geometric mean of the probabilities at any temperature.

    The arithmetic average depends on the temperature, which belongs to the
    loss and may change during training. Therefore an arithmetic ensemble
    returns the logits of all members, and `losses.SoftTargets` and
    `losses.BinarySoftTargets` average; so do the metrics. Other losses, such as
    `losses.LogitRegression`, need one tensor: the geometric ensemble's.

    A tap of a member is `"<member's name>/<layer>"` or `"models/0/<layer>"`.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 2; `"geometric"` with a regression on logits is the ensemble of
    [Ba and Caruana, 2014](https://arxiv.org/abs/1312.6184).

    Args:
        models: List of built `keras.Model`s with one output each, logits of
            the same shape. One model may occur several times, with another
            `preprocess` each time.
        combine: `"arithmetic"` or `"geometric"`. Defaults to `"arithmetic"`.
        weights: Positive numbers, one per model; they are divided by their
            sum. Defaults to `None`, equal weights.
        preprocess: List with a layer, or `None`, per model: what to do to the
            input before that model sees it. A layer that changes the shape
            should be a `keras.Sequential` that begins with an `Input`, unless
            another member takes the input as it is. Defaults to `None`.
        name: Name of the model. Defaults to `"ensemble_teacher"`.

    Returns:
        Called on a batch: logits `(batch, ..., classes)` if geometric; if
        arithmetic, a dict of `"member_logits"`, `(batch, members, ...,
        classes)`, and `"member_log_weights"`, `(batch, members)`.

    Raises:
        TypeError: If a model is not a `keras.Model`, or `preprocess` has
            something else than layers.
        ValueError: If a model is not built, gives probabilities or another
            shape than the first one, or an argument is not as above.

    Example:

    >>> def net():
    ...     return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> first, second = net(), net()
    >>> teacher = keras_kd.teachers.EnsembleTeacher(
    ...     [first, second], combine="geometric"
    ... )
    >>> x = np.ones((1, 4))
    >>> bool(np.allclose(teacher(x), (first(x) + second(x)) / 2, atol=1e-6))
    True
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        combine: str = "arithmetic",
        weights: Sequence[float] | None = None,
        preprocess: Sequence[keras.layers.Layer | None] | None = None,
        name: str = "ensemble_teacher",
        **kwargs: Any,
    ):
        # The members cast their inputs themselves.
        super().__init__(
            name=name, **{"dtype": "float32", "autocast": False} | kwargs
        )
        if not isinstance(models, list | tuple) or not models:
            raise ValueError(
                "`models` must be a list of at least one `keras.Model`. "
                f"Received: models={models!r}."
            )
        if combine not in _COMBINE:
            raise ValueError(
                f"`combine` must be one of {', '.join(_COMBINE)}. Received: "
                f"combine={combine!r}."
            )
        _check_shapes(models)
        self.models = list(models)
        self.combine = combine
        self.member_weights = _normalised(weights, len(models))
        self._given_weights = None if weights is None else list(weights)
        self.preprocess = _check_preprocess(preprocess, len(models))
        self._check_input()
        self.built = True

    def _check_input(self):
        """Validates that all members take the same input."""
        spec = model_specs.input_spec(self)
        for index, model in enumerate(self.models):
            try:
                model_specs.symbolic(
                    lambda x, index=index: self._logits(index, x, False), spec
                )
            except (TypeError, ValueError) as error:
                shapes = keras.tree.map_structure(lambda x: x.shape, spec)
                raise ValueError(
                    "`models` must take the same input, since a batch goes to "
                    "all of them. Received: input of shape "
                    f'{shapes}, which models[{index}]="{model.name}" does not '
                    "take. Give it a layer in `preprocess`, as a "
                    "`keras.Sequential` that begins with an `Input`."
                ) from error

    @property
    def input_like(self) -> keras.layers.Layer:
        """Returns the model whose input spec the ensemble has."""
        pairs = list(zip(self.models, self.preprocess, strict=True))
        as_it_is = [model for model, layer in pairs if layer is None]
        shown = [x for x in self.preprocess if isinstance(x, keras.Model)]
        return (as_it_is + shown + self.models)[0]

    def _logits(self, index, x, training):
        """Logits of one member."""
        if self.preprocess[index] is not None:
            x = tapped_model.run(self.preprocess[index], x, training)
        return tapped_model.run(self.models[index], x, training)

    def call(
        self, x: Tensor, training: bool | None = None
    ) -> Tensor | dict[str, Tensor]:
        count = len(self.models)
        members = [self._logits(index, x, training) for index in range(count)]
        logits = ensemble_logits.stack_members(members, self.compute_dtype)
        weights = ops.cast(self.member_weights, self.compute_dtype)
        if self.combine == "geometric":
            shape = (count, *[1] * (len(logits.shape) - 2))
            mask = reduction.read_mask(logits)
            return reduction.with_mask(
                ops.sum(ops.reshape(weights, shape) * logits, axis=1),
                None if mask is None else ops.all(mask, axis=1),
            )
        return {
            ensemble_logits.MEMBER_LOGITS: logits,
            ensemble_logits.MEMBER_LOG_WEIGHTS: ops.broadcast_to(
                ops.log(weights), (ops.shape(logits)[0], count)
            ),
        }

    def fingerprint(self) -> bytes:
        """Digest of the members' weights, and of how they are combined."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.combine}{self.member_weights}".encode())
        for model, layer in zip(self.models, self.preprocess, strict=True):
            digest.update(fingerprint(model))
            if layer is not None:
                digest.update(describe(layer).encode() + fingerprint(layer))
        return digest.digest()

    def get_config(self) -> dict[str, Any]:
        check_separate([*self.models, *filter(None, self.preprocess)])
        return {
            "models": serialize_each_once(self.models),
            "combine": self.combine,
            "weights": self._given_weights,
            "preprocess": serialize_each_once(self.preprocess),
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        loaded = {
            argument: deserialize_each_once(config[argument], custom_objects)
            for argument in ("models", "preprocess")
        }
        return cls(**config | loaded)

    def get_build_config(self) -> None:
        # Built in the constructor, with the structure of the models' input.
        return None


def _check_shapes(models):
    first = None
    for index, model in enumerate(models):
        output = logits_of(model, f"models[{index}]")
        if ensemble_logits.is_members(output):
            raise ValueError(
                f"`models[{index}]` must give one tensor of logits, since an "
                f'ensemble averages once. Received: "{model.name}", an '
                "arithmetic ensemble. Put its models into the list, with "
                "products of the weights."
            )
        teacher_protocol.check_stays(
            model, f"models[{index}]", "a teacher in another is not updated"
        )
        if teacher_protocol.of(model).is_noisy:
            raise ValueError(
                f"`models[{index}]` must give the same logits each time, "
                f'since noise goes on top. Received: "{model.name}" of type '
                f"{type(model).__name__}. Make an ensemble of its models and "
                "a `NoisyTeacher` of that."
            )
        first = output.shape if first is None else first
        if not shapes_agree(output.shape[1:], first[1:]):
            raise ValueError(
                "`models` must give logits of one shape, since they are "
                f'averaged. Received: {output.shape} from "{model.name}", '
                f'{first} from "{models[0].name}".'
            )


def _normalised(weights, count):
    """Weights as a tuple of floats that sum to 1."""
    if weights is None:
        weights = [1.0] * count
    weights = check_list("weights", weights, "numbers, one per model")
    if len(weights) != count:
        raise ValueError(
            "`weights` must have a number for each of the models. Received: "
            f"{len(weights)} weights for {count} models."
        )
    for index, weight in enumerate(weights):
        check_positive(
            f"weights[{index}]", weight, "that model's part of the average"
        )
    total = math.fsum(weights)
    return tuple(float(weight) / total for weight in weights)


def _check_preprocess(preprocess, count):
    """Returns the layers as a list, one per model, after validation."""
    if preprocess is None:
        return [None] * count
    if not isinstance(preprocess, list | tuple) or len(preprocess) != count:
        raise ValueError(
            "`preprocess` must be a list with a layer or None for each of the "
            f"{count} models. Received: preprocess={preprocess!r}."
        )
    for index, layer in enumerate(preprocess):
        if not (layer is None or isinstance(layer, keras.layers.Layer)):
            raise TypeError(
                f"`preprocess[{index}]` must be a Keras layer or None, since "
                f"it is saved with the ensemble. Received: {layer!r} of type "
                f"{type(layer).__name__}. Write a layer that calls it."
            )
    return list(preprocess)
