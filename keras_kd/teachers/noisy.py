"""Noise on a teacher's logits (Sau and Balasubramanian, 2016)."""

import hashlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Self

import keras
import numpy as np
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._core import teacher_protocol
from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_positive
from keras_kd._core.identity import fingerprint
from keras_kd._core.predictions import logits_of
from keras_kd._core.seeds import ReplicaSeedGenerator
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._types import Tensor


@keras.saving.register_keras_serializable("keras_kd")
class NoisyTeacher(TeacherProtocol, keras.Model):
    """Adds random noise to the logits of a teacher, to stand for many.

    In a training step of a `Distiller`, each example's logits v become with
    the given probability

    ```
    (1 + noise) * v,    noise ~ Normal(0, noise_stddev**2)
    ```

    with fresh noise each time. Called directly, in `evaluate`, and for
    metrics, the teacher is the plain one.

    What to expect: the paper calls this a regulariser, with a regression on
    logits (`losses.LogitRegression`). But for any student output g,

    ```
    E ||g - v'||**2 = ||g - v||**2 + probability * noise_stddev**2 * ||v||**2
    ```

    where the last term does not depend on the student. In expectation the
    noise moves no optimum and penalises nothing; what it adds is noise of the
    gradient, in proportion to the logits, as in training on noisy targets.
    With a softmax over them the expectation is not the plain loss: noisy
    logits are sharper and blunter in turn.

    Reference: [Sau and Balasubramanian,
    2016](https://arxiv.org/abs/1610.09650), section 3. It has noise per class
    in half or 0.15 of the examples, of standard deviation 0.1 to 1.

    Args:
        model: A built `keras.Model` with one output of logits, also an
            `EnsembleTeacher`: each member of an arithmetic one then has noise
            of its own.
        noise_stddev: Float > 0, the standard deviation of the noise; not the
            variance.
        probability: Float in (0, 1], which part of the examples gets noise.
            Each is drawn by itself. Defaults to `0.5`.
        shared_axes: Axes of the logits along which there is one number of
            noise, counted with the batch. `()`, the default, draws one for
            each example and class; `(-1,)` one for each example, which makes
            its logits sharper or blunter; `(0,)` one for each class, for the
            whole batch as in the paper's algorithm 1. With axis 0 in it,
            replicas share the noise too.
        seed: Integer, for the same noise in each run, or `None`.
        name: Name of the model. Defaults to `"noisy_<name of the model>"`.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If it is not built or gives probabilities, or an argument
            is not as above.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> teacher = keras_kd.teachers.NoisyTeacher(model, 0.6, seed=1)
    >>> logits = teacher(np.ones((4, 2)))
    >>> bool(np.all(teacher.perturb(logits) == logits))
    False
    """

    def __init__(
        self,
        model: keras.Model,
        noise_stddev: float,
        probability: float = 0.5,
        shared_axes: Sequence[int] = (),
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        output = logits_of(model, "model")
        if teacher_protocol.of(model).is_noisy:
            raise ValueError(
                "`model` must be a teacher without noise, since that of two "
                f'would multiply. Received: model="{model.name}" of type '
                f"{type(model).__name__}. Give its `model`."
            )
        teacher_protocol.check_stays(
            model, "model", "a teacher in another is not updated"
        )
        check_positive("noise_stddev", noise_stddev, "a standard deviation")
        check_part(
            "probability", probability, "a part of the examples", one=True
        )
        # The model casts its input itself.
        super().__init__(
            name=name or f"noisy_{model.name}",
            **{"dtype": model.dtype_policy, "autocast": False} | kwargs,
        )
        self.model = model
        self.noise_stddev = float(noise_stddev)
        self.probability = float(probability)
        if not isinstance(shared_axes, list | tuple):
            _refuse_axes(shared_axes)
        self.shared_axes = tuple(shared_axes)
        _resolve(self.shared_axes, output)
        self.seed = seed
        noise_seed, choice_seed = _two_seeds(seed)
        is_shared = 0 in _resolve(self.shared_axes, output)
        make = keras.random.SeedGenerator if is_shared else ReplicaSeedGenerator
        self.noise_seeds = make(noise_seed)
        self.choice_seeds = ReplicaSeedGenerator(choice_seed)
        self.built = True

    is_noisy = True

    @property
    def tapped_model(self) -> keras.Model:
        """The model whose layers taps name: see `taps`."""
        return self.model

    @property
    def noise_state(self) -> list[keras.Variable]:
        """State of the noise, for a resumed run to draw the same."""
        return [self.noise_seeds.state, self.choice_seeds.state]

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        return tapped_model.run(self.model, x, training)

    def perturb(self, output: Tensor) -> Tensor:
        """Adds noise to logits; the Distiller calls it in training steps.

        Args:
            output: What the model returned for a batch.

        Returns:
            The same, in float32, with fresh noise.
        """
        logits = ops.cast(ensemble_logits.scores(output), "float32")
        shape = ops.shape(logits)
        shared = _resolve(self.shared_axes, output)
        noise = keras.random.normal(
            [1 if axis in shared else n for axis, n in enumerate(shape)],
            stddev=self.noise_stddev,
            dtype="float32",
            seed=self.noise_seeds,
        )
        chosen = self.probability > keras.random.uniform(
            [shape[0], *[1] * (len(shape) - 1)],
            dtype="float32",
            seed=self.choice_seeds,
        )
        noisy = reduction.with_mask(
            ops.where(chosen, (1 + noise) * logits, logits),
            reduction.read_mask(ensemble_logits.scores(output)),
        )
        if ensemble_logits.is_members(output):
            return output | {ensemble_logits.MEMBER_LOGITS: noisy}
        return noisy

    def fingerprint(self) -> bytes:
        """Digest of the model's weights and of the arguments."""
        digest = hashlib.blake2b(fingerprint(self.model), digest_size=16)
        arguments = (self.noise_stddev, self.probability, self.shared_axes)
        digest.update(f"noisy{arguments}".encode())
        return digest.digest()

    def get_config(self) -> dict[str, Any]:
        return {
            "model": keras.saving.serialize_keras_object(self.model),
            "noise_stddev": self.noise_stddev,
            "probability": self.probability,
            "shared_axes": list(self.shared_axes),
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        return cls(**config | {"model": model})

    def get_build_config(self) -> None:
        # Built in the constructor, with the structure of the model's input.
        return None


def _two_seeds(seed):
    """Derives two independent seeds from one."""
    if seed is None:
        return None, None
    if isinstance(seed, bool) or not (isinstance(seed, int) and seed >= 0):
        raise ValueError(
            "`seed` must be an integer of at least 0, or None. Received: "
            f"seed={seed!r}."
        )
    # Below 2**31: Keras takes seeds modulo about that.
    words = np.random.SeedSequence(seed).generate_state(2) >> 1
    return tuple(int(word) for word in words)


def _refuse_axes(axes):
    raise TypeError(
        "`shared_axes` must be a tuple of integers, since noise may be shared "
        f"along several axes. Received: shared_axes={axes!r}. For one, write "
        "such as `(-1,)`."
    )


def _resolve(axes, output):
    """Axes of the logits as a set, with the members' axis counted."""
    is_members = ensemble_logits.is_members(output)
    rank = len(ensemble_logits.scores(output).shape) - is_members
    for axis in axes:
        if isinstance(axis, bool) or not isinstance(axis, int):
            _refuse_axes(axes)
        if not -rank <= axis < rank:
            raise ValueError(
                "`shared_axes` must name axes of the logits, since noise is "
                f"drawn in their shape. Received: shared_axes={axes!r} for "
                f"{rank} axes, the batch included."
            )
    positive = {axis % rank for axis in axes}
    return {axis + is_members if axis else 0 for axis in positive}
