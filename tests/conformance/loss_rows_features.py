"""Rows of the losses that compare features, or examples with each other."""

from tests.conformance.loss_row import Row

FEATURE_ROWS = (
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
