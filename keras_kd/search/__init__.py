"""Finds the knobs of a distillation, and its student, with keras-tuner."""

from keras_kd.search.compare_depths import TunedDepth
from keras_kd.search.compare_depths import compare_depths
from keras_kd.search.hyper_model import DistillationHyperModel
from keras_kd.search.importance import Importance
from keras_kd.search.importance import importance
from keras_kd.search.knobs import Choice
from keras_kd.search.knobs import Range
from keras_kd.search.labels_hyper_model import LabelsHyperModel
from keras_kd.search.limits import Limits
from keras_kd.search.pareto import pareto_front
from keras_kd.search.results import TrialResult
from keras_kd.search.results import results
from keras_kd.search.tap_pairs import TapPair
from keras_kd.search.tap_pairs import tap_pairs
from keras_kd.search.tuners import make_tuner

__all__ = [
    "Choice",
    "DistillationHyperModel",
    "Importance",
    "LabelsHyperModel",
    "Limits",
    "Range",
    "TapPair",
    "TrialResult",
    "TunedDepth",
    "compare_depths",
    "importance",
    "make_tuner",
    "pareto_front",
    "results",
    "tap_pairs",
]
