"""Arguments that are to be numbers, and are something else."""

from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import datasets
from keras_kd import models
from keras_kd import procedures
from keras_kd import teachers
from keras_kd import transfer_sets
from keras_kd.report import robustness
from tests import support

NO_NUMBERS = (None, "a", [0.5, 0.5])


def fitnets(**kwargs):
    return procedures.fitnets(
        teacher=support.dense(3),
        student=support.dense(3),
        data=support.data(),
        hint_tap="hidden",
        guided_tap="hidden",
        hint_epochs=1,
        epochs=1,
        **kwargs,
    )


def reconstruct(**kwargs):
    # Numbers are looked at first.
    return transfer_sets.reconstruct(
        teacher=None, records=None, images_per_class=1, **kwargs
    )


def data_distillation(**kwargs):
    x, y = support.data()
    return procedures.data_distillation(
        teacher=None, student=None, labelled=(x, y), unlabelled=x, **kwargs
    )


ROWS = {
    "fitnets": (fitnets, "last_weight"),
    "data_distillation": (data_distillation, "labelled_share"),
    "task": (procedures.ClassificationTask, "fraction"),
    "mean": (reconstruct, "pixel_mean"),
    "dropout": (reconstruct, "dropout"),
    "conv_share": (
        lambda **kwargs: models.budgeted_convnet(
            (8, 8, 1), 3, 1, 500, **kwargs
        ),
        "conv_share",
    ),
    "mimic": (
        lambda **kwargs: models.shallow_mimic((4,), 3, 5, **kwargs),
        "dropout",
    ),
    "level": (
        lambda level: keras_kd.report.compare([0, 0], [1, 0.5], level),
        "level",
    ),
    "attack": (
        lambda **kwargs: robustness.carlini_wagner_l2(
            support.dense(3), support.data()[0], support.data()[1], **kwargs
        ),
        "confidence",
    ),
    "part": (
        lambda fraction: datasets.load("digits").training_fraction(fraction),
        "fraction",
    ),
    "munge": (
        lambda **kwargs: transfer_sets.synthetic.munge(
            support.data()[0], 3, **kwargs
        ),
        "probability",
    ),
}


class NumbersTest(parameterized.TestCase):
    @parameterized.named_parameters((name, *row) for name, row in ROWS.items())
    def test_refuses(self, function, argument):
        for value in NO_NUMBERS:
            with self.subTest(repr(value)):
                with self.assertRaisesRegex(
                    ValueError, f"`{argument}` must .*Received"
                ):
                    function(**{argument: value})

    def test_axes(self):
        for axes in (5, None, "a", (1.5,)):
            with self.assertRaisesRegex(
                TypeError, r"`shared_axes` must be a tuple.*such as `\(-1,\)`"
            ):
                teachers.NoisyTeacher(support.dense(3), 0.1, shared_axes=axes)
        teachers.NoisyTeacher(support.dense(3), 0.1, shared_axes=(-1,))

    def test_splits(self):
        for split in (7, "train", ("train",), ("train", 3), 1.5):
            # Before anything is downloaded.
            with self.assertRaisesRegex(ValueError, "`split` must be a pair"):
                datasets.load("mnist", split=split)


if __name__ == "__main__":
    absltest.main()
