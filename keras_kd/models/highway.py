"""Thin and deep nets whose gates are shared by all layers (Lu et al., 2017)."""

from collections.abc import Sequence

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_list


def highway(
    input_shape: Sequence[int | None],
    num_classes: int,
    *,
    hidden: int,
    depth: int,
    activation: str = "sigmoid",
    name: str | None = None,
) -> keras.Model:
    """Builds a highway deep neural network with tied gates.

    A thin net of many layers is hard to train. Here each hidden layer from the
    second on passes a part of its input by, and two gates set the share of
    either:

    ```
    h_l = activation(W_l h + b_l) * transform(h) + h * carry(h)
    ```

    where h is the layer before, and both gates are `sigmoid(W h)` without a
    bias. There is one matrix of each gate for the whole net, so they add `2 *
    hidden**2` numbers, however deep it is. Unlike in other highway nets, a gate
    is not one minus the other.

    To adapt a trained net to a new speaker, train its gates alone:

    ```
    for layer in net.layers:
        layer.trainable = layer.name in ("transform", "carry")
    ```

    The layers are, for taps: `"hidden1"`, ..., `"transform"`, `"carry"`, and
    `"highway2"`, ..., which give h_l, and `"logits"`.

    Reference: [Lu, Guo and Renals, 2017](https://arxiv.org/abs/1610.05812),
    section II.

    Args:
        input_shape: Shape of one example, whose last axis has the features:
            `(features,)` for a frame, `(None, features)` for a sequence of
            frames, of which each is classified by itself.
        num_classes: Number of logits at the end.
        hidden: Units of each hidden layer.
        depth: Number of hidden layers. The first has no gates, since its input
            has another size.
        activation: Of the hidden units. Defaults to `"sigmoid"`, as in the
            paper.
        name: Name of the model. Defaults to one that Keras chooses.

    Returns:
        A built Functional `keras.Model` from examples to logits.

    Raises:
        ValueError: If a number is not a positive integer, or the last axis of
            `input_shape` is unknown.

    Example:

    >>> net = keras_kd.models.highway((40,), 10, hidden=32, depth=10)
    >>> net.count_params()  # 41*32 + 9*33*32 + 2*32*32 + 33*10
    13194
    """
    numbers = {"num_classes": num_classes, "hidden": hidden, "depth": depth}
    for argument, number in numbers.items():
        check_count(argument, number, "units or layers")
    lengths = check_list("input_shape", input_shape, "lengths of axes")
    for length in lengths:
        check_count("input_shape", length, "places", is_optional=True)
    input_shape = tuple(lengths)
    if not input_shape or input_shape[-1] is None:
        raise ValueError(
            "`input_shape` must end in the number of features, since the first "
            f"layer has a weight for each. Received: input_shape={input_shape}."
        )
    dense = keras.layers.Dense
    transform, carry = (
        dense(hidden, "sigmoid", use_bias=False, name=gate)
        for gate in ("transform", "carry")
    )
    x = inputs = keras.Input(input_shape)
    x = dense(hidden, activation, name="hidden1")(x)
    for number in range(2, depth + 1):
        new = dense(hidden, activation, name=f"hidden{number}")(x)
        new = keras.layers.multiply([new, transform(x)])
        old = keras.layers.multiply([x, carry(x)])
        x = keras.layers.Add(name=f"highway{number}")([new, old])
    # Logits in half precision would overflow in a softmax.
    logits = dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name=name)
