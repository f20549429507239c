"""Configs of a model made of several."""

import keras


def check_separate(parts):
    """Validates that no two layers to save share weights.

    Args:
        parts: Layers; one may occur several times.
    """
    owners = {}
    for part in parts:
        for variable in part.variables:
            owner = owners.setdefault(id(variable), part)
            if owner is not part:
                raise ValueError(
                    "The members of an ensemble must share no weights to be "
                    "saved, since each is loaded by itself. Received: "
                    f'"{owner.name}" and "{part.name}" with {variable.path}. '
                    "Save the members, and make the ensemble of the loaded "
                    "ones."
                )


# Names count per process, and a layer may be built for another batch.
_INCIDENTAL = (
    "build_config",
    "input_layers",
    "keras_history",
    "name",
    "output_layers",
    "shared_object_id",
)


def describe(layer):
    """Describes a layer without its weights, as a string to compare."""
    return repr(_essential(keras.saving.serialize_keras_object(layer)))


def _essential(config):
    if isinstance(config, dict):
        return {
            key: _essential(config[key])
            for key in sorted(set(config) - set(_INCIDENTAL))
        }
    if isinstance(config, list | tuple):
        return [_essential(value) for value in config]
    return config


def serialize_each_once(layers):
    """Config of a list in which one layer, or None, may stand twice."""
    unique = {id(layer): layer for layer in layers}
    places = list(unique)
    return {
        "layers": [
            keras.saving.serialize_keras_object(layer)
            for layer in unique.values()
        ],
        "places": [places.index(id(layer)) for layer in layers],
    }


def deserialize_each_once(config, custom_objects):
    """Restores the layers from a config of `serialize_each_once`."""
    layers = [
        keras.saving.deserialize_keras_object(
            layer, custom_objects=custom_objects
        )
        for layer in config["layers"]
    ]
    return [layers[place] for place in config["places"]]
