"""Supervised losses that do not fit what the student gives."""

import functools
import warnings

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd.metrics import TeacherAgreement
from tests import support
from tests.logits_students import data
from tests.logits_students import distiller
from tests.logits_students import two_headed

K = keras.losses

# Losses of probabilities by name, function and object, and the line to write.
REFUSED = (
    ("focal", "classes", "categorical_focal_crossentropy",
     K.categorical_focal_crossentropy, K.CategoricalFocalCrossentropy,
     r"keras\.losses\.CategoricalFocalCrossentropy\(from_logits=True\)"),
    ("binary_focal", "unit", "binary_focal_crossentropy",
     K.binary_focal_crossentropy, K.BinaryFocalCrossentropy,
     r"keras\.losses\.BinaryFocalCrossentropy\(from_logits=True\)"),
    ("binary", "labels", "bce", K.binary_crossentropy, K.BinaryCrossentropy,
     r"keras\.losses\.BinaryCrossentropy\(from_logits=True\)"),
    ("divergence", "classes", "kld", K.kl_divergence, K.KLDivergence,
     r"\(labels, keras\.ops\.softmax\(logits\)\)"),
    ("poisson", "unit", "poisson", K.poisson, K.Poisson,
     r"\(labels, keras\.ops\.sigmoid\(logits\)\)"),
    ("dice", "labels", "dice", K.dice, K.Dice,
     r"\(labels, keras\.ops\.sigmoid\(logits\)\)"),
    ("tversky", "classes", "tversky", K.tversky, K.Tversky,
     r"\(labels, keras\.ops\.softmax\(logits\)\)"),
)  # fmt: skip


def every_form():
    for name, kind, word, function, cls, remedy in REFUSED:
        forms = {
            "name": word,
            "function": function,
            "class": cls,
            "partial": functools.partial(function),
            "list": [word],
        }
        for form, loss in forms.items():
            yield f"{name}_{form}", kind, lambda loss=loss: loss, remedy
        yield f"{name}_object", kind, cls, remedy


# What refuses a loss is as before, and refuses the next.
refusing = functools.cache(distiller)


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(*every_form())
    def test_a_loss_of_probabilities(self, kind, make, remedy):
        with self.assertRaisesRegex(
            ValueError,
            "`loss` must take logits, since the student gives them to "
            rf"`\w*SoftTargets`\. Received: loss=.*probabilities\. .*{remedy}",
        ):
            refusing(kind).compile("sgd", make())

    @parameterized.product(
        name=("crossentropy", "ce", "CE"),
        kind=(
            ("unit", "Binary"),
            ("labels", "Binary"),
            ("classes", "SparseCategorical"),
        ),
    )
    def test_names_that_keras_resolves_by_shape(self, name, kind):
        with self.assertRaisesRegex(
            ValueError,
            f"must take logits.*Received: loss='{name}'.*Use `keras.losses."
            rf"{kind[1]}Crossentropy\(from_logits=True\)`",
        ):
            refusing(kind[0]).compile("sgd", name)

    @parameterized.named_parameters(
        ("dict", lambda first, second: {"a": first, "b": second}),
        ("list", lambda first, second: [first, second]),
    )
    def test_a_loss_of_one_of_several_outputs(self, given):
        made = support.distiller(
            losses.SoftTargets(teacher_tap="b", student_tap="b"),
            teacher=two_headed(),
            student=two_headed(),
        )
        wrong, other = "categorical_crossentropy", "binary_crossentropy"
        with self.assertRaisesRegex(
            ValueError, f"must take logits.*Received: loss='{wrong}'"
        ):
            made.compile("sgd", given(other, wrong))
        # The other output may well give probabilities.
        right = keras.losses.CategoricalCrossentropy(from_logits=True)
        made.compile("sgd", given(other, right))

    def test_the_line_to_write_works(self):
        made = distiller("labels")
        x, y = data("labels")
        with self.assertWarnsRegex(UserWarning, "get logits"):
            made.compile(
                "sgd",
                lambda labels, logits: keras.losses.Dice().call(
                    labels, keras.ops.sigmoid(logits)
                ),
            )
        logs = made.evaluate(x, y, batch_size=64, verbose=0, return_dict=True)
        logits = made.student.predict(x, verbose=0).astype("float64")
        p = 1 / (1 + np.exp(-logits))
        # Milletari et al., 2016: 1 - 2 sum(y p) / (sum y + sum p).
        expected = 1 - 2 * np.sum(y * p) / (np.sum(y) + np.sum(p))
        self.assertAlmostEqual(logs["student_loss"], expected, places=5)

    @parameterized.parameters(
        "mse", "huber", "hinge", "categorical_hinge", "cosine_similarity"
    )
    def test_other_losses_pass_without_a_word(self, name):
        made = distiller("classes")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made.compile("sgd", name)


