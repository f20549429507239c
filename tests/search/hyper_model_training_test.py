from unittest import mock

import h5py
import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import search
from tests import support
from tests.search.small_pairs import CONV_STUDENT
from tests.search.small_pairs import CONV_TEACHER
from tests.search.small_pairs import IMAGE
from tests.search.small_pairs import hypermodel


def written_at(folder):
    """When each file was written; a lock is opened by every process."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in folder.iterdir()
        if path.name != "lock"
    }


@support.eager_tests
class CachedDataTest(parameterized.TestCase):
    def test_trials_and_hypermodels_share_one_cache(self):
        folder = support.folder(self) / "cache"
        x, y = support.data()
        made = hypermodel(data=(x, y), cache_directory=folder)
        written = written_at(folder)

        again = hypermodel(data=(x, y), cache_directory=folder)

        self.assertIsInstance(again.teacher, keras_kd.teachers.CachedTeacher)
        self.assertEqual(
            again.teacher.fingerprint(), made.teacher.fingerprint()
        )
        self.assertEqual(written_at(folder), written)

    @pytest.mark.slow
    def test_trains_to_what_the_teacher_itself_gives(self):
        # Half precision in the cache: 3 digits of a logit.
        x, y = support.data()
        folder = support.folder(self) / "cache"
        knobs = {"batch_size": 24}
        cached = hypermodel(data=(x, y), cache_directory=folder, knobs=knobs)
        alone = hypermodel()
        hp = keras_tuner.HyperParameters()
        first, second = cached.build(hp), alone.build(hp)

        cached.fit(hp, first, epochs=3, verbose=0)
        alone.fit(hp, second, x, y, batch_size=24, epochs=3, verbose=0)

        np.testing.assert_allclose(
            first.student.predict(x, verbose=0),
            second.student.predict(x, verbose=0),
            atol=1e-3,
        )

    def test_stores_the_stages_only_where_features_are_searched(self):
        x = np.zeros((4, *IMAGE), "float32")
        y = np.zeros(4, "int32")
        taps = []
        for features in ("none", search.Choice(("none",)), "hint"):
            made = hypermodel(
                CONV_TEACHER,
                CONV_STUDENT,
                data=(x, y),
                cache_directory=support.folder(self),
                knobs={"features": features},
            )
            taps.append(made.teacher.taps)
        self.assertEqual(taps, [(), (), ("stage1", "stage2")])

    def test_a_hint_between_vectors_learns_from_the_cache(self):
        made = hypermodel(
            data=support.data(),
            cache_directory=support.folder(self) / "cache",
            knobs={"features": "hint"},
        )
        self.assertEqual(made.teacher.taps, ("hidden",))
        hp = keras_tuner.HyperParameters()
        logs = made.fit(hp, made.build(hp), verbose=0).history
        self.assertGreater(logs["hint"][0], 0)

    def test_refuses_training_data_twice(self):
        x, y = support.data()
        folder = support.folder(self) / "cache"
        made = hypermodel(data=(x, y), cache_directory=folder)
        hp = keras_tuner.HyperParameters()
        with self.assertRaisesRegex(ValueError, "no training data.*in both"):
            made.fit(hp, made.build(hp), x, y)
        with self.assertRaisesRegex(ValueError, "no `batch_size`.*=8.*knob"):
            made.fit(hp, made.build(hp), batch_size=8)

    @parameterized.parameters(0, 2.5, search.Range(8, 16))
    def test_refuses_a_batch_size(self, size):
        with self.assertRaisesRegex(ValueError, "batch_size. must be an int"):
            hypermodel(
                data=support.data(),
                cache_directory=support.folder(self) / "cache",
                knobs={"batch_size": size},
            )


class FallTest(absltest.TestCase):
    def test_the_temperature_falls_to_one(self):
        made = hypermodel(
            knobs={
                "temperature_schedule": "falling",
                "soft_targets.temperature": 5.0,
            }
        )
        hp = keras_tuner.HyperParameters()
        history = made.fit(
            hp, made.build(hp), *support.data(), epochs=3, verbose=0
        ).history
        # Half a cosine from 5 to 1: its middle is the mean.
        np.testing.assert_allclose(
            history["soft_targets.temperature"], [5.0, 3.0, 1.0]
        )


@support.eager_tests
class TunersTest(parameterized.TestCase):
    @parameterized.parameters(
        (keras_tuner.RandomSearch, dict(max_trials=2)),
        (keras_tuner.BayesianOptimization, dict(max_trials=2)),
        (keras_tuner.Hyperband, dict(max_epochs=2)),
        (keras_tuner.GridSearch, dict(max_trials=2)),
    )
    @pytest.mark.slow
    def test_every_tuner_takes_it_as_it_is(self, tuner, arguments):
        made = hypermodel()
        tuner = tuner(
            made,
            objective="val_accuracy",
            directory=support.folder(self),
            seed=0,
            **arguments,
        )
        x, y = support.data()
        with mock.patch("gc.collect"):  # Slow, twice in each trial.
            tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)

        best = tuner.oracle.get_best_trials()[0]
        model = tuner.get_best_models()[0]
        self.assertAlmostEqual(
            model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"],
            best.score,
            6,
        )

    @pytest.mark.slow
    def test_files_of_trials_hold_no_teacher(self):
        folder = support.folder(self)
        tuner = keras_tuner.RandomSearch(
            hypermodel(),
            objective="val_accuracy",
            directory=folder,
            max_trials=1,
        )
        x, y = support.data()
        tuner.search(x, y, validation_data=(x, y), verbose=0)
        sizes = []
        (path,) = folder.rglob("checkpoint.weights.h5")
        with h5py.File(path) as file:
            file.visititems(
                lambda _, item: (
                    sizes.append(item.shape)
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
        # The hidden layers: 4 inputs, 4 units in the student, 8 in the teacher.
        self.assertIn((4, 4), sizes)
        self.assertNotIn((4, 8), sizes)


if __name__ == "__main__":
    absltest.main()
