"""Work of `fit` for a batch, on the backend that Keras has."""

import itertools

import keras


class OnTensorFlow:
    """Steps on TensorFlow; see `here`."""

    def training(self, model, *batch):
        import tensorflow as tf

        data = iter(tf.data.Dataset.from_tensors(batch).repeat())
        return lambda: model.train_function(data)

    def inference(self, model, x):
        import tensorflow as tf

        x = tf.constant(x)
        return tf.function(lambda: model(x, training=False))

    def gradient(self, function):
        import tensorflow as tf

        @tf.function
        def run(first, x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(first, x)
            return value, tape.gradient(value, x)

        return run

    def synchronize(self, result):
        import tensorflow as tf

        tf.test.experimental.sync_devices()

    def device(self):
        import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        if not found:
            return "CPU"
        return tf.config.experimental.get_device_details(found[0])[
            "device_name"
        ]


class OnJax:
    """Steps on JAX; see `here`."""

    def training(self, model, *batch):
        import jax

        batches = itertools.repeat(jax.device_put(batch))
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        state = tuple([v.value for v in group] for group in groups)

        def step():
            nonlocal state
            logs, state = model.train_function(state, batches)
            return logs

        return step

    def inference(self, model, x):
        import jax

        variables = [
            [v.value for v in group]
            for group in (
                model.trainable_variables,
                model.non_trainable_variables,
            )
        ]
        x = jax.device_put(x)

        @jax.jit
        def run(trainable, others, x):
            answer, _ = model.stateless_call(
                trainable, others, x, training=False
            )
            return answer

        return lambda: run(*variables, x)

    def gradient(self, function):
        import jax

        return jax.jit(jax.value_and_grad(function, argnums=1))

    def synchronize(self, result):
        import jax

        jax.block_until_ready(result)

    def device(self):
        import jax

        return jax.devices()[0].device_kind


class OnTorch:
    """Steps on PyTorch; see `here`."""

    def training(self, model, *batch):
        batch = keras.tree.map_structure(keras.ops.convert_to_tensor, batch)
        return lambda: model.train_function([batch])

    def inference(self, model, x):
        import torch

        x = keras.ops.convert_to_tensor(x)
        return torch.no_grad()(lambda: model(x, training=False))

    def gradient(self, function):
        import torch

        def run(first, x):
            x = x.detach().requires_grad_()
            value = function(first, x)
            return value, *torch.autograd.grad(value, x)

        return run

    def synchronize(self, result):
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()

    def device(self):
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
        return "CPU"


def here():
    """The steps of the backend that Keras has.

    Returns:
        An object with these methods:

        * `training(model, *batch)`: a function that trains a model, which `fit`
          has trained before, on a batch that is on the device already: inputs,
          and labels if there are any. It calls the same function that `fit`
          calls.
        * `inference(model, x)`: a function that runs a model.
        * `gradient(function)`: of a function of two arguments, one that returns
          its value, a scalar, and the gradient by the second.
        * `synchronize(result)`: waits until the device is done with all that
          led to what such a function returned.
        * `device()`: the name of the device.
    """
    return {"tensorflow": OnTensorFlow, "jax": OnJax, "torch": OnTorch}[
        keras.backend.backend()
    ]()
