import contextlib
import io

from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd import models
from keras_kd._core.acronyms import ACRONYMS
from keras_kd.cli import methods
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from keras_kd.distiller import Distiller


class MethodsTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Nothing trains them.
        cls.teacher = models.small_convnet((8, 8, 1), 3, (4, 8, 16))
        cls.student = models.small_convnet((8, 8, 1), 3, (2, 4))

    @parameterized.parameters(*methods.METHODS)
    def test_makes_a_distiller_of_the_default_models(self, name):
        settings = resolve(Settings(method=name))
        if settings.loss_weight is None:
            self.skipTest("It sets the weights itself.")
        teacher, student = self.teacher, self.student
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
        # A job on classes has no boxes.
        excepted |= {"BoxSoftTargets", "ScoreWeightedHint"}
        # Nor has a text.
        excepted |= {"SelfAttentionRelations", "SortedProbabilities"}
        # Mirrored digits are others, and classes are no numbers.
        excepted |= {"InputGradientSymmetry", "BoundedRegression"}
        # It is `SoftTargets`, for many classes.
        excepted |= {"ChunkedSoftTargets"}
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
            self.assertIn(method.defaults, printed.getvalue())
            for paper in method.papers:
                self.assertIn("https://", paper)
                self.assertIn(paper, printed.getvalue())

    def test_the_list_has_what_is_used_from_python_only(self):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            methods.main([])
        _, text = printed.getvalue().split("From Python only")
        for name, (line, paper) in methods.PYTHON_ONLY.items():
            for written in (name, line, paper):
                self.assertIn(written, text)
            module, attribute = name.split(".")
            self.assertIn(attribute, getattr(keras_kd, module).__all__)

    @parameterized.parameters(*(a for a in ACRONYMS if ACRONYMS[a].method))
    def test_an_acronym_has_the_method_of_its_class(self, acronym):
        known = ACRONYMS[acronym]
        method = methods.METHODS[known.method]
        teacher = models.small_convnet((8, 8, 1), 3, (4, 8))
        settings = Settings(temperature=2.0, loss_weight=1.0)
        made = method.make_losses(teacher, teacher, settings)
        if known.name.startswith("losses."):
            self.assertIn(known.class_name, {type(v).__name__ for v in made})
        self.assertEqual(method.papers, (known.paper,))

    def test_shows_the_defaults_of_a_method_as_flags(self):
        method = methods.METHODS["noisy_teacher"]
        self.assertEqual(
            method.defaults,
            "--loss_weight=0.1 --student_loss_weight=1 --noise_stddev=0.5 "
            "--noise_probability=0.5",
        )


if __name__ == "__main__":
    absltest.main()
