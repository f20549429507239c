"""What the conformance tests run: at least one row for every public loss."""

import keras

from tests.conformance.loss_row import Row
from tests.conformance.loss_row import input_gradients
from tests.conformance.loss_row import student_input_gradients
from tests.conformance.loss_row import two_tensors as two_tensors
from tests.conformance.loss_row import with_labels
from tests.conformance.loss_row import with_numbers
from tests.conformance.loss_rows_features import FEATURE_ROWS

# Public names without a row, and why.
EXCEPTIONS = {
    "ChunkedSoftTargets": "it computes with the output layers of two models, "
    "which tensors do not have: its own test has all that rows are run for",
    "DistillationLoss": "the base class has no formula",
}

ROWS = (
    Row("attention_transfer", "AttentionTransfer", (4, 4, 3), (4, 4, 2)),
    Row(
        "attention_transfer_squared",
        "AttentionTransfer",
        (4, 4, 3),
        (8, 2, 2),
        arguments=lambda: {"squared": True, "maximum": True, "power": 4},
    ),
    Row("binary_soft_targets", "BinarySoftTargets", (3,), (3,)),
    Row(
        "binary_soft_targets_one_unit",
        "BinarySoftTargets",
        (1,),
        (1,),
        arguments=lambda: {"temperature": 2.0},
    ),
    Row(
        "bounded_regression",
        "BoundedRegression",
        (1,),
        (1,),
        call=with_numbers,
    ),
    Row(
        "decoupled_soft_targets",
        "DecoupledSoftTargets",
        (5,),
        (5,),
        call=with_labels,
    ),
    Row(
        "decoupled_soft_targets_standardized",
        "DecoupledSoftTargets",
        (5,),
        (5,),
        arguments=lambda: {"standardize_logits": True},
        call=with_labels,
    ),
    Row("hint", "Hint", (4, 4, 3), (4, 4, 3)),
    Row("hint_vector", "Hint", (5,), (3,), is_divergence=False),
    Row("hint_sequence", "Hint", (6, 5), (6, 3), (6,), is_divergence=False),
    Row("hint_image", "Hint", (4, 4, 3), (6, 5, 2), is_divergence=False),
    Row("hint_pooled", "Hint", (4, 4, 3), (12, 12, 2), is_divergence=False),
    Row("hint_resized", "Hint", (5, 4, 3), (2, 2, 2), is_divergence=False),
    Row(
        "hint_with_projector",
        "Hint",
        (5,),
        (3,),
        arguments=lambda: {
            "projector": keras.layers.Dense(
                5, activation="tanh", dtype="float32"
            )
        },
        is_divergence=False,
    ),
    # Three numbers in, three classes out: where a Distiller serves gradients,
    # these are the shapes of the logits.
    Row(
        "input_gradient_symmetry",
        "InputGradientSymmetry",
        (3,),
        (3,),
        arguments=lambda: {"axis": -1},
        is_divergence=False,
        call=student_input_gradients,
    ),
    Row(
        "input_gradient_transfer",
        "InputGradientTransfer",
        (3,),
        (3,),
        call=input_gradients,
    ),
    Row("interpolated_soft_targets", "InterpolatedSoftTargets", (5,), (5,)),
    Row(
        "interpolated_soft_targets_sequence",
        "InterpolatedSoftTargets",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"steps": 100, "temperature": 2.0},
    ),
    Row("jensen_shannon_divergence", "JensenShannonDivergence", (5,), (5,)),
    Row("logit_regression", "LogitRegression", (5,), (5,)),
    Row(
        "logit_regression_centred",
        "LogitRegression",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"center": True},
        is_divergence=False,
    ),
    Row(
        "match",
        "Match",
        (4, 4, 3),
        (4, 4, 3),
        arguments=lambda: {"loss": keras.losses.Huber()},
    ),
    Row(
        "match_by_name",
        "Match",
        (6, 5),
        (6, 3),
        (6,),
        arguments=lambda: {
            "loss": "mean_absolute_error",
            "projector": "infer",
        },
        is_divergence=False,
    ),
    Row(
        "normalized_soft_targets",
        "NormalizedSoftTargets",
        (5,),
        (5,),
        is_divergence=False,
        call=with_labels,
    ),
    Row("probability_regression", "ProbabilityRegression", (5,), (5,)),
    Row("reverse_soft_targets", "ReverseSoftTargets", (5,), (5,)),
    Row("skewed_soft_targets", "SkewedSoftTargets", (5,), (5,)),
    Row(
        "skewed_soft_targets_reverse",
        "SkewedSoftTargets",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"reverse": True, "temperature": 2.0},
    ),
    # As published, it is 1e-8 over the variance where both are equal.
    Row(
        "soft_target_correlation",
        "SoftTargetCorrelation",
        (5,),
        (5,),
        is_divergence=False,
        compares_examples=True,
    ),
    Row(
        "soft_target_correlation_sequence",
        "SoftTargetCorrelation",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"temperature": 4.0},
        is_divergence=False,
        compares_examples=True,
    ),
    Row("soft_targets", "SoftTargets", (5,), (5,)),
    Row("sorted_probabilities", "SortedProbabilities", (5,), (5,)),
    Row(
        "sorted_probabilities_of_other_words",
        "SortedProbabilities",
        # A fresh student of fewer words has no gradient.
        (6, 3),
        (6, 5),
        (6,),
        is_divergence=False,
    ),
    Row(
        "soft_targets_sequence",
        "SoftTargets",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"temperature": 2.0},
    ),
    Row(
        "soft_targets_standardized",
        "SoftTargets",
        (5,),
        (5,),
        arguments=lambda: {"standardize_logits": True, "temperature": 2.0},
    ),
    *FEATURE_ROWS,
)
NAMED_ROWS = tuple((row.name, row) for row in ROWS)
# The first row of each loss.
FIRST = tuple({row.loss: row.name for row in reversed(ROWS)}.values())
