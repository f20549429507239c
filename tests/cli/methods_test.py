import contextlib
import io

from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd import models
from keras_kd.cli import methods
from keras_kd.cli.settings import Settings
from keras_kd.cli.settings import resolve
from keras_kd.distiller import Distiller


class MethodsTest(parameterized.TestCase):
    @parameterized.parameters(*methods.METHODS)
    def test_makes_a_distiller_of_the_default_models(self, name):
        settings = resolve(Settings(method=name))
        teacher = models.small_convnet((8, 8, 1), 3, (4, 8, 16))
        student = models.small_convnet((8, 8, 1), 3, (2, 4))
        made = methods.METHODS[name].make_losses(teacher, student, settings)
        distiller = Distiller(
            teacher=teacher, student=student, distillation_losses=made
        )
        for loss in distiller.loss_names:
            weight = distiller.hyperparameter(f"{loss}.loss_weight")
            self.assertAlmostEqual(
                float(weight), settings.loss_weight, places=6
            )

    def test_every_loss_that_fits_any_pair_has_a_method(self):
        # A `Match` wants a Keras loss and taps, which flags cannot name well;
        # sigmoid outputs have no place in a job on classes.
        excepted = {"BinarySoftTargets", "DistillationLoss", "Match"}
        settings = Settings(temperature=2.0, loss_weight=1.0)
        teacher = models.small_convnet((8, 8, 1), 3, (4, 8))
        used = {
            type(loss).__name__
            for method in methods.METHODS.values()
            for loss in method.make_losses(teacher, teacher, settings)
        }
        classes = {name for name in losses.__all__ if name[0].isupper()}
        self.assertEqual(used, classes - excepted)

    def test_the_list_has_each_name_and_paper(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = methods.main([])
        self.assertEqual(code, 0)
        for name, method in methods.METHODS.items():
            self.assertIn(name, printed.getvalue())
            self.assertIn(method.line, printed.getvalue())
            weight = f"--student_loss_weight={method.student_loss_weight:g}"
            self.assertIn(weight, printed.getvalue())
            for paper in method.papers:
                self.assertIn("https://arxiv.org/abs/", paper)
                self.assertIn(paper, printed.getvalue())


if __name__ == "__main__":
    absltest.main()
