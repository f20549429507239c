"""Small teachers and students, and the search over them."""

from keras_kd import models
from keras_kd import search
from tests import support

TEACHER = support.dense(8, name="teacher")
STUDENT = support.dense(4, name="student")
IMAGE = (4, 4, 1)
CONV_TEACHER = models.small_convnet(IMAGE, 3, widths=(4, 8))
CONV_STUDENT = models.small_convnet(IMAGE, 3, widths=(2, 2))


def hypermodel(teacher=TEACHER, student=STUDENT, **kwargs):
    kwargs.setdefault("loss", support.cross_entropy())
    return search.DistillationHyperModel(
        teacher=teacher, student=student, metrics=["accuracy"], **kwargs
    )
