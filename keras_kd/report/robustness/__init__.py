"""Attacks on classifiers by small changes of the input.

A defence that was tested only against attacks that it hinders by accident has
not been tested. These show whether a distilled network is robust, or has only
hidden its gradients.
"""

from keras_kd.report.robustness.attack_result import AttackResult
from keras_kd.report.robustness.carlini_wagner_l2 import carlini_wagner_l2
from keras_kd.report.robustness.fast_gradient_sign import fast_gradient_sign
from keras_kd.report.robustness.gradient_size import input_gradient_size
from keras_kd.report.robustness.jacobian_saliency import jacobian_saliency

__all__ = [
    "AttackResult",
    "carlini_wagner_l2",
    "fast_gradient_sign",
    "input_gradient_size",
    "jacobian_saliency",
]
