"""Values of a function with their gradients, by each backend's own means."""

import keras


def on_tensorflow(function, student, variables):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(student)
        values = function(student)
        total = tf.reduce_sum(values)
    return values, *tape.gradient(total, [student, *variables])


def on_jax(function, student, variables):
    import jax

    def total(student, held):
        pairs = list(zip(variables, held, strict=True))
        with keras.StatelessScope(pairs):
            values = function(student)
        return values.sum(), values

    # Op by op, each is compiled by itself.
    differentiate = jax.jit(
        jax.value_and_grad(total, argnums=(0, 1), has_aux=True)
    )
    (_, values), (by_student, by_variables) = differentiate(
        student, [v.value for v in variables]
    )
    return values, by_student, *by_variables


def on_torch(function, student, variables):
    import torch

    student = student.clone().requires_grad_()
    values = function(student)
    sources = [student, *(v.value for v in variables)]
    return values, *torch.autograd.grad(values.sum(), sources)


def values_and_gradients(function, student, variables):
    """Runs a function and differentiates the sum of its values.

    Args:
        function: Of a tensor.
        student: The tensor.
        variables: What else the values depend on, a list of variables.

    Returns:
        Arrays: the values, their gradient by `student`, and that by each
        variable.
    """
    of_backend = {
        "tensorflow": on_tensorflow,
        "jax": on_jax,
        "torch": on_torch,
    }[keras.backend.backend()]
    found = of_backend(function, student, variables)
    return list(map(keras.ops.convert_to_numpy, found))


def second_on_tensorflow(function, x, way):
    import tensorflow as tf

    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(function(x))
        change = tf.reduce_sum(inner.gradient(total, x) * way)
    return outer.gradient(change, x)


def second_on_jax(function, x, way):
    import jax

    first = jax.grad(lambda x: function(x).sum())
    return jax.grad(lambda x: (first(x) * way).sum())(x)


def second_on_torch(function, x, way):
    import torch

    x = x.clone().requires_grad_()
    total = function(x).sum()
    (first,) = torch.autograd.grad(total, x, create_graph=True)
    return torch.autograd.grad((first * way).sum(), x)[0]


def second_derivative(function, x, way):
    """Derivative of the gradient of a function's sum, in a direction.

    Args:
        function: Of a tensor.
        x: The tensor.
        way: The direction, a tensor of that shape.

    Returns:
        An array of that shape.
    """
    of_backend = {
        "tensorflow": second_on_tensorflow,
        "jax": second_on_jax,
        "torch": second_on_torch,
    }[keras.backend.backend()]
    return keras.ops.convert_to_numpy(of_backend(function, x, way))
