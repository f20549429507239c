"""Wrong uses of losses that compare features, or examples."""

from keras_kd import losses
from tests.conformance.misuse_rows import wrong


def weights(name):
    """Rows of the weight of a loss."""
    make = getattr(losses, name)
    values = (-1, "1", None)
    return wrong(f"losses.{name}", make, "loss_weight", *values, remedy=1.0)


def rows():
    """All of them."""
    rows = []
    for name in ("RelationalDistance", "RelationalAngle"):
        rows += weights(name)
    rows += weights("PairwiseSimilarity")
    rows += weights("ProbabilisticKnowledgeTransfer")
    return rows
