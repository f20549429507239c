"""An optimizer for each peer."""

import keras

from keras_kd import backend

# What `get_config` writes for a learning rate that is a plain function.
_FUNCTIONS = ("__lambda__", "function")


def check_optimizer(optimizer):
    """Validates that an optimizer can train several peers."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(inner, "use_ema", False):
        raise ValueError(
            "`optimizer` must not keep averages of the weights, since Keras "
            "would put them in place for the first peer alone. Received: "
            f"{type(inner).__name__}(use_ema=True). Use `use_ema=False`."
        )


def copy_of(optimizer):
    """Copies an optimizer, for other variables.

    Args:
        optimizer: A Keras optimizer.

    Returns:
        One of the same config, with moments and iterations of its own. A
        learning-rate schedule follows its own iterations; a number is read
        from the first, so that callbacks change the rate of both.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return keras.optimizers.LossScaleOptimizer(
            copy_of(optimizer.inner_optimizer),
            initial_scale=optimizer.initial_scale,
            dynamic_growth_steps=optimizer.dynamic_growth_steps,
        )
    config = optimizer.get_config()
    rate = config["learning_rate"]
    is_schedule = isinstance(rate, dict) and rate["class_name"] not in (
        _FUNCTIONS
    )
    if not is_schedule:
        config["learning_rate"] = lambda: optimizer.learning_rate
    try:
        copy = type(optimizer).from_config(config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`optimizer` must be what its config says, since each peer gets a "
            f"copy. Received: {type(optimizer).__name__} with {config}. "
            "Register a schedule of your own with "
            "`keras.saving.register_keras_serializable`."
        ) from error
    backend.copy_weight_decay_exclusions(optimizer, copy)
    return copy
