"""Teachers that are modules of PyTorch."""

from typing import Any

import keras

from keras_kd import batch
from keras_kd._core import model_specs
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._types import Tensor


class TorchTeacher(TeacherProtocol, keras.Model):
    """A `torch.nn.Module` as a teacher, on the PyTorch backend.

    It runs in inference mode and is never changed: neither weights and moving
    statistics nor the mode that it is in. Its parameters and buffers are the
    `weights` of the teacher, in the same memory: what `module.load_state_dict`
    gives it, the next batch sees.

    The module gets `x` as it is, images with the axes that it wants; floats are
    converted to the type of its weights. Of an object with `logits`, as models
    of Hugging Face return it, those are the output. What it returns as a dict
    of tensors are several outputs, each a tap by its name; nothing else inside
    of it can be tapped.

    No `.keras` file can hold a module: weights files and checkpoints of a
    `Distiller` work as with any teacher, and of all that it has, only the
    student can be saved whole.

    Args:
        module: A `torch.nn.Module` that gives logits, on Keras's device.
        inputs: What it takes, as `keras.Input` makes it: one, a list of them
            for the arguments of its `forward`, or a dict of them by the names
            of these.
        name: Name of the model. Defaults to `"torch_teacher"`.

    Raises:
        RuntimeError: If Keras runs on another backend.
        TypeError: If `module` or `inputs` is not of the type above.
        ValueError: If the module is on another device, has no weights yet, or
            does not take `inputs`.

    Example (on PyTorch):

    ```
    teacher = keras_kd.teachers.TorchTeacher(
        timm.create_model("resnet18", pretrained=True),
        inputs=keras.Input((3, 224, 224)),
    )
    inputs = keras.Input((224, 224, 3))  # What the student sees.
    last = keras.layers.Permute((3, 1, 2))(inputs)
    teacher = keras.Model(inputs, teacher(last))
    ```
    """

    def __init__(
        self, module: Any, *, inputs: Any, name: str = "torch_teacher"
    ):
        for one in keras.tree.flatten(inputs) or [inputs]:
            if not keras.backend.is_keras_tensor(one):
                raise TypeError(
                    "`inputs` must be made by `keras.Input`: one, a list or a "
                    f"dict of them. Received: inputs={inputs!r}. Write such as "
                    "`keras.Input((3, 224, 224))`."
                )
        modules = _modules()
        modules.check(module)
        super().__init__(name=name, dtype="float32", autocast=False)
        # In a tuple, in which neither Keras nor PyTorch looks for parts.
        self._held = (module, inputs)
        self._module_state = modules.variables(module)
        self.built = True
        try:
            model_specs.symbolic(self.call, model_specs.input_spec(self))
        except (RuntimeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                "`inputs` must be what the module takes. Received: inputs="
                f"{batch.described(inputs)}, on which it fails: {error}"
            ) from error

    @property
    def module(self) -> Any:
        """The module, as it was given."""
        return self._held[0]

    @property
    def input_like(self) -> keras.Model:
        """A model whose input this one takes."""
        inputs = self._held[1]
        return keras.Model(inputs, inputs)

    def call(self, x: Tensor) -> Tensor:
        return _modules().run(self.module, x)

    def get_config(self) -> dict[str, Any]:
        """Raises an error: a module is code, which no file of Keras holds."""
        raise ValueError(
            "The teacher must be a Keras model to be saved, since a "
            "`torch.nn.Module` is code that no `.keras` file holds. Received: "
            f'teacher="{self.name}" with a {type(self.module).__name__}. Save '
            "the student, `distiller.student.save(...)`; to go on later, "
            "`distiller.save_weights(...)`, and load those into a Distiller of "
            "the same teacher."
        )


def _modules():
    used = keras.backend.backend()
    if used != "torch":
        raise RuntimeError(
            "The Keras backend must be torch for a `TorchTeacher`, since the "
            f"module runs on PyTorch. Received: backend={used}. Keep what it "
            "says by `keras_kd.teachers.cache_teacher`, of "
            "`keras_kd.teachers.FunctionTeacher(lambda x: module("
            "torch.from_numpy(x)).detach().numpy(), num_classes=..., "
            "from_logits=True, identity=...)`."
        )
    from keras_kd.backend import torch_modules

    return torch_modules
