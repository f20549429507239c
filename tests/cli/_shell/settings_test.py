import dataclasses
import os
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import as_size
from keras_kd.cli._shell.settings import nearest
from keras_kd.cli._shell.settings import resolve
from keras_kd.cli.methods import METHODS


class ResolveTest(parameterized.TestCase):
    def test_fills_in_the_defaults_of_the_method(self):
        actual = resolve(Settings(method="soft_targets"))
        method = METHODS["soft_targets"]
        self.assertEqual(actual.temperature, method.temperature)
        self.assertEqual(actual.loss_weight, method.loss_weight)
        self.assertEqual(actual.student_loss_weight, method.student_loss_weight)

    def test_keeps_what_was_given(self):
        given = Settings(
            temperature=3.0, loss_weight=0.5, student_loss_weight=0.0
        )
        self.assertEqual(resolve(given), given)

    def test_leaves_a_method_without_temperature_without(self):
        self.assertIsNone(resolve(Settings(method="hints")).temperature)

    def test_the_default_settings_are_usable(self):
        for method in METHODS:
            resolve(Settings(method=method))

    def test_rejects_a_weight_that_the_method_sets_itself(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--loss_weight` must not be given with fitnets, since this method "
            "sets the weights of its losses itself. Received: --loss_weight=2",
        ):
            resolve(Settings(method="fitnets", loss_weight=2.0))

    @parameterized.parameters(
        ("temperature", 0.0, "above 0"),
        ("temperature", -1.0, "above 0"),
        ("temperature", float("nan"), "above 0"),
        ("temperature", float("inf"), "above 0"),
        ("loss_weight", 0.0, "above 0"),
        ("loss_weight", float("nan"), "above 0"),
        ("student_loss_weight", -0.5, "0 or more"),
        ("student_loss_weight", float("nan"), "0 or more"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("noise_stddev", 0.0, "above 0"),
        ("noise_stddev", float("nan"), "above 0"),
        ("noise_probability", 0.0, "above 0 and at most 1"),
        ("noise_probability", 1.5, "above 0 and at most 1"),
        ("epochs", 0, "1 or more"),
        ("batch_size", -2, "1 or more"),
        ("seeds", 0, "1 or more"),
        ("limit", 0, "1 or more"),
        ("fraction", 0.0, "above 0 and at most 1"),
        ("fraction", 1.5, "above 0 and at most 1"),
        ("fraction", float("nan"), "above 0 and at most 1"),
    )
    def test_rejects(self, name, value, rule):
        method = "noisy_teacher" if "noise" in name else Settings.method
        settings = Settings(**{"method": method, name: value})
        with self.assertRaisesRegex(
            UnusableError,
            f"`--{name}` must be {rule}, since.*Received: --{name}={value:g}",
        ):
            resolve(settings)

    def test_sizes_of_images(self):
        self.assertEqual(as_size("64"), (64, 64))
        self.assertEqual(as_size("48x64"), (48, 64))
        for text in ("64", "64x64"):
            settings = resolve(Settings(dataset="mine", image_size=text))
            self.assertEqual(settings.image_size, "64x64")

    @parameterized.parameters(
        "", "0", "64x", "x64", "-3", "1.5", "64x64x3", "big"
    )
    def test_rejects_a_size(self, text):
        with self.assertRaisesRegex(
            UnusableError,
            f"`--image_size` must be a whole.*Received: --image_size={text}. ",
        ):
            resolve(Settings(dataset="mine", image_size=text))

    def test_rejects_a_size_of_the_digits(self):
        with self.assertRaisesRegex(
            UnusableError, "`--image_size` must not be given.*=32. Leave it out"
        ):
            resolve(Settings(image_size="32"))

    @parameterized.parameters("./none", "/none/here", "~/none")
    def test_rejects_a_folder_that_is_not_there(self, path):
        with self.assertRaisesRegex(
            UnusableError, f"`--dataset` must be.*Received: --dataset={path}, "
        ):
            resolve(Settings(dataset=path))

    def test_rejects_an_empty_data_set(self):
        with self.assertRaisesRegex(
            UnusableError, "`--dataset` must be.*Received: an empty text"
        ):
            resolve(Settings(dataset=""))

    def test_rejects_a_temperature_that_the_method_ignores(self):
        with self.assertRaisesRegex(
            UnusableError, "divides no logits. Received: --temperature=3. Leave"
        ):
            resolve(Settings(method="hints", temperature=3.0))

    def test_rejects_noise_that_the_method_does_not_add(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--noise_probability` must not be given with hints, since this "
            "method adds no noise. Received: --noise_probability=0.5. Leave",
        ):
            resolve(Settings(method="hints", noise_probability=0.5))

    def test_rejects_a_cache_that_the_method_cannot_use(self):
        for name, method in METHODS.items():
            settings = Settings(method=name, cache="answers")
            if method.no_cache is None:
                self.assertEqual(resolve(settings).cache, "answers")
                continue
            with self.assertRaisesRegex(
                UnusableError,
                f"`--cache` must not be given with {name}, since "
                f"{method.no_cache}. Received: --cache=answers. Leave it out",
            ):
                resolve(settings)

    def test_rejects_fewer_epochs_than_stages(self):
        method = dataclasses.replace(METHODS["hints"], min_epochs=2)
        with mock.patch.dict(METHODS, hints=method):
            resolve(Settings(method="hints", epochs=2))
            with self.assertRaisesRegex(
                UnusableError,
                "`--epochs` must be 2 or more with hints.*Received: --epochs=1",
            ):
                resolve(Settings(method="hints", epochs=1))

    def test_rejects_a_student_where_the_method_brings_its_own(self):
        method = dataclasses.replace(METHODS["hints"], make_student=object)
        with mock.patch.dict(METHODS, hints=method):
            with self.assertRaisesRegex(
                UnusableError,
                "`--student` must not be given with hints.*Received: --student",
            ):
                resolve(Settings(method="hints", student=__file__))

    def test_answers_an_unknown_method_with_the_nearest(self):
        with self.assertRaisesRegex(
            UnusableError,
            "Received: --method=soft_target. Did you mean soft_targets",
        ):
            resolve(Settings(method="soft_target"))

    @parameterized.parameters("teacher", "student")
    def test_rejects_a_model_that_is_not_there(self, role):
        path = os.path.join(tempfile.gettempdir(), "no_such_model.keras")
        settings = dataclasses.replace(Settings(), **{role: path})
        with self.assertRaisesRegex(
            UnusableError, f"`--{role}` must be a saved.*Received: --{role}="
        ):
            resolve(settings)


class NearestTest(absltest.TestCase):
    def test_lists_all_where_nothing_is_near(self):
        self.assertEqual(nearest("zzz", ["ab", "cd"]), "There are: ab, cd.")


if __name__ == "__main__":
    absltest.main()
