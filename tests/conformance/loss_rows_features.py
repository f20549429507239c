"""Rows of the losses that compare features, or examples with each other."""

import keras

from tests.conformance.loss_row import Row
from tests.conformance.loss_row import of_stages

# Of a teacher and a student: two maps.
STAGES = ((6, 6, 2), (3, 3, 3)), ((3, 3, 2), (3, 3, 4))
# Of a detector: scores of 3 classes and boxes; and features with scores.
DETECTED = ((6, 3), (6, 4))
SCORED = ((6, 5), (6, 3))

# Keys and values: of a width of 8 at 6 steps, in two heads and in none.
VECTORS = ((6, 2, 4), (6, 8))


def without_bias():
    """A projector for losses to which the offset of a channel is nothing."""
    layer = keras.layers.Dense(5, use_bias=False, dtype="float32")
    return {"projector": layer}


def by_published_weight(loss, teacher, student):
    """A sum over a map, whose gradient alone may be more than float16 holds."""
    return 2e-5 * loss(teacher, student)


def by_a_small_weight(loss, teacher, student):
    """Products of vectors, whose gradient may be more than float16 holds."""
    return 0.1 * of_stages(VECTORS, VECTORS)(loss, teacher, student)


FEATURE_ROWS = (
    # Numbers at random are reversed boxes too, which are never right.
    Row(
        "box_soft_targets",
        "BoxSoftTargets",
        (6 * 3 + 6 * 4,),
        (6 * 3 + 6 * 4,),
        arguments=lambda: {"temperature": 2.0, "box_weight": 0.5},
        is_divergence=False,
        call=of_stages(DETECTED, DETECTED),
        teacher_stages=DETECTED,
        student_stages=DETECTED,
    ),
    Row(
        "channel_distributions",
        "ChannelDistributions",
        (4, 4, 3),
        (4, 4, 3),
        arguments=lambda: {"temperature": 2.0},
    ),
    Row(
        "channel_distributions_projected",
        "ChannelDistributions",
        (6, 5),
        (6, 3),
        arguments=without_bias,
        is_divergence=False,
    ),
    Row(
        "contrastive_representation",
        "ContrastiveRepresentation",
        (5,),
        (3,),
        arguments=lambda: {"width": 4},
        is_divergence=False,
        compares_examples=True,
    ),
    Row(
        "contrastive_queue",
        "ContrastiveQueue",
        (5,),
        (3,),
        arguments=lambda: {"width": 4, "queue_size": 6},
        is_divergence=False,
        compares_examples=True,
    ),
    Row(
        "feature_correlation",
        "FeatureCorrelation",
        (4, 4, 3),
        (4, 4, 3),
        compares_examples=True,
    ),
    Row(
        "feature_correlation_vector",
        "FeatureCorrelation",
        (5,),
        (3,),
        arguments=without_bias,
        is_divergence=False,
        compares_examples=True,
    ),
    Row("gaussian_wasserstein", "GaussianWasserstein", (4, 4, 3), (4, 4, 3)),
    Row(
        "gaussian_wasserstein_grid",
        "GaussianWasserstein",
        (4, 4, 3),
        (8, 2, 2),
        arguments=lambda: {"mean_weight": 2.0, "grid": 2},
        is_divergence=False,
    ),
    Row(
        "knowledge_review",
        "KnowledgeReview",
        (6 * 6 * 2 + 3 * 3 * 3,),
        (3 * 3 * 2 + 3 * 3 * 4,),
        is_divergence=False,
        call=of_stages(*STAGES),
        compares_examples=True,
        teacher_stages=STAGES[0],
        student_stages=STAGES[1],
    ),
    # Replicas would draw masks of their own.
    Row(
        "masked_generation",
        "MaskedGeneration",
        (4, 4, 3),
        (4, 4, 2),
        arguments=lambda: {"masked_part": 0.0},
        is_divergence=False,
        call=by_published_weight,
    ),
    Row(
        "masked_generation_sequence",
        "MaskedGeneration",
        (6, 5),
        (6, 5),
        arguments=lambda: {"masked_part": 0.0, "mask_channels": True},
        is_divergence=False,
        call=by_published_weight,
    ),
    Row(
        "neuron_selectivity_transfer",
        "NeuronSelectivityTransfer",
        (4, 4, 3),
        (4, 4, 2),
    ),
    Row(
        "neuron_selectivity_transfer_wide",
        "NeuronSelectivityTransfer",
        (4, 4, 6),
        (2, 2, 5),
    ),
    Row(
        "orthogonal_projection",
        "OrthogonalProjection",
        (5,),
        (3,),
        is_divergence=False,
    ),
    Row(
        "orthogonal_projection_narrow",
        "OrthogonalProjection",
        (2, 2, 3),
        (4, 4, 5),
        is_divergence=False,
    ),
    Row(
        "pairwise_similarity",
        "PairwiseSimilarity",
        (4, 4, 3),
        (4, 4, 3),
        compares_examples=True,
    ),
    Row(
        "probabilistic_knowledge_transfer",
        "ProbabilisticKnowledgeTransfer",
        (5,),
        (5,),
        compares_examples=True,
    ),
    Row(
        "relational_angle",
        "RelationalAngle",
        (5,),
        (5,),
        compares_examples=True,
    ),
    Row(
        "relational_distance",
        "RelationalDistance",
        (5,),
        (5,),
        compares_examples=True,
    ),
    Row(
        "score_weighted_hint",
        "ScoreWeightedHint",
        (6 * 5 + 6 * 3,),
        (6, 4),
        is_divergence=False,
        call=of_stages(SCORED),
        teacher_stages=SCORED,
    ),
    Row(
        "self_attention_relations",
        "SelfAttentionRelations",
        (2 * 6 * 8,),
        (2 * 6 * 8,),
        (6,),
        arguments=lambda: {"relation_heads": 4},
        call=by_a_small_weight,
        # Vectors of a fresh model are short, and related to all alike.
        weight=1000.0,
        teacher_stages=VECTORS,
        student_stages=VECTORS,
    ),
    Row(
        "variational_information",
        "VariationalInformation",
        (4, 4, 3),
        (4, 4, 2),
        is_divergence=False,
    ),
    Row(
        "variational_information_sequence",
        "VariationalInformation",
        (6, 5),
        (6, 3),
        (6,),
        arguments=lambda: {"initial_variance": 1.0},
        is_divergence=False,
    ),
)
