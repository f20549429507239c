"""Distillation in plain PyTorch, as a loop is written without a library."""

import keras
import numpy as np
import torch
from torch.nn import functional

OPTIMIZERS = {
    "momentum": lambda weights: torch.optim.SGD(weights, 0.001, momentum=0.9),
    "adam": lambda weights: torch.optim.Adam(weights, 0.0001, eps=1e-7),
}


def module(layer):
    """The module of PyTorch with the weights of a layer of Keras."""
    return {
        "BatchNormalization": _normalization,
        "Conv2D": _convolution,
        "Dense": _dense,
        "GlobalAveragePooling2D": lambda layer: torch.nn.Sequential(
            torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
        ),
        "Identity": lambda layer: torch.nn.Identity(),
        "ReLU": lambda layer: torch.nn.ReLU(inplace=True),
    }[type(layer).__name__](layer)


def _dense(layer):
    made = torch.nn.Linear(*layer.kernel.shape)
    _set(made, weight=layer.kernel.value.T, bias=layer.bias.value)
    if layer.activation is keras.activations.linear:
        return made
    return torch.nn.Sequential(made, torch.nn.ReLU(inplace=True))


def _convolution(layer):
    """A convolution with a window of 3 and padding "same"."""
    stride = layer.strides[0]
    inputs, filters = layer.kernel.shape[2:]
    made = torch.nn.Conv2d(inputs, filters, 3, stride, bias=False)
    _set(made, weight=layer.kernel.value.permute(3, 2, 0, 1))
    if stride == 1:
        made.padding = (1, 1)
        return made
    # Keras puts nothing before an even number of pixels.
    return torch.nn.Sequential(torch.nn.ZeroPad2d((0, 1, 0, 1)), made)


def _normalization(layer):
    made = torch.nn.BatchNorm2d(
        layer.gamma.shape[0], eps=layer.epsilon, momentum=1 - layer.momentum
    )
    _set(
        made,
        weight=layer.gamma.value,
        bias=layer.beta.value,
        running_mean=layer.moving_mean.value,
        running_var=layer.moving_variance.value,
    )
    return made


def _set(module, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, name).copy_(value)


def twin(model):
    """A model of Keras, which is a chain of layers, as one of PyTorch."""
    made = torch.nn.Sequential()
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            made.add_module(layer.name, module(layer))
    return made


def run(model, x, feature):
    """The output of a chain, and that of one module in it."""
    found = None
    for name, part in model.named_children():
        x = part(x)
        if name == feature:
            found = x
    return x, found


def make_step(teacher, student, x, y, feature, optimizer, temperature):
    """Returns a function that does one step, and returns its loss.

    Args:
        teacher: Model of Keras; its twin is used.
        student: The same.
        x: Inputs, an array; images are channels last.
        y: Class numbers, an array.
        feature: Name of the layer to compare, or `None`.
        optimizer: Key of `OPTIMIZERS`.
        temperature: Of the soft targets.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    teacher = twin(teacher).to(device).eval()
    student = twin(student).to(device).train()
    update = OPTIMIZERS[optimizer](student.parameters())
    if x.ndim == 4:
        # The order of PyTorch.
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    x, y = (torch.from_numpy(part).to(device) for part in (x, y))

    def step():
        with torch.no_grad():
            taught, guide = run(teacher, x, feature)
        logits, learned = run(student, x, feature)
        soft = functional.kl_div(
            functional.log_softmax(logits / temperature, dim=-1),
            functional.log_softmax(taught / temperature, dim=-1),
            reduction="batchmean",
            log_target=True,
        )
        loss = 0.5 * functional.cross_entropy(logits, y)
        loss = loss + 0.5 * temperature**2 * soft
        if feature:
            width = min(guide.shape[1], learned.shape[1])
            loss = loss + 0.5 * functional.mse_loss(
                learned[:, :width], guide[:, :width]
            )
        update.zero_grad()
        loss.backward()
        update.step()
        return loss.detach()

    return step
