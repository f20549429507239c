"""Runs `docs/function_matching.md`: quickly one step, slowly as it stands."""

import tempfile
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from tests import pages
from tests import reference
from tests import support

SETUP, RECIPE = pages.code_blocks(pages.text("docs/function_matching.md"))


def run_page(test_class):
    """Runs the page in a folder of its own.

    Returns:
        Its names, and the logs of the Distiller.
    """
    names, logs = {}, {}
    fit = keras_kd.Distiller.fit

    def recorded(*args, **kwargs):
        logs.update(fit(*args, **kwargs).history)

    folder = test_class.enterClassContext(tempfile.TemporaryDirectory())
    with mock.patch.object(keras_kd.Distiller, "fit", recorded):
        for code in (SETUP, RECIPE):
            pages.run(code, folder, names)
    return names, logs


@support.eager_tests
class OneStepTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with support.eagerly(), pages.one_step():
            cls.names, cls.logs = run_page(cls)
        cls.distiller = cls.names["distiller"]
        (cls.batch,) = (x.numpy() for x in cls.names["batches"].take(1))

    def test_both_models_are_compared_on_the_pixels_of_the_batch(self):
        few = self.batch[:32]  # One batch of `evaluate`.
        logits = [
            reference.float64(model(few))
            for model in (self.distiller.teacher, self.distiller.student)
        ]
        np.testing.assert_allclose(
            support.evaluated(self.distiller, few)["soft_targets"],
            reference.kl_divergence(*logits).mean(),
            rtol=1e-4,
        )

    def test_the_loss_is_that_of_the_teacher_alone(self):
        self.assertEqual(self.logs["loss"], self.logs["soft_targets"])
        self.assertNotIn("student_loss", self.logs)

    def test_images_are_changed(self):
        images = self.names["images"]
        for one in self.batch[:9]:
            distances = np.abs(images - one).max(axis=(1, 2, 3))
            self.assertGreater(distances.min(), 0.01)

    def test_each_image_is_mixed_with_another(self):
        # Mixed and reversed, a batch and its mixture have the same sum.
        x = self.names["images"][:6]
        same = {name: lambda x, training: x for name in ("zoom", "shift")}
        with mock.patch.dict(self.names, same):
            found = self.names["mixed"](x).numpy()
        both = x + x[::-1]
        np.testing.assert_allclose(found + found[::-1], both, atol=1e-6)
        self.assertGreater(np.abs(found - x).max(), 0.01)

    def test_the_rate_rises_for_an_epoch_and_falls_to_zero(self):
        rate, steps = self.names["rate"], self.names["steps"]
        end = steps * self.names["epochs"]
        places = (0, steps / 2, steps, (steps + end) / 2, end)
        np.testing.assert_allclose(
            [float(rate(place)) for place in places],
            [0, 0.005, 0.01, 0.005, 0],
            atol=1e-6,
        )

    def test_the_recipe_has_at_most_twenty_lines(self):
        lines = [line for line in RECIPE.splitlines() if line.strip()]
        self.assertLessEqual(len(lines), 20)


@pytest.mark.slow
class LearntTest(absltest.TestCase):
    def test_the_student_becomes_the_function_of_its_teacher(self):
        names, logs = run_page(self)
        self.assertLess(logs["soft_targets"][-1], logs["soft_targets"][0] / 10)
        images, labels = names["test"]
        teacher, student = (
            model.predict(images, verbose=0).argmax(-1)
            for model in (names["teacher"], names["distiller"].student)
        )
        # Half of what one class for all, a tenth, would leave.
        self.assertGreater(np.mean(student == teacher), 0.9)
        right = np.mean(student == labels)
        self.assertAlmostEqual(logs["val_accuracy"][-1], right, places=3)


if __name__ == "__main__":
    absltest.main()
