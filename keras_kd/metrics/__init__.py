"""Metrics: how near the student is to its teacher, and how calibrated."""

from keras_kd.metrics.calibration import ExpectedCalibrationError
from keras_kd.metrics.teacher import TeacherAgreement
from keras_kd.metrics.teacher import TeacherDivergence
from keras_kd.metrics.teacher_mean_iou import TeacherMeanIoU
from keras_kd.metrics.teacher_metric import TeacherMetric

__all__ = [
    "ExpectedCalibrationError",
    "TeacherAgreement",
    "TeacherDivergence",
    "TeacherMeanIoU",
    "TeacherMetric",
]
