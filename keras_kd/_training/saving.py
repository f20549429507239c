"""Saves and loads a Distiller."""

import functools
import os
from collections.abc import Mapping
from typing import Any
from typing import Self

import keras
import numpy as np

from keras_kd import teachers
from keras_kd._core import files
from keras_kd._core import teacher_protocol
from keras_kd._core.identity import fingerprint

_FINGERPRINT = "teacher_fingerprint"
_STATE = "state_"
_SEAL = "seal"


class Stateful:
    """Saves what Keras writes into no file: states of seeds, and a seal.

    HDF5 has no checksums: `load_weights` compares what it has read with digests
    in the file. In a `.keras` file, the CRC of the zip shows every change.
    """

    _seal = ()

    @functools.wraps(keras.Model.save)
    def save(self, filepath, *args, **kwargs):
        if str(filepath).lower().endswith((".h5", ".hdf5")):
            raise ValueError(
                "`filepath` must end in .keras, since the HDF5 format of whole "
                "models leaves out the teacher, the optimizers of peers and "
                f"the states of seeds. Received: filepath={str(filepath)!r}. "
                "Save as .keras; for weights alone, `save_weights` takes "
                ".weights.h5."
            )
        return super().save(filepath, *args, **kwargs)

    @functools.wraps(keras.Model.export)
    def export(self, filepath, *args, **kwargs):
        # Keras exports a model that was called, and no step calls this one.
        self(self._parts.student.input_entries())
        return super().export(filepath, *args, **kwargs)

    def get_build_config(self) -> None:
        """Returns None: the constructor builds everything."""
        return None

    def save_own_variables(self, store: Any) -> None:
        """Writes variables outside the layers of this model."""
        super().save_own_variables(store)
        for index, variable in enumerate(self._state()):
            store[f"{_STATE}{index}"] = keras.ops.convert_to_numpy(variable)
        store[_SEAL] = self._digests()

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        own = [key for key in store.keys() if key.isdigit()]
        super().load_own_variables({key: store[key] for key in own})
        for index, variable in enumerate(self._state()):
            variable.assign(store[f"{_STATE}{index}"])
        # Older versions wrote none.
        is_sealed = _SEAL in store.keys()
        self._seal = np.asarray(store[_SEAL]) if is_sealed else ()

    @functools.wraps(keras.Model.load_weights)
    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        super().load_weights(filepath, skip_mismatch=skip_mismatch, **kwargs)
        for written, read in zip(self._seal, self._digests(), strict=False):
            same_form, same_values = np.all(written == read, axis=-1)
            # Of another form is an optimizer that is not built.
            if same_form and not same_values and not skip_mismatch:
                raise files.damaged(filepath)

    def _digests(self):
        """Digests of the model's variables, and of each optimizer's.

        Returns:
            Bytes, uint8 `(parts, 2, 16)`: of the forms and of the values.
        """
        optimizers = [
            getattr(self, "optimizer", None),
            *getattr(self, "_other_optimizers", ()),
        ]
        parts = [[*self.weights, *self._state()]]
        parts += [one.variables for one in optimizers if one is not None]
        found = b""
        for part in parts:
            form = files.digest_of([(tuple(v.shape), v.dtype) for v in part])
            found += bytes.fromhex(form)[:16]
            found += teacher_protocol.of_variables(part)
        return np.frombuffer(found, "uint8").reshape(-1, 2, 16)

    def _state(self):
        """Variables outside of all layers."""
        written = {id(variable) for variable in self.weights}
        return [v for v in self.variables if id(v) not in written]