class ActivationTest(parameterized.TestCase):
    @parameterized.parameters(
        (losses.SoftTargets, "Binary", "BinarySoftTargets"),
        (losses.SoftTargets, "BinaryFocal", "BinarySoftTargets"),
        (losses.ProbabilityRegression, "Binary", "BinarySoftTargets"),
        (losses.BinarySoftTargets, "Categorical", "SoftTargets"),
        (losses.BinarySoftTargets, "SparseCategorical", "SoftTargets"),
    )
    def test_softmax_beside_sigmoid_is_refused(self, loss, name, other):
        made = distiller("labels", loss())
        given = getattr(K, f"{name}Crossentropy")(from_logits=True)
        with self.assertRaisesRegex(
            ValueError,
            f"must apply one activation.*Received: .*`{loss.__name__}`.*3 "
            rf"units\. Use `keras_kd\.losses\.{other}`",
        ):
            made.compile("sgd", given)

    def test_a_pair_that_fits_is_taken(self):
        binary = K.BinaryCrossentropy(from_logits=True)
        distiller("labels").compile("sgd", binary)
        distiller("unit").compile("sgd", binary)
        distiller("classes").compile(
            "sgd", K.SparseCategoricalCrossentropy(from_logits=True)
        )
        distiller("labels", losses.LogitRegression()).compile("sgd", binary)

    def test_other_outputs_are_not_meant(self):
        made = support.distiller(
            losses.SoftTargets(teacher_tap="b", student_tap="b"),
            teacher=two_headed(),
            student=two_headed(),
        )
        made.compile("sgd", {"a": K.BinaryCrossentropy(from_logits=True)})


class LabelsTest(parameterized.TestCase):
    def test_agreement_is_by_label_where_the_losses_say_so(self):
        x, y = data("labels")
        made = distiller("labels")
        made.compile("sgd", metrics=[TeacherAgreement()])
        logs = made.evaluate(x, y, verbose=0, return_dict=True)
        teacher, student = (
            one.predict(x, verbose=0) > 0
            for one in (made.teacher, made.student)
        )
        self.assertAlmostEqual(
            logs["teacher_agreement"], np.mean(teacher == student), places=6
        )

    def test_several_choices_of_labels_are_refused(self):
        with self.assertRaisesRegex(ValueError, "`k` must be 1.*Received: k=2"):
            distiller("labels").compile("sgd", metrics=[TeacherAgreement(k=2)])
        distiller("classes").compile("sgd", metrics=[TeacherAgreement(k=2)])

    def test_what_the_user_says_comes_first(self):
        x, y = data("labels")
        made = distiller("labels")
        made.compile("sgd", metrics=[TeacherAgreement(multi_label=False)])
        logs = made.evaluate(x, y, verbose=0, return_dict=True)
        teacher, student = (
            np.argmax(one.predict(x, verbose=0), axis=-1)
            for one in (made.teacher, made.student)
        )
        self.assertAlmostEqual(
            logs["teacher_agreement"], np.mean(teacher == student), places=6
        )

    def test_a_metric_follows_the_distiller_it_is_in(self):
        metric = TeacherAgreement()
        distiller("labels").compile("sgd", metrics=[metric])
        self.assertTrue(metric.is_multi_label)
        distiller("classes").compile("sgd", metrics=[metric])
        self.assertFalse(metric.is_multi_label)

    def test_probabilities_of_labels_are_refused(self):
        made = support.distiller(
            losses.Hint(teacher_tap="hidden", student_tap="hidden"),
            student=support.dense(4, activation="sigmoid"),
        )
        with self.assertRaisesRegex(
            ValueError, "must compare logits.*'teacher_agreement'"
        ):
            made.compile(
                "sgd", "binary_crossentropy", metrics=[TeacherAgreement()]
            )


if __name__ == "__main__":
    absltest.main()
