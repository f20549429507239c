"""Wrong uses of losses that compare features, or examples."""

import math

from keras_kd import losses
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_losses import compared


def weights(name):
    """Rows of the weight of a loss."""
    make = getattr(losses, name)
    values = (-1, "1", None)
    return wrong(f"losses.{name}", make, "loss_weight", *values, remedy=1.0)


def without_positions(make):
    """A row of features that are single vectors."""
    return Row(
        f"losses.{make.__name__}",
        "no positions",
        compared((2, 3), (2, 3), make),
        make.__name__,
        "(2, 3)",
        compared((2, 4, 3), (2, 4, 3), make),
    )


def rows():
    """All of them."""
    rows = []
    for name in ("RelationalDistance", "RelationalAngle"):
        rows += weights(name)
    rows += weights("PairwiseSimilarity")
    rows += weights("ProbabilisticKnowledgeTransfer")
    selectivity = losses.NeuronSelectivityTransfer
    rows.append(without_positions(selectivity))
    rows.append(
        Row(
            "losses.NeuronSelectivityTransfer",
            "sizes that pooling does not meet",
            compared((2, 6, 3), (2, 4, 3), selectivity),
            "NeuronSelectivityTransfer",
            "(2, 4, 3)",
            compared((2, 6, 3), (2, 3, 3), selectivity),
        )
    )
    of, make = "losses.VariationalInformation", losses.VariationalInformation
    values = (0, -1.0, "5", None, math.nan, math.inf, True)
    rows += wrong(of, make, "initial_variance", *values, remedy=5.0)
    rows += wrong(of, make, "projector", "dense", 3)
    of, make = "losses.ChannelDistributions", losses.ChannelDistributions
    values = ("2", None, 0, -1.0, math.nan, math.inf, True)
    rows += wrong(of, make, "temperature", *values, remedy=2.0)
    rows += wrong(of, make, "projector", "dense", 3)
    rows.append(without_positions(make))
    make = losses.FeatureCorrelation
    rows += wrong("losses.FeatureCorrelation", make, "projector", "dense", 3)
    projection = losses.OrthogonalProjection
    rows.append(
        Row(
            "losses.OrthogonalProjection",
            "no axis of channels",
            compared((3,), (3,), projection),
            "OrthogonalProjection",
            "(3,)",
            compared((1, 3), (1, 3), projection),
        )
    )
    of, make = "losses.GaussianWasserstein", losses.GaussianWasserstein
    values = (-1, "1", None, math.nan, True)
    rows += wrong(of, make, "mean_weight", *values, remedy=0.0)
    rows += wrong(of, make, "grid", 0, "2", 1.5, None, True, remedy=2)
    rows += wrong(of, make, "projector", "dense", 3)
    rows.append(without_positions(make))
    rows.append(
        Row(
            of,
            "a grid that does not divide",
            compared((2, 4, 4, 3), (2, 6, 6, 3), make, grid=3),
            "grid",
            "grid=3",
            compared((2, 4, 4, 3), (2, 6, 6, 3), make, grid=1),
        )
    )
    of, make = "losses.MaskedGeneration", losses.MaskedGeneration
    rows += parts(of, make, "masked_part", 1.0)
    rows += flags(of, make, "mask_channels")
    rows += wrong(of, make, "seed", -1, 1.5, "0", True, remedy=0)
    rows += wrong(of, make, "projector", "dense", 3)
    rows.append(without_positions(make))
    return rows