class Persistence(Stateful):
    """Saves and restores a Distiller.

    Weights files (`save_weights`, `BackupAndRestore`, a `ModelCheckpoint` with
    `save_weights_only=True`) hold the student, the losses and the optimizer;
    of the teacher they hold a fingerprint, so that no run is resumed with
    another. A full `save` holds the teacher too; of a cache, its folder. A
    teacher that training updates is in all of them.
    """

    # Fingerprint of the teacher that loaded weights were trained with.
    _expected_teacher = None

    def __dir__(self):
        # Keras saves what `dir` lists, and weights files hold no teacher.
        return [name for name in super().__dir__() if name != "teacher"]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; current values are weights."""
        return {
            "teacher": serialize(self.teacher),
            "student": serialize(self.student),
            "distillation_losses": [
                serialize(loss) for loss in self.distillation_losses
            ],
            "student_loss_weight": self._initial_student_loss_weight,
            "teacher_inputs": self.teacher_inputs,
            "student_inputs": self.student_inputs,
            "mask_input": self.mask_input,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Makes a Distiller from its config, without the weights."""
        config = dict(config)
        if config["teacher"]["class_name"] == "CachedTeacher":
            # Few need the class, and it is registered when it is asked for.
            teachers.__getattr__("CachedTeacher")
        for argument in ("teacher", "student", "distillation_losses"):
            config[argument] = keras.saving.deserialize_keras_object(
                config[argument], custom_objects=custom_objects
            )
        distiller = cls(**config)
        # A cache is there at once: it has no weights.
        is_model = isinstance(distiller.teacher, keras.Model)
        distiller._parts.awaits_teacher = is_model
        return distiller

    def save_own_variables(self, store: Any) -> None:
        """Writes variables outside the layers of the Distiller."""
        self._check_restored()
        super().save_own_variables(store)
        store[_FINGERPRINT] = np.frombuffer(self._fingerprint(), "uint8")

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        self._expected_teacher = np.asarray(store[_FINGERPRINT]).tobytes()
        if not self._parts.awaits_teacher:
            self._check_teacher()
        super().load_own_variables(store)

    def _state(self):
        """States of seed generators, and what a step changes of a teacher."""
        return [
            *super()._state(),
            *teacher_protocol.of(self.teacher).changing(),
        ]

    def _look_for_teacher(self):
        """Marks the teacher as restored if its weights match the file.

        Raises:
            ValueError: If they do not, or there was no file.
        """
        if self._expected_teacher is not None:
            self._check_teacher()
            self._parts.awaits_teacher = False
        self._check_restored()

    def _check_restored(self):
        """Validates that the weights of the teacher are restored."""
        if self._parts.awaits_teacher:
            refuse_copied_teacher(self)

    def _fingerprint(self):
        """Digest of a teacher that stays as it is; zeros for another."""
        is_updated = teacher_protocol.of(self.teacher).is_updated
        return bytes(16) if is_updated else fingerprint(self.teacher)

    def _check_teacher(self):
        if self._fingerprint() != self._expected_teacher:
            raise ValueError(
                "The file must come from training with this teacher, since a "
                "run goes on with what it began with. Received: "
                f'teacher="{self.teacher.name}", whose weights or arguments '
                "differ. Load the old teacher's weights first; to go on with "
                "a new teacher, load the student alone: "
                "`distiller.student.load_weights`."
            )

    def save_assets(self, dir_path: str) -> None:
        """Writes the teacher's weights: only a full `save` calls this."""
        if isinstance(self.teacher, keras.Model):
            self.teacher.save_weights(_teacher_file(dir_path))

    def load_assets(self, dir_path: str) -> None:
        """Reads the teacher's weights."""
        if isinstance(self.teacher, keras.Model):
            self.teacher.load_weights(_teacher_file(dir_path))
        self._parts.awaits_teacher = False
        self._check_teacher()


def refuse_copied_teacher(distiller):
    """Raises an error for a teacher whose weights are not restored."""
    raise ValueError(
        "The teacher must be restored before it teaches, since "
        "`clone_model`, `from_config` and `model_from_json` make one with "
        f'random weights. Received: teacher="{distiller.teacher.name}" of a '
        "copy. Make a new Distiller of the original teacher and this student: "
        f"`{type(distiller).__name__}(teacher=teacher, student=copy.student, "
        "distillation_losses=[...])`, or load a whole one with "
        "`keras.saving.load_model`."
    )


def serialize(layer):
    """Config of a model or a loss, as part of one that trains it."""
    config = keras.saving.serialize_keras_object(layer)
    # How a model was trained by itself is not how the Distiller trains.
    config.pop("compile_config", None)
    return config


def _teacher_file(dir_path):
    return os.path.join(dir_path, "teacher.weights.h5")
