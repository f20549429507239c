import csv
import math
from unittest import mock

import keras
import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from keras_kd import search
from keras_kd._core import model_weights
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import method_parts
from keras_kd.cli._bench import outcome
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from keras_kd.cli.methods import METHODS
from tests import support
from tests.cli import small_jobs


def bench(method, **settings):
    """A bench whose models have feature maps, as some methods need them."""
    data = small_jobs.data()
    given = {"epochs": 2, "batch_size": 48, "fraction": 0.5} | settings
    shape = data.image_shape
    make = METHODS[method].make_student
    keras.utils.set_random_seed(0)
    return arms.Bench(
        resolve(Settings(method=method, **given)),
        data,
        data_sets.hold_out(data),
        3,
        teacher=models.small_convnet(shape, 3, (4, 8)),
        student=make(shape, 3)
        if make
        else models.small_convnet(shape, 3, (2,)),
    )


@keras.saving.register_keras_serializable("method_parts_test")
class Subclassed(keras.Model):
    """A model that does not say which layer comes before which."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.flatten = keras.layers.Flatten()
        self.hidden = keras.layers.Dense(8)
        self.head = keras.layers.Dense(3)

    def build(self, input_shape):
        self.hidden.build((None, 36))
        self.head.build((None, 8))

    def call(self, x):
        return self.head(self.hidden(self.flatten(x)))

    @property
    def input_shape(self):
        return (None, 6, 6, 1)

    @property
    def output_shape(self):
        return (None, 3)


@support.eagerly()
class EveryMethodTest(parameterized.TestCase):
    @parameterized.named_parameters((name, name) for name in METHODS)
    def test_trains_the_student_that_is_saved(self, method):
        found = bench(method)
        before = [w.copy() for w in found.teacher.get_weights()]
        keras.utils.set_random_seed(0)
        untrained = found.distilled(model_weights.fresh_copy(found.student))
        # A classifier of the teacher stays as it is.
        untrained = support.values(untrained.trainable_weights)

        trained = found.train(arms.DISTILLED, 0.01, 0)

        x = found.data.test_images
        np.testing.assert_allclose(trained.saved(x), trained.model(x))
        for ours, first in zip(
            support.values(trained.saved.trainable_weights),
            untrained,
            strict=True,
        ):
            self.assertGreater(np.abs(ours - first).max(), 0)
        for ours, first in zip(
            found.teacher.get_weights(), before, strict=True
        ):
            np.testing.assert_array_equal(ours, first)
        lengths = {key: len(v) for key, v in trained.history.items()}
        self.assertEqual(set(lengths.values()), {2}, lengths)
        # The logs are those of this student.
        logits = trained.model(found.tuning.test_images)
        guesses = keras.ops.convert_to_numpy(logits).argmax(-1)
        accuracy = np.mean(guesses == found.tuning.test_labels)
        self.assertAlmostEqual(
            trained.history["val_accuracy"][-1], accuracy, places=6
        )

    @parameterized.parameters("noisy_teacher", "fitnets", "mutual_learning")
    def test_the_same_seed_gives_the_same_student(self, method):
        found = bench(method)
        first, second = (
            found.train(arms.DISTILLED, 0.01, 4).saved.get_weights()
            for _ in range(2)
        )
        for ours, theirs in zip(first, second, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


class LayersTest(parameterized.TestCase):
    """The layers of a method are those of a search."""

    SETTINGS = Settings(loss_weight=2.0)

    def dense(self, *widths):
        layers = [
            keras.layers.Dense(width, name=f"dense{n}")
            for n, width in enumerate(widths)
        ]
        return keras.Sequential([keras.Input((6,)), *layers], name="net")

    def convnet(self, *widths):
        return models.small_convnet((16, 16, 1), 3, widths)

    def taps(self, losses):
        return [(loss.teacher_tap, loss.student_tap) for loss in losses]

    @parameterized.parameters("hint", "attention")
    def test_as_a_search_compares_them(self, features):
        teacher, student = self.convnet(4, 8, 16), self.convnet(2, 4, 8)
        made = search.DistillationHyperModel(
            teacher=teacher, student=student, knobs={"features": features}
        )
        trial = made.build(keras_tuner.HyperParameters())
        of_method = {
            "hint": method_parts.hints,
            "attention": method_parts.attention_transfer,
        }[features](teacher, student, self.SETTINGS)
        self.assertEqual(
            self.taps(trial.distillation_losses[1:]), self.taps(of_method)
        )
        for loss in of_method:
            weight = keras.ops.convert_to_numpy(loss.loss_weight)
            self.assertEqual(float(weight), 2.0)

    def test_a_hint_without_maps_is_between_the_last_hidden_layers(self):
        losses = method_parts.hints(
            self.dense(8, 5, 3), self.dense(4, 3), self.SETTINGS
        )
        self.assertEqual(self.taps(losses), [("dense1", "dense0")])

    def test_refuses_attention_without_maps(self):
        with self.assertRaisesRegex(
            UnusableError, '"net" has no feature maps. Received'
        ):
            method_parts.attention_transfer(
                self.convnet(4), self.dense(4, 3), self.SETTINGS
            )

    def test_refuses_a_hint_without_hidden_layers(self):
        with self.assertRaisesRegex(
            UnusableError, '"net" has no hidden layer. Received'
        ):
            method_parts.hints(self.dense(4, 3), self.dense(3), self.SETTINGS)


class NoisyTest(absltest.TestCase):
    def test_has_the_noise_of_the_settings_and_another_for_each_seed(self):
        found = bench("noisy_teacher", noise_stddev=0.3, noise_probability=1.0)
        first, again, other = (found.taught_by(seed) for seed in (0, 0, 1))
        self.assertEqual((first.noise_stddev, first.probability), (0.3, 1.0))
        logits = np.ones((4000, 3), "float32")
        noise = [
            keras.ops.convert_to_numpy(t.perturb(logits)) - 1
            for t in (first, again, other)
        ]
        np.testing.assert_array_equal(noise[0], noise[1])
        self.assertGreater(np.abs(noise[0] - noise[2]).max(), 0)
        # Of 12,000 draws; the standard error is .3 / sqrt(24000) = .002.
        self.assertAlmostEqual(noise[0].std(), 0.3, delta=0.01)

    def test_the_teacher_of_the_table_has_no_noise(self):
        found = bench("noisy_teacher")
        self.assertIs(found.taught_by(0).model, found.teacher)


@support.eagerly()
class StagesTest(absltest.TestCase):
    def test_the_stages_share_the_epochs(self):
        history = bench("fitnets", epochs=4).train(arms.DISTILLED, 0.01, 0)
        known = [not math.isnan(v) for v in history.history["val_accuracy"]]
        # A third of 4, and the rest.
        self.assertEqual(known, [False] + [True] * 3)

    @pytest.mark.slow
    def test_a_job_shows_the_stages_in_its_files(self):
        folder = support.folder(self)
        result, text = small_jobs.run(
            folder, method="fitnets", epochs=2, seeds=1
        )
        self.assertIn("first third of the distilled student's epochs", text)
        self.assertLen(result.figures[arms.DISTILLED].histories, 1)
        with open(folder / "history.csv") as file:
            rows = [r for r in csv.DictReader(file) if r["arm"] == "distilled"]
        self.assertEqual(rows[0]["val_accuracy"], "")
        self.assertTrue(float(rows[0]["val_hint"]))
        self.assertTrue(float(rows[1]["soft_targets"]))
        with mock.patch.object(arms.Bench, "_fit") as fit:
            small_jobs.run(folder, method="fitnets", epochs=2, seeds=1)
        fit.assert_not_called()

    def test_refuses_a_student_that_has_no_first_part(self):
        folder = support.folder(self)
        student = Subclassed()
        student(np.zeros((1, 6, 6, 1)))
        path = small_jobs.save(folder, student)
        with mock.patch.object(arms.Bench, "_fit") as fit:
            with self.assertRaisesRegex(
                UnusableError,
                "that --method=fitnets can compare.*must be a Functional",
            ):
                small_jobs.run(
                    folder / "output", method="fitnets", student=path, epochs=2
                )
        fit.assert_not_called()

    def test_joins_logs_of_different_keys(self):
        joined = method_parts.one_after_the_other(
            [{"loss": [3.0, 2.0]}, {"loss": [1.0], "accuracy": [0.5]}]
        )
        self.assertEqual(joined["loss"], [3.0, 2.0, 1.0])
        np.testing.assert_array_equal(joined["accuracy"], [np.nan, np.nan, 0.5])


@support.eagerly()
class PeersTest(absltest.TestCase):
    def test_the_second_one_begins_from_other_weights(self):
        found = bench("mutual_learning")
        keras.utils.set_random_seed(0)
        student = model_weights.fresh_copy(found.student)
        first, second = found.trainer(student).peers
        self.assertIs(first, student)
        gap = first.get_weights()[0] - second.get_weights()[0]
        self.assertGreater(np.abs(gap).max(), 0)

    def test_the_report_says_that_the_teacher_takes_no_part(self):
        text = outcome.describe(bench("mutual_learning"))
        self.assertIn("learns with a second one like it, and not from", text)


class ShallowTest(absltest.TestCase):
    def test_all_arms_train_the_shallow_student(self):
        folder = support.folder(self)
        with mock.patch.object(arms.Bench, "_fit", autospec=True) as fit:
            fit.side_effect = KeyboardInterrupt
            with self.assertRaises(KeyboardInterrupt):
                small_jobs.run(folder, method="shallow_mimic")
        found = fit.call_args.args[0]
        names = [layer.name for layer in found.student.layers]
        self.assertEqual(names, ["flatten", "bottleneck", "hidden", "logits"])


support.mark_slow(EveryMethodTest, "test_the_same_seed", but=["0"])
# One of each way to train: at once, in stages, and by peers.
support.mark_slow(
    EveryMethodTest,
    "test_trains_the_student",
    but=["saved_soft_targets", "_fitnets", "_mutual_learning"],
)


if __name__ == "__main__":
    absltest.main()
