"""Wrong uses of losses that compare features, or examples."""

import math

from keras_kd import losses
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_losses import compared


def _of_arguments():
    rows = []
    for name in (
        "PairwiseSimilarity",
        "ProbabilisticKnowledgeTransfer",
        "RelationalAngle",
        "RelationalDistance",
    ):
        of, make = f"losses.{name}", getattr(losses, name)
        rows += wrong(of, make, "loss_weight", -1, "1", None, remedy=1.0)
    for name, argument, remedy in (
        ("ChannelDistributions", "temperature", 2.0),
        ("ContrastiveQueue", "student_temperature", 0.1),
        ("ContrastiveQueue", "teacher_temperature", 0.02),
        ("VariationalInformation", "initial_variance", 5.0),
    ):
        of, make = f"losses.{name}", getattr(losses, name)
        values = (0, -1.0, "5", None, math.nan, math.inf, True)
        rows += wrong(of, make, argument, *values, remedy=remedy)
    of = "losses.ContrastiveRepresentation"
    make = losses.ContrastiveRepresentation
    rows += wrong(of, make, "consistency", -1, "1", None, True, remedy=0.0)
    rows += wrong(of, make, "width", 0, "2", 1.5, None, True, remedy=2)
    of, make = "losses.ContrastiveQueue", losses.ContrastiveQueue
    for argument in ("queue_size", "width"):
        rows += wrong(of, make, argument, 0, "2", 1.5, None, True, remedy=2)
    of, make = "losses.KnowledgeReview", losses.KnowledgeReview
    rows += wrong(of, make, "width", 0, "2", 1.5, True, remedy=2)
    of, make = "losses.SelfAttentionRelations", losses.SelfAttentionRelations
    values = (0, "2", 1.5, None, True)
    rows += wrong(of, make, "relation_heads", *values, remedy=2)
    of, make = "losses.GaussianWasserstein", losses.GaussianWasserstein
    values = (-1, "1", None, math.nan, True)
    rows += wrong(of, make, "mean_weight", *values, remedy=0.0)
    rows += wrong(of, make, "grid", 0, "2", 1.5, None, True, remedy=2)
    of, make = "losses.MaskedGeneration", losses.MaskedGeneration
    rows += parts(of, make, "masked_part", 1.0)
    rows += flags(of, make, "mask_channels")
    rows += wrong(of, make, "seed", -1, 1.5, "0", True, remedy=0)
    for name in (
        "ChannelDistributions",
        "FeatureCorrelation",
        "GaussianWasserstein",
        "MaskedGeneration",
        "VariationalInformation",
    ):
        of, make = f"losses.{name}", getattr(losses, name)
        rows += wrong(of, make, "projector", "dense", 3)
    return rows


def _of_shapes():
    rows = []
    for name in (
        "ChannelDistributions",
        "GaussianWasserstein",
        "MaskedGeneration",
        "NeuronSelectivityTransfer",
    ):
        make = getattr(losses, name)
        rows.append(
            Row(
                f"losses.{name}",
                "no positions",
                compared((2, 3), (2, 3), make),
                name,
                "(2, 3)",
                compared((2, 4, 3), (2, 4, 3), make),
            )
        )
    selectivity = losses.NeuronSelectivityTransfer
    grid = losses.GaussianWasserstein
    projection = losses.OrthogonalProjection
    return [
        *rows,
        Row(
            "losses.NeuronSelectivityTransfer",
            "sizes that pooling does not meet",
            compared((2, 6, 3), (2, 4, 3), selectivity),
            "NeuronSelectivityTransfer",
            "(2, 4, 3)",
            compared((2, 6, 3), (2, 3, 3), selectivity),
        ),
        Row(
            "losses.GaussianWasserstein",
            "a grid that does not divide",
            compared((2, 4, 4, 3), (2, 6, 6, 3), grid, grid=3),
            "grid",
            "grid=3",
            compared((2, 4, 4, 3), (2, 6, 6, 3), grid, grid=1),
        ),
        Row(
            "losses.OrthogonalProjection",
            "no axis of channels",
            compared((3,), (3,), projection),
            "OrthogonalProjection",
            "(3,)",
            compared((1, 3), (1, 3), projection),
        ),
    ]


def _reviewed(teacher_shapes, student_shapes):
    """Builds a review of features of these shapes."""
    return lambda: losses.KnowledgeReview().build(
        teacher_shapes, student_shapes
    )


def _of_stages():
    maps, vector = (None, 4, 4, 3), (None, 3)
    right = _reviewed([maps, vector], [maps, vector])
    return [
        Row(
            "losses.KnowledgeReview",
            title,
            _reviewed(teacher_shapes, student_shapes),
            "KnowledgeReview",
            shown,
            right,
        )
        for title, teacher_shapes, student_shapes, shown in (
            ("one tap", maps, maps, str(maps)),
            ("not as many taps", [maps, vector], [maps], f"({maps},)"),
            ("a map and a vector", [maps], [vector], f"({vector},)"),
            ("sequences", [(None, 4, 3)], [(None, 4, 3)], "(None, 4, 3)"),
            ("unknown sizes", [(None, None, 4, 3)], [maps], "None, None"),
        )
    ]


def _related(teacher_shapes, student_shapes):
    """Builds relations of two heads of features of these shapes."""
    return lambda: losses.SelfAttentionRelations(2).build(
        teacher_shapes, student_shapes
    )


def _of_relations():
    words, wide = (None, 5, 4), (None, 5, 3, 4)
    of = "losses.SelfAttentionRelations"
    right = _related([words], [wide])
    return [
        Row(of, title, _related(theirs, ours), named, shown, right)
        for title, theirs, ours, named, shown in (
            ("one tap", words, words, of[7:], str(words)),
            ("not as many taps", [words, words], [wide], of[7:], f"({wide},)"),
            ("vectors", [(None, 4)], [(None, 4)], of[7:], "(None, 4)"),
            ("other steps", [words], [(None, 6, 4)], of[7:], "(None, 6, 4)"),
            ("no width", [words], [(None, 5, None)], of[7:], "5, None"),
            (
                "a width that is odd",
                [words],
                [(None, 5, 3)],
                "relation_heads",
                "relation_heads=2",
            ),
        )
    ]


def rows():
    """All of them."""
    return _of_arguments() + _of_shapes() + _of_stages() + _of_relations()
