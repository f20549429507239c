"""Reports of the gain by distillation: intervals, tables, plots.

Accuracies and their differences are fractions here; percent stands only in
what people read.
"""

from keras_kd.report import robustness
from keras_kd.report.arms import Ranking
from keras_kd.report.arms import compare_arms
from keras_kd.report.arms import rank_arms
from keras_kd.report.calibration import Reliability
from keras_kd.report.calibration import reliability
from keras_kd.report.cost_plots import score_against_cost
from keras_kd.report.embeddings import Retrieval
from keras_kd.report.embeddings import neighbour_overlap
from keras_kd.report.embeddings import retrieval
from keras_kd.report.experiment import Experiment
from keras_kd.report.intervals import Interval
from keras_kd.report.intervals import compare
from keras_kd.report.intervals import paired_interval
from keras_kd.report.pages import html_page
from keras_kd.report.plots import accuracy_against_parameters
from keras_kd.report.plots import gain_against_cost
from keras_kd.report.plots import learning_curves
from keras_kd.report.plots import reliability_diagram
from keras_kd.report.search_plots import parallel_coordinates
from keras_kd.report.search_plots import slices
from keras_kd.report.spread import Spread
from keras_kd.report.tables import markdown_table
from keras_kd.report.tables import text_table
from keras_kd.report.verdicts import verdict

__all__ = [
    "Experiment",
    "Interval",
    "Ranking",
    "Reliability",
    "Retrieval",
    "Spread",
    "accuracy_against_parameters",
    "compare",
    "compare_arms",
    "gain_against_cost",
    "html_page",
    "learning_curves",
    "markdown_table",
    "neighbour_overlap",
    "paired_interval",
    "parallel_coordinates",
    "rank_arms",
    "reliability",
    "reliability_diagram",
    "retrieval",
    "robustness",
    "score_against_cost",
    "slices",
    "text_table",
    "verdict",
]
