"""Wrong uses of losses on outputs that are known by acronyms."""

from keras_kd import losses
from tests.conformance.misuse_rows import flags


def rows():
    """All of them."""
    return flags("losses.SoftTargets", losses.SoftTargets, "standardize_logits")
