"""Losses that compare what a teacher and a student produced."""

from typing import Any

from keras_kd._core import acronyms
from keras_kd.losses.attention_transfer import AttentionTransfer
from keras_kd.losses.binary_soft_targets import BinarySoftTargets
from keras_kd.losses.bounded_regression import BoundedRegression
from keras_kd.losses.box_soft_targets import BoxSoftTargets
from keras_kd.losses.channel_distributions import ChannelDistributions
from keras_kd.losses.chunked_soft_targets import ChunkedSoftTargets
from keras_kd.losses.contrastive_queue import ContrastiveQueue
from keras_kd.losses.contrastive_representation import ContrastiveRepresentation
from keras_kd.losses.decoupled_soft_targets import DecoupledSoftTargets
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.feature_correlation import FeatureCorrelation
from keras_kd.losses.gaussian_wasserstein import GaussianWasserstein
from keras_kd.losses.hint import Hint
from keras_kd.losses.input_gradients import InputGradientSymmetry
from keras_kd.losses.input_gradients import InputGradientTransfer
from keras_kd.losses.interpolated_soft_targets import InterpolatedSoftTargets
from keras_kd.losses.jensen_shannon_divergence import JensenShannonDivergence
from keras_kd.losses.knowledge_review import KnowledgeReview
from keras_kd.losses.logit_regression import LogitRegression
from keras_kd.losses.masked_generation import MaskedGeneration
from keras_kd.losses.match import Match
from keras_kd.losses.neuron_selectivity_transfer import (
    NeuronSelectivityTransfer,
)
from keras_kd.losses.normalized_soft_targets import NormalizedSoftTargets
from keras_kd.losses.orthogonal_projection import OrthogonalProjection
from keras_kd.losses.pairwise_similarity import PairwiseSimilarity
from keras_kd.losses.probabilistic_knowledge_transfer import (
    ProbabilisticKnowledgeTransfer,
)
from keras_kd.losses.probability_regression import ProbabilityRegression
from keras_kd.losses.relational import RelationalAngle
from keras_kd.losses.relational import RelationalDistance
from keras_kd.losses.reverse_soft_targets import ReverseSoftTargets
from keras_kd.losses.score_weighted_hint import ScoreWeightedHint
from keras_kd.losses.self_attention_relations import SelfAttentionRelations
from keras_kd.losses.skewed_soft_targets import SkewedSoftTargets
from keras_kd.losses.soft_target_correlation import SoftTargetCorrelation
from keras_kd.losses.soft_targets import SoftTargets
from keras_kd.losses.sorted_probabilities import SortedProbabilities
from keras_kd.losses.variational_information import VariationalInformation

__all__ = [
    "AttentionTransfer",
    "BinarySoftTargets",
    "BoundedRegression",
    "BoxSoftTargets",
    "ChannelDistributions",
    "ChunkedSoftTargets",
    "ContrastiveQueue",
    "ContrastiveRepresentation",
    "DecoupledSoftTargets",
    "DistillationLoss",
    "FeatureCorrelation",
    "GaussianWasserstein",
    "Hint",
    "InputGradientSymmetry",
    "InputGradientTransfer",
    "InterpolatedSoftTargets",
    "JensenShannonDivergence",
    "KnowledgeReview",
    "LogitRegression",
    "MaskedGeneration",
    "Match",
    "NeuronSelectivityTransfer",
    "NormalizedSoftTargets",
    "OrthogonalProjection",
    "PairwiseSimilarity",
    "ProbabilisticKnowledgeTransfer",
    "ProbabilityRegression",
    "RelationalAngle",
    "RelationalDistance",
    "ReverseSoftTargets",
    "ScoreWeightedHint",
    "SelfAttentionRelations",
    "SkewedSoftTargets",
    "SoftTargetCorrelation",
    "SoftTargets",
    "SortedProbabilities",
    "VariationalInformation",
]


def __getattr__(name: str) -> Any:
    raise acronyms.missing(__name__, name)
