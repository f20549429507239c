import pathlib
import tempfile
from unittest import mock

import keras
import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from keras_kd import models
from keras_kd import search
from tests import support

IMAGE = (8, 8, 1)


def data(count, seed):
    """Images whose left or right half is bright, and of two sizes of noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = random.normal(size=(count, *IMAGE)).astype("float32")
    images[labels == 1, :, :4] += 1.0
    return images, labels


def build_student(hp, depth):
    return models.budgeted_convnet(
        IMAGE, 2, depth, 2000, bottleneck=hp.Choice("bottleneck", [4, 8])
    )


@pytest.mark.slow
class CompareDepthsTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(support.eagerly())
        keras.utils.set_random_seed(0)
        teacher = models.budgeted_convnet(IMAGE, 2, 1, 4000, bottleneck=8)
        teacher.compile(keras.optimizers.Adam(0.01), support.cross_entropy())
        teacher.fit(*data(200, 0), verbose=0)
        cls.data = data(64, 1)
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        folder = pathlib.Path(made.name)
        cls.cached = keras_kd.teachers.cache_teacher(
            teacher, cls.data, folder / "cache", verbose=0
        )
        cls.lines = []
        cls.arguments = dict(
            teacher=cls.cached,
            build_student=build_student,
            depths=(0, 1),
            data=cls.data,
            validation_data=data(64, 2),
            directory=folder,
            epochs=3,
            max_trials=2,
            loss=support.cross_entropy(),
            knobs={"optimizer": "adam"},
            tuner="random",
            say=cls.lines.append,
        )
        with mock.patch("gc.collect"):  # Slow, twice in each trial.
            cls.found = search.compare_depths(**cls.arguments)

    def test_each_depth_is_tuned_with_and_without_a_teacher(self):
        self.assertEqual(
            [(one.depth, one.targets) for one in self.found],
            [(0, "mimic"), (0, "labels"), (1, "mimic"), (1, "labels")],
        )
        for one in self.found:
            self.assertBetween(one.num_parameters, 1900, 2000)
            self.assertContainsSubset(
                ["bottleneck", "learning_rate"], one.values
            )

    def test_all_see_the_same_knobs(self):
        names = [sorted(one.values) for one in self.found]
        self.assertEqual(names, [names[0]] * 4)

    def test_a_mimic_is_trained_without_labels(self):
        mimic = self.found[0].hypermodel
        self.assertEqual(mimic.knobs["student_loss_weight"], 0.0)

    def test_what_was_found_can_be_trained_again(self):
        student = self.found[2].train(0)
        again = self.found[2].train(0)
        other = self.found[2].train(1)
        self.assertEqual(
            support.largest_difference(
                student.get_weights(), again.get_weights()
            ),
            0,
        )
        self.assertGreater(
            support.largest_difference(
                student.get_weights(), other.get_weights()
            ),
            0,
        )

    def test_a_second_call_finds_the_searches_done(self):
        with (
            mock.patch.object(search.DistillationHyperModel, "fit") as mimic,
            mock.patch.object(search.LabelsHyperModel, "fit") as alone,
        ):
            again = search.compare_depths(**self.arguments)
        mimic.assert_not_called()
        alone.assert_not_called()
        self.assertEqual(
            [one.score for one in again], [one.score for one in self.found]
        )

    def test_refuses_what_was_searched_otherwise(self):
        with self.assertRaisesRegex(ValueError, "same run.*epochs=3, now 4"):
            search.compare_depths(**self.arguments | {"epochs": 4})
        with self.assertRaisesRegex(ValueError, "knobs must be those.*rate"):
            search.compare_depths(
                **self.arguments
                | {
                    "knobs": {
                        "optimizer": "adam",
                        "learning_rate": search.Range(1e-3, 1e-2),
                    }
                }
            )

    def test_needs_a_cache(self):
        with self.assertRaisesRegex(TypeError, "CachedTeacher.*Sequential"):
            search.compare_depths(
                **self.arguments | {"teacher": support.dense(4)}
            )

    def test_refuses_a_loss_which_mimics_do_not_have(self):
        for objective in (
            "val_loss",
            keras_tuner.Objective("val_loss", direction="min"),
            ["val_accuracy", "val_loss"],
        ):
            with self.assertRaisesRegex(ValueError, "`objective` must be the"):
                search.compare_depths(
                    **self.arguments | {"objective": objective}
                )


if __name__ == "__main__":
    absltest.main()
