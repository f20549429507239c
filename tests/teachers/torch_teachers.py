"""Teaches with modules of PyTorch, beside Keras models of the same numbers.

A program, for the PyTorch backend: `python -m tests.teachers.torch_teachers
FOLDER` prints what it found by name, as JSON.
"""

import json
import pathlib
import sys
import types

import keras
import numpy as np
import torch

import keras_kd
from keras_kd._core.identity import fingerprint
from tests import support

X, Y = support.data(24)
SEEN = []


class Module(torch.nn.Module):
    """A net with moving statistics, which notes how it is run."""

    def __init__(self, form="tensor"):
        super().__init__()
        self.hidden = torch.nn.Linear(4, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.norm.running_mean += torch.arange(5) / 5
        self.drop = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(5, 3)
        self.form = form

    def forward(self, x):
        if x.device.type != "meta":
            SEEN.append((self.drop.training, self.head.weight.requires_grad))
        hidden = torch.relu(self.norm(self.hidden(x)))
        logits = self.head(self.drop(hidden))
        if self.form == "object":
            return types.SimpleNamespace(logits=logits, hidden_states=None)
        if self.form == "dict":
            return {"features": hidden, "logits": logits}
        return logits


def twin(module):
    """A Keras model of the same numbers."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5),
            keras.layers.BatchNormalization(epsilon=1e-5),
            keras.layers.ReLU(name="features"),
            keras.layers.Dense(3),
        ],
        name="twin",
    )
    norm = module.norm
    tensors = [
        *(module.hidden.weight.T, module.hidden.bias, norm.weight, norm.bias),
        *(norm.running_mean, norm.running_var),
        *(module.head.weight.T, module.head.bias),
    ]
    model.set_weights([tensor.detach().numpy() for tensor in tensors])
    return model


def wrapped(module, inputs=None):
    inputs = keras.Input((4,)) if inputs is None else inputs
    return keras_kd.teachers.TorchTeacher(module, inputs=inputs)


def distiller(teacher, *losses):
    keras.utils.set_random_seed(0)
    made = keras_kd.Distiller(
        teacher=teacher,
        student=support.dense(6, name="student"),
        distillation_losses=list(losses) or keras_kd.losses.SoftTargets(2.0),
    )
    made.compile(keras.optimizers.SGD(0.1), support.cross_entropy())
    return made


def trained(teacher, *losses):
    """Weights and logs after training."""
    made = distiller(teacher, *losses)
    made.fit(X, Y, batch_size=7, epochs=2, shuffle=False, verbose=0)
    return [*made.get_weights(), *made.evaluate(X, Y, verbose=0)]


def difference(module, by_module, by_twin, wrap=wrapped):
    """How far students of a module and of its twin are from each other."""
    pairs = zip(
        trained(wrap(module), *by_module()),
        trained(twin(module), *by_twin()),
        strict=True,
    )
    return float(max(np.max(np.abs(one - other)) for one, other in pairs))


def in_keras(module):
    """A model of Keras that has the module as a layer."""
    layer = keras.layers.TorchModuleWrapper(module)
    return keras.Sequential([keras.Input((4,)), layer], name="in_keras")


def soft(**kwargs):
    return [keras_kd.losses.SoftTargets(2.0, **kwargs)]


def with_gradients():
    return [*soft(), keras_kd.losses.InputGradientTransfer()]


def with_features(**kwargs):
    hint = keras_kd.losses.Hint(teacher_tap="features", student_tap="hidden")
    return [*soft(**kwargs), hint]


def state(module):
    """All that training a student may not change, as text."""
    return str(
        [
            {name: t.tolist() for name, t in module.state_dict().items()},
            [part.training for part in module.modules()],
            [(p.requires_grad, p.grad) for p in module.parameters()],
        ]
    )


def refusal(call):
    try:
        call()
    except (TypeError, ValueError) as error:
        return str(error)
    return "nothing"


def found(folder):
    module = Module()
    # A mode of its own for a part, as of a frozen one.
    module.norm.eval()
    before = state(module)
    yield "tensor", difference(module, soft, soft)
    yield "unchanged", state(module) == before
    yield "modes", sorted(set(SEEN))
    yield "gradients", difference(module, with_gradients, with_gradients)
    yield "object", difference(Module("object"), soft, soft)
    yield (
        "dict",
        difference(
            Module("dict"),
            lambda: with_features(teacher_tap="logits"),
            with_features,
        ),
    )
    yield "in_keras", difference(Module(), soft, soft, in_keras)
    yield from files(folder, module)
    yield from refusals(module)


def files(folder, module):
    teacher, other = wrapped(module), Module()
    made = distiller(teacher)
    path = folder / "distiller.weights.h5"
    made.save_weights(path)
    yield "save", refusal(lambda: made.save(folder / "distiller.keras"))
    yield "load", refusal(lambda: distiller(teacher).load_weights(path))
    data = torch.utils.data.TensorDataset(torch.tensor(X))
    loader = torch.utils.data.DataLoader(data, batch_size=7)
    cached = keras_kd.teachers.cache_teacher(
        teacher, loader, folder / "cache", dtype="float32", verbose=0
    )
    rows = next(iter(cached.attach(loader).batch(len(X))))
    output, _ = cached.read(keras_kd.batch.split(rows)[1]["teacher"])
    logits = twin(module).predict(X, verbose=0)
    yield "cached", float(np.max(np.abs(np.asarray(output) - logits)))
    for name, one, of in (
        ("renewed", teacher, module),
        ("renewed_in_keras", in_keras(other), other),
    ):
        first = fingerprint(one)
        of.norm.running_mean += 1
        yield name, fingerprint(one) != first
    yield "other", refusal(lambda: distiller(teacher).load_weights(path))
    logits = twin(module).predict(X, verbose=0)
    now = teacher.predict(X, verbose=0)
    yield "seen", float(np.max(np.abs(now - logits)))


def refusals(module):
    teacher = wrapped(module)
    ending = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(-1))
    losses = keras_kd.losses
    places = {"teacher_tap": "head", "student_tap": "hidden"}
    uses = {
        "raw": lambda: distiller(module),
        "tap": lambda: distiller(teacher, losses.Hint(**places)),
        "softmax": lambda: distiller(wrapped(ending)),
        "shape": lambda: wrapped(module, keras.Input((5,))),
        "inputs": lambda: wrapped(module, (4,)),
        "keras": lambda: wrapped(twin(module)),
        "none": lambda: wrapped(None),
        "lazy": lambda: wrapped(torch.nn.LazyLinear(3)),
        "elsewhere": lambda: wrapped(Module().to("meta")),
        "text": lambda: wrapped(type("A", (Module,), {"forward": str})()),
    }
    for name, use in uses.items():
        yield f"refused_{name}", refusal(use)


if __name__ == "__main__":
    print(json.dumps(dict(found(pathlib.Path(sys.argv[1])))))
