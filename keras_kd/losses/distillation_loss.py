"""Base class of the distillation losses."""

from typing import Any

import keras

from keras_kd._core import ensemble_logits
from keras_kd._core import places
from keras_kd._core import resizing
from keras_kd._core.arguments import WEIGHT
from keras_kd._core.arguments import Bounds
from keras_kd._core.arguments import check_name
from keras_kd._core.arguments import check_within
from keras_kd._types import Shape
from keras_kd._types import Taps
from keras_kd._types import Tensor
from keras_kd.losses import declaration
from keras_kd.losses.copies import shared_hyperparameter
from keras_kd.losses.cross_entropy import cross_entropy
from keras_kd.losses.kept_variable import KeptVariable

POSITIVE = Bounds(1e-18, 1e18)


class DistillationLoss(keras.layers.Layer):
    """Compares what a teacher and a student produced for the same examples.

    A distillation loss is a layer, not a `keras.losses.Loss`, because a loss
    may own weights, such as the regressor of a hint. Held by a `Distiller`,
    those weights are trained, saved and mirrored like any others.

    A subclass implements `call(teacher, student)` and returns one value per
    example, `(batch,)`, or one per position, `(batch, steps)`. It never
    averages over the batch and never applies `loss_weight`: the `Distiller`
    does both, with masks and sample weights. Weights are made in `__init__`
    or in `build(teacher_shape, student_shape)`.

    A loss that needs more than the two tensors names it in the class
    attribute `needs`, and takes it as an argument of `call`:

    * `"labels"`: `y` of the batch as it came: with several outputs the whole
      structure, whatever the tap. Labels that do not count (`ignore_class`,
      nan) are 0, and their examples or positions leave this loss.
    * `"example_ids"`: integers `(batch,)`, from `batch.attach_example_ids`.
    * `"teacher_input_gradient"`, `"student_input_gradient"`: the gradient of
      the loss's `input_objective`, at the loss's tap in that model, with
      respect to that model's input, of the shape of the input; zeros for
      entries of integers. The student's can be differentiated again. `build`
      may take their shapes too, such as `teacher_input_gradient_shape`. If
      the objective uses labels, `"labels"` must be named as well. See
      `InputGradientTransfer`.
    * `"teacher_input_gradient_of_view"`, `"student_input_gradient_of_view"`:
      the same at the loss's `input_view` of the input, such as a flipped
      image: that model runs once more. See `InputGradientSymmetry`.
    * `"teacher_head"`: a function from a tensor of the shape at `teacher_tap`
      to the output of a Functional or Sequential teacher, by its own layers in
      inference mode; a gradient goes through it and changes nothing of it.
      `"teacher_output_layer"`, `"student_output_layer"`: `ChunkedSoftTargets`.
    * The average of the members of an arithmetic `teachers.EnsembleTeacher`:
      `accepts_members = True` declares that `call` may get the logits of the
      averaged probabilities, those at `temperature` if the loss has one.
    * Of a cache with `top_k`, `accepts_top_logits = True` declares that `call`
      may get a dict in place of all logits: `"top_logits"` and `"top_classes"`,
      `(batch, ..., k)`, and `"rest_log_sum_exp"`, `(batch, ...)`, which the
      other classes share evenly.
    * An argument `student_mask` of `call` needs no declaration: it is the
      Keras mask of the student's tensor, or `None`.
    * An argument `position_weights` of `call` needs none either: the sample
      weights where there is one for each position of both tensors, `(batch,
      ...)`, by their mean over the example; else `None`. The Distiller weighs
      the example's value by that mean.

    A loss that remembers earlier batches does so by `losses.memory`; one that
    draws numbers has a `keras.random.SeedGenerator` as an attribute. `call`
    takes `training` for both, since an evaluation changes and draws nothing.

    A loss whose value for an example depends on the others, such as one of
    their distances, declares `compares_examples = True`. It then gets all
    that it takes of the whole batch: on several replicas, that of all of them,
    with the gradients of each. Its `call` takes `example_weights` as well,
    float `(batch,)`: the sample weights, 0 for examples that do not count.
    Those must leave the pairs, since the Distiller can only leave out their
    own values; where `student_mask` hides a position, it must leave them too.

    Args:
        loss_weight: Float >= 0, the factor on this loss in the total; at 0 it
            is logged and changes nothing. A variable: callbacks can change it.
            Defaults to `1.0`.
        teacher_tap: Where in the teacher to look: `"layer"`,
            `"submodel/layer"`, the name of an output, or `None`, the default,
            for the output. See `taps`. For a loss that
            `accepts_several_taps`, also a tuple of these.
        student_tap: Where in the student to look. Defaults to `None`.
        resize: Which side to interpolate to the positions of the other,
            `"student"` or `"teacher"`, where one has another resolution or
            length: linearly along each axis between batch and channels, before
            anything else. Labels, void too, are those of the nearest position;
            what a masked position has a share in is masked. Defaults to `None`.
        name: Key of this loss in the logs: letters, digits, `_` and `-`.
            Defaults to the class name in snake case, numbered within its
            Distiller.
        **kwargs: Passed to `keras.layers.Layer`. `dtype` defaults to
            `"float32"` whatever the global policy, since a softmax over
            half-precision logits overflows; `"float64"` is the only other.

    Raises:
        ValueError: If `loss_weight` is negative, `name` has other characters,
            or `resize` or `dtype` is not one of these; when it is built, if
            `resize` is given for tensors without the same axes of positions.
        TypeError: If a tap is not a string, or a tuple of strings.
    """

    # Names from `declaration.SERVED` that `call` takes as further arguments.
    needs = ()
    # Whether a tap may be a tuple, which gives tuples of tensors and shapes.
    accepts_several_taps = False
    # Whether a value depends on other examples of the batch.
    compares_examples = False
    # Whether the two tensors must be logits: a softmax or sigmoid raises. Of
    # several taps also a tuple, with a bool for each.
    expects_logits = False
    output_activation = None  # "softmax" or "sigmoid", if it applies one.
    # Whether members may be averaged before `call`: see `ensemble_logits`.
    accepts_members = False
    averages_at_one = False  # At a temperature of 1, and not at the loss's.
    # Whether `call` takes the form of `_core.top_logits` in place of logits.
    accepts_top_logits = False
    # Whether a teacher's logit may be -inf, the class being ruled out.
    accepts_minus_infinity = False

    def __init__(
        self,
        loss_weight: float = 1.0,
        *,
        teacher_tap: Taps = None,
        student_tap: Taps = None,
        resize: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("dtype", "float32")
        if name is not None:
            check_name("name", name)
        super().__init__(name=name, **kwargs)
        if self.compute_dtype not in ("float32", "float64"):
            raise ValueError(
                '`dtype` must be "float32" or "float64", since squares and '
                "exponentials overflow in half precision. Received: "
                f"dtype={kwargs['dtype']!r}."
            )
        # Automatic names count per process and must not reach a log or a file.
        self.log_name = name
        self.supports_masking = True
        self.hyperparameters = {}
        self.bounds = {}
        declaration.check(self)
        self.teacher_tap = declaration.place(self, "teacher_tap", teacher_tap)
        self.student_tap = declaration.place(self, "student_tap", student_tap)
        declaration.check_resize(self, resize)
        self.resize = resize
        self.loss_weight = self.add_hyperparameter(
            "loss_weight",
            loss_weight,
            "the factor on this loss in the total",
            WEIGHT,
        )

    def add_hyperparameter(
        self, name: str, value: float, meaning: str, bounds: Bounds = POSITIVE
    ) -> keras.Variable:
        """Keeps a number in a variable that callbacks can assign.

        Args:
            name: Name of the constructor's argument.
            value: The number.
            meaning: A few words for the error message.
            bounds: `arguments.Bounds`, kept by values assigned later too.
                Defaults to positive numbers that float32 can square.

        Returns:
            A non-trainable scalar `keras.Variable`.

        Raises:
            ValueError: If `value` is not a number within the bounds.
        """
        self.hyperparameters[name] = check_within(name, value, bounds, meaning)
        self.bounds[name] = bounds
        # In the class, since a `__setattr__` would see every attribute.
        if not hasattr(type(self), name):
            setattr(type(self), name, KeptVariable(name))
        shared = shared_hyperparameter(self, name)
        if shared is not None:
            return shared
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            # Assigned inside a replica too, any other way would sum or sync.
            aggregation="only_first_replica",
            name=name,
        )

    def comparison(self, teacher_shape: Shape, student_shape: Shape) -> str:
        """Begins an error message with the two tensors of the comparison."""
        teacher, student = (
            f"{tuple(shape)} from the {model}'s output"
            if tap is None
            else f"{tuple(shape)} from {model} {places.shown(tap)}"
            for model, tap, shape in (
                ("teacher", self.teacher_tap, teacher_shape),
                ("student", self.student_tap, student_shape),
            )
        )
        return f"`{type(self).__name__}` compares {teacher} with {student}."

    def __call__(
        self, teacher: Tensor, student: Tensor, **kwargs: Any
    ) -> Tensor:
        return super().__call__(*self.aligned(teacher, student), **kwargs)

    def aligned(
        self, teacher: Tensor, student: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns what `call` gets: members as logits, and one resolution.

        The arguments are those of `call`; the teacher may have several members.
        """
        if self.accepts_members and isinstance(teacher, dict | tuple):
            teacher = places.map_each(self.logits_of_members, teacher)
        if self.resize is None:
            return teacher, student
        return resizing.align(self, teacher, student, self.compute_dtype)

    def logits_of_members(self, teacher: Tensor) -> Tensor:
        """Returns the logits of the members' average, or one tensor itself."""
        if not ensemble_logits.is_members(teacher):
            return teacher
        return ensemble_logits.as_logits(
            teacher,
            1.0 if self.averages_at_one else getattr(self, "temperature", 1.0),
            self.compute_dtype,
            is_multi_label=self.output_activation == "sigmoid",
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        pass

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Builds the loss for the shapes that a file has."""
        shapes = (config or {}).get("shapes_dict")
        if shapes:
            # Older versions built for the members of an ensemble.
            teacher = ensemble_logits.logits_shape(shapes["teacher_shape"])
            config = {"shapes_dict": shapes | {"teacher_shape": teacher}}
        super().build_from_config(config)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        raise NotImplementedError(
            f"{type(self).__name__} must implement `call(teacher, student)`."
        )

    def input_objective(self, output: Tensor, labels: Tensor) -> Tensor:
        """Objective whose gradient by the input the loss compares.

        Args:
            output: The tensor at the loss's tap, by default the model's
                output, logits `(batch, classes)`.
            labels: What belongs to it of `y`: class numbers `(batch,)`, or
                probabilities `(batch, classes)`.

        Returns:
            One value per example; by default the cross-entropy.
        """
        return cross_entropy(labels, output)

    def input_view(self, x: Tensor) -> Tensor:
        """View of the input at which to take a second input gradient.

        Args:
            x: The input of the model, `(batch, ...)` or a structure.

        Returns:
            The same structure and shapes.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement `input_view(x)`, since it "
            "needs the gradient of a view."
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; current values are weights."""
        config = super().get_config()
        config.pop("name")
        for argument in ("teacher_tap", "student_tap"):
            tap = getattr(self, argument)
            config[argument] = list(tap) if isinstance(tap, tuple) else tap
        config["resize"] = self.resize
        if self.log_name is not None:
            config["name"] = self.log_name
        return config | dict(self.hyperparameters)
