"""Float64 formulas of rows whose loss trains no weights of its own.

They take tensors of teacher and student, and class numbers. A loss that holds a
part of its value constant has none: a difference quotient sees that part move.
"""

from tests import reference
from tests.conformance.loss_row import apart
from tests.conformance.loss_rows_features import DETECTED
from tests.references import boxes
from tests.references import channels
from tests.references import logits
from tests.references import maps
from tests.references import relations
from tests.references import sequences

REFERENCES = {
    "attention_transfer": lambda teacher, student, labels: (
        reference.attention_transfer(teacher, student)
    ),
    "binary_soft_targets": lambda teacher, student, labels: (
        reference.binary_soft_targets(teacher, student, 4.0)
    ),
    "binary_soft_targets_one_unit": lambda teacher, student, labels: (
        reference.binary_soft_targets(teacher, student, 2.0)
    ),
    "bounded_regression": lambda teacher, student, labels: (
        reference.bounded_regression(teacher, student, 1.0)
    ),
    "box_soft_targets": lambda teacher, student, labels: boxes.soft_targets(
        *(
            [reference.float64(part) for part in apart(x, DETECTED)]
            for x in (teacher, student)
        ),
        temperature=2.0,
        box_weight=0.5,
    ),
    "channel_distributions": lambda teacher, student, labels: (
        maps.channel_distributions(teacher, student, 2.0)
    ),
    "decoupled_soft_targets": lambda teacher, student, labels: logits.decoupled(
        teacher, student, labels
    ),
    "decoupled_soft_targets_standardized": lambda teacher, student, labels: (
        logits.decoupled(
            logits.standardised(teacher), logits.standardised(student), labels
        )
    ),
    "feature_correlation": lambda teacher, student, labels: (
        channels.channel_correlations(teacher, student)
    ),
    "gaussian_wasserstein": lambda teacher, student, labels: (
        maps.gaussian_transport(teacher, student)
    ),
    "hint": lambda teacher, student, labels: reference.hint(teacher, student),
    "jensen_shannon_divergence": lambda teacher, student, labels: (
        sequences.jensen_shannon(teacher, student)
    ),
    "logit_regression": lambda teacher, student, labels: (
        reference.logit_regression(teacher, student)
    ),
    "logit_regression_centred": lambda teacher, student, labels: (
        reference.logit_regression(teacher, student, center=True)
    ),
    "neuron_selectivity_transfer": lambda teacher, student, labels: (
        maps.selectivity(teacher, student)
    ),
    "neuron_selectivity_transfer_wide": lambda teacher, student, labels: (
        maps.selectivity(teacher, student)
    ),
    "normalized_soft_targets": lambda teacher, student, labels: (
        logits.normalised(teacher, student, labels)
    ),
    "pairwise_similarity": lambda teacher, student, labels: (
        relations.similarities(teacher, student)
    ),
    "probabilistic_knowledge_transfer": lambda teacher, student, labels: (
        relations.neighbour_probabilities(teacher, student)
    ),
    "probability_regression": lambda teacher, student, labels: (
        reference.probability_regression(teacher, student)
    ),
    "relational_angle": lambda teacher, student, labels: relations.angles(
        teacher, student
    ),
    "relational_distance": lambda teacher, student, labels: relations.distances(
        teacher, student
    ),
    "reverse_soft_targets": lambda teacher, student, labels: (
        sequences.reverse_divergence(teacher, student)
    ),
    "self_attention_relations": lambda teacher, student, labels: (
        0.1
        * sequences.self_attention_relations(
            teacher.reshape((-1, 2, 6, 8)).swapaxes(0, 1),
            student.reshape((-1, 2, 6, 8)).swapaxes(0, 1),
            4,
        )
    ),
    "skewed_soft_targets": lambda teacher, student, labels: (
        sequences.skewed_divergence(teacher, student)
    ),
    # At temperature 2.
    "skewed_soft_targets_reverse": lambda teacher, student, labels: (
        4 * sequences.skewed_reverse_divergence(teacher / 2, student / 2)
    ),
    "soft_target_correlation": lambda teacher, student, labels: (
        relations.correlations(teacher, student)
    ),
    "sorted_probabilities": lambda teacher, student, labels: (
        sequences.sorted_distance(teacher, student)
    ),
    "sorted_probabilities_of_other_words": lambda teacher, student, labels: (
        sequences.sorted_distance(teacher, student)
    ),
    "soft_targets": lambda teacher, student, labels: reference.soft_targets(
        teacher, student, 4.0
    ),
    "soft_targets_sequence": lambda teacher, student, labels: (
        reference.soft_targets(teacher, student, 2.0)
    ),
    "soft_targets_standardized": lambda teacher, student, labels: (
        logits.standardised_soft_targets(teacher, student, 2.0)
    ),
}
