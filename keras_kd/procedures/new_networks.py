"""Networks that a function of the user's builds."""

import keras

from keras_kd._core.predictions import logits_of


def new_networks(build_network, count):
    """Builds networks with a logit for each of the same classes.

    Args:
        build_network: See `defensive_distillation`.
        count: How many to build.

    Returns:
        A list of models.

    Raises:
        TypeError: If it is no function, or returns no `keras.Model`.
        ValueError: If a model is not built or gives probabilities, or two
            share weights.
    """
    if not callable(build_network) or isinstance(build_network, keras.Model):
        raise TypeError(
            "`build_network` must be a function that returns a new network, "
            "since several are trained. Received: build_network="
            f"{build_network!r}. Pass a function that builds it."
        )
    networks, owners = [], {}
    for _ in range(count):
        network = build_network()
        logits_of(network, "build_network()")
        shared = [owners[id(v)] for v in network.weights if id(v) in owners]
        if shared:
            raise ValueError(
                "`build_network` must build a new network each time, since "
                "each begins with fresh weights. Received: "
                f'"{shared[0]}" and "{network.name}", which share weights. '
                "Build all layers inside the function."
            )
        owners |= {id(v): network.name for v in network.weights}
        networks.append(network)
    return networks
