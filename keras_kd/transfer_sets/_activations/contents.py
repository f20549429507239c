"""Contents of activation records."""

import dataclasses

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_temperature
from keras_kd._core.kinds import check_paths


@dataclasses.dataclass(frozen=True)
class TopLayer:
    """Mean and covariance of the logits, for each class.

    The smallest record: with 10 classes, 1,100 numbers at most. Many inputs
    lead to the same logits, so it shows little of the input.

    Attributes:
        temperature: Float > 0 that divides the logits. Defaults to `8.0`, the
            paper's.
    """

    temperature: float = 8.0

    def __post_init__(self) -> None:
        check_temperature(self.temperature)


@dataclasses.dataclass(frozen=True)
class AllLayers:
    """Mean and covariance of each layer's units, for each class.

    Each layer is recorded by itself: relations between units of different
    layers are not in it. The square of a layer's units is stored for each
    class, which is why large layers have standard deviations alone.

    Attributes:
        temperature: As in `TopLayer`.
        layers: Paths of the hidden layers, see `taps`. `None`, the default,
            is all that have a kernel. The logits always belong to it.
        max_covariance_units: Layers with more units have a standard deviation
            for each unit in place of the covariance. Defaults to `1200`.
    """

    temperature: float = 8.0
    layers: tuple[str, ...] | None = None
    max_covariance_units: int = 1200

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        if self.layers is not None:
            # Tuples, which JSON does not know.
            layers = check_paths("layers", self.layers)
            object.__setattr__(self, "layers", tuple(layers))
        check_count(
            "max_covariance_units", self.max_covariance_units, "units", 0
        )


@dataclasses.dataclass(frozen=True)
class SpectralAllLayers:
    """Some examples' activations, compressed over the whole network's graph.

    The units of all layers are the nodes of a graph, the weights between them
    its edges. The eigenvectors of that graph are its frequencies; of each
    example, only the largest coefficients are kept.

    Attributes:
        kept: Float in (0, 1], which part of the coefficients is kept. Defaults
            to `0.1`, the paper's.
        examples_per_class: Number of examples of each class, the first that
            come, or all if there are fewer. Defaults to `64`.
    """

    kept: float = 0.1
    examples_per_class: int = 64

    def __post_init__(self) -> None:
        check_part("kept", self.kept, "a part of the coefficients", one=True)
        check_count("examples_per_class", self.examples_per_class, "examples")


@dataclasses.dataclass(frozen=True)
class SpectralLayerPairs(SpectralAllLayers):
    """Some examples' activations, compressed over each pair of layers.

    As `SpectralAllLayers`, with a graph for any two layers that follow one
    another in place of one for all. The graphs are smaller, so their
    eigenvectors are found sooner; a layer between two others is in two.
    """


ALL = (TopLayer, AllLayers, SpectralAllLayers, SpectralLayerPairs)


def to_json(content):
    """Describes a content for JSON, with the name of its class."""
    return {"name": type(content).__name__} | dataclasses.asdict(content)


def from_json(described):
    """Restores a content from the description of `to_json`."""
    classes = {one.__name__: one for one in ALL}
    arguments = {k: v for k, v in described.items() if k != "name"}
    return classes[described["name"]](**arguments)
