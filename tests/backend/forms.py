"""Trains on data of every form, in a process that has no TensorFlow.

A program: `python -m tests.backend.forms FILE` writes an npz with the weights,
logs and predictions of each under `labels/form/number`.
"""

import sys

# So Python takes it for missing.
sys.modules["tensorflow"] = None

# ruff: noqa: E402
import keras
import numpy as np

import keras_kd

ROWS, BATCH = 11, 4
STARTS = range(0, ROWS, BATCH)
EPOCHS = 2


def data():
    """`x`, labels and sample weights."""
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, 4)).astype("float32")
    return x, np.arange(ROWS) % 3, random.random(ROWS).astype("float32")


X, Y, WEIGHTS = data()
# Elements of the data, by what they have.
LABELS = {
    "labelled": (X, Y),
    "unlabelled": (X,),
    "weighted": (X, Y, WEIGHTS),
    "weights_alone": (X, None, WEIGHTS),
}


class Batches(keras.utils.PyDataset):
    """The last batch has three rows, the others four."""

    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return len(STARTS)

    def __getitem__(self, index):
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return tuple(p if p is None else p[rows] for p in self.parts)


def generator(parts):
    """Batches without end."""
    batches = Batches(parts)
    while True:
        for index in range(len(batches)):
            yield batches[index]


def loader(parts):
    """A `DataLoader` of PyTorch."""
    import torch

    tensors = map(torch.as_tensor, parts)
    dataset = torch.utils.data.TensorDataset(*tensors)
    return torch.utils.data.DataLoader(dataset, batch_size=BATCH)


def net(width, name, seed):
    """A net with weights that depend on nothing but the seed."""
    layers = [
        keras.layers.Dense(width, activation="relu", name="hidden"),
        keras.layers.Dense(3, name="head"),
    ]
    model = keras.Sequential([keras.Input((4,)), *layers], name=name)
    random = np.random.default_rng(seed)
    shapes = [weight.shape for weight in model.get_weights()]
    model.set_weights([0.5 * random.normal(size=shape) for shape in shapes])
    return model


def distiller(has_labels):
    made = keras_kd.Distiller(
        teacher=net(6, "teacher", 1),
        student=net(5, "student", 2),
        distillation_losses=keras_kd.losses.SoftTargets(2.0),
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(
        keras.optimizers.Adam(0.05),
        loss if has_labels else None,
        weighted_metrics=[keras_kd.metrics.TeacherAgreement()],
    )
    return made


def train(parts, give, steps=None, **arrays):
    """Weights, logs and predictions, an iterator of arrays."""
    made = distiller(len(parts) > 1 and parts[1] is not None)
    history = made.fit(
        give(parts),
        **arrays,
        epochs=EPOCHS,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
    ).history
    logs = made.evaluate(
        give(parts), **arrays, steps=steps, verbose=0, return_dict=True
    )
    yield from made.get_weights()
    yield from (history[key] for key in sorted(history))
    yield from (logs[key] for key in sorted(logs))
    yield made.predict(give((X,)), steps=steps, verbose=0)


def found():
    for labels, parts in LABELS.items():
        y, weights = (*parts[1:], None, None)[:2]
        arrays = {"y": y, "sample_weight": weights, "batch_size": BATCH}
        forms = {
            "arrays": train(parts, lambda parts: parts[0], **arrays),
            "batches": train(parts, Batches),
            "generator": train(parts, generator, steps=len(STARTS)),
        }
        if keras.backend.backend() == "torch" and labels != "weights_alone":
            forms["loader"] = train(parts, loader)
        for form, results in forms.items():
            for number, array in enumerate(results):
                yield f"{labels}/{form}/{number}", np.asarray(array)


if __name__ == "__main__":
    np.savez(sys.argv[1], **dict(found()))
