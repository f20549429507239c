"""Losses that compare several places of each model at once."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

import keras_kd
from tests import reference
from tests import support
from tests.mechanisms import TAPS
from tests.mechanisms import Flow
from tests.mechanisms import net
from tests.peers import communities
from tests.references import boxes


@keras.saving.register_keras_serializable("several_taps_test")
class MeanOfAll(keras_kd.losses.DistillationLoss):
    """Compares one output with the mean of several, where masks allow."""

    accepts_several_taps = True

    def call(self, teacher, student, student_mask=None):
        gap = ops.mean(teacher - sum(student) / len(student), axis=-1)
        for mask in student_mask or ():
            gap = gap if mask is None else ops.where(mask, gap, 1e6)
        return gap**2


def made(loss=None, teacher=None, **kwargs):
    keras.utils.set_random_seed(0)
    return support.distiller(
        loss or Flow(teacher_tap=TAPS, student_tap=list(TAPS), name="flow"),
        teacher=teacher or net([6, 5], "teacher"),
        student=net([4, 3], "student"),
        **kwargs,
    )


def flow(distiller, x):
    """The mean of `Flow` in float64."""
    products = []
    for model in (distiller.teacher, distiller.student):
        sums = []
        hidden = np.asarray(x, "float64")
        for index, tap in enumerate(TAPS):
            kernel, bias = model.get_layer(tap).get_weights()
            hidden = np.tanh(hidden @ kernel.astype("float64") + bias)
            feature = hidden
            if model is distiller.student:
                (loss,) = distiller.distillation_losses
                feature = hidden @ loss.projectors[index].get_weights()[0]
            sums.append(feature.sum(axis=-1))
        products.append(sums[0] * sums[1])
    return np.mean((products[0] - products[1]) ** 2)


@support.eager_tests
class SeveralTapsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = support.data()

    def test_equal_the_formula(self):
        distiller = made()
        distiller.compile("sgd")
        logs = support.evaluated(distiller, self.x)
        np.testing.assert_allclose(
            logs["flow"], flow(distiller, self.x), rtol=1e-5
        )

    def test_train_both_layers_and_projectors(self):
        distiller = made()
        distiller.compile(
            keras.optimizers.SGD(0.01), loss=support.cross_entropy()
        )
        weights = [
            distiller.student.get_layer("block0").kernel,
            *distiller.distillation_losses[0].trainable_weights,
        ]
        before = support.values(weights)
        distiller.fit(self.x, self.y, verbose=0)
        for one, other in zip(before, support.values(weights), strict=True):
            self.assertGreater(np.abs(one - other).max(), 0)

    def test_are_saved(self):
        distiller = made()
        distiller.compile("sgd")
        path = str(support.folder(self) / "d.keras")
        distiller.save(path)
        again = keras.saving.load_model(path)
        self.assertEqual(again.distillation_losses[0].student_tap, TAPS)
        self.assertEqual(
            support.evaluated(again, self.x),
            support.evaluated(distiller, self.x),
        )

    @pytest.mark.slow
    def test_come_out_of_a_cache(self):
        teacher = net([6, 5], "teacher")
        cached = keras_kd.teachers.cache_teacher(
            teacher,
            self.x,
            support.folder(self) / "cache",
            taps=list(TAPS),
            dtype="float32",
        )
        logs = []
        for one, data in (
            (teacher, self.x),
            (cached, cached.attach(self.x).batch(32)),
        ):
            distiller = made(teacher=one)
            distiller.student.set_weights(net([4, 3], "other").get_weights())
            distiller.compile("sgd")
            logs.append(support.evaluated(distiller, data)["flow"])
        np.testing.assert_allclose(*logs, rtol=1e-5)

    def test_masks_come_for_each(self):
        inputs = keras.Input((communities.STEPS,), dtype="int32")
        embed = keras.layers.Embedding(10, 4, mask_zero=True)
        hidden = keras.layers.Dense(3, name="a")(embed(inputs))
        last = keras.layers.Dense(3, name="b")(hidden)
        student = keras.Model(inputs, last)
        teacher = communities.tagger(4, "teacher")
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=MeanOfAll(student_tap=("a", None)),
        )
        distiller.compile("sgd")
        x, _ = communities.data(communities.tagger)
        mean = (keras.Model(inputs, hidden)(x) + student(x)) / 2
        gaps = np.mean(np.asarray(teacher(x) - mean), axis=-1)[x != 0]
        np.testing.assert_allclose(
            support.evaluated(distiller, x)["loss"], np.mean(gaps**2), 1e-4
        )

    def test_peers_have_them_too(self):
        keras.utils.set_random_seed(0)
        peers = [net([4, 3], "a"), net([6, 5], "b")]
        distiller = keras_kd.MutualDistiller(
            peers=peers,
            distillation_losses=Flow(teacher_tap=TAPS, student_tap=TAPS),
        )
        distiller.compile(
            keras.optimizers.SGD(0.01), loss=support.cross_entropy()
        )
        before = [p.get_layer("block0").get_weights()[0] for p in peers]
        distiller.fit(self.x, self.y, verbose=0)
        for peer, kernel in zip(peers, before, strict=True):
            after = peer.get_layer("block0").get_weights()[0]
            self.assertGreater(np.abs(after - kernel).max(), 0)


def detector(name):
    """Class logits and boxes at five anchors, a dict."""
    inputs = keras.Input((5, 4))
    feature = keras.layers.Dense(6, "tanh", name="feature")(inputs)
    outputs = {
        "classes": keras.layers.Dense(3, name="classes")(feature),
        # A box within the image, as many detectors give it.
        "boxes": keras.layers.Dense(4, "sigmoid", name="boxes")(feature),
        "sizes": keras.layers.Dense(2, name="sizes")(feature),
    }
    return keras.Model(inputs, outputs, name=name)


@support.eager_tests
class SeveralOutputsTest(absltest.TestCase):
    """The labels and weights of those that are compared, each its own."""

    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        random = np.random.default_rng(0)
        self.x = random.normal(size=(6, 5, 4)).astype("float32")
        self.y = {
            "classes": np.eye(3, dtype="float32")[
                random.integers(0, 3, (6, 5))
            ],
            "boxes": random.random((6, 5, 4)).astype("float32"),
            "sizes": np.zeros((6, 5, 2), "float32"),
        }
        taps = ("classes", "boxes")
        self.distiller = keras_kd.Distiller(
            teacher=detector("teacher"),
            student=detector("student"),
            distillation_losses=keras_kd.losses.BoxSoftTargets(
                teacher_tap=taps, student_tap=taps, name="soft"
            ),
        )
        self.distiller.compile(
            "sgd",
            loss={
                "classes": keras.losses.BinaryCrossentropy(from_logits=True),
                "boxes": "mse",
                "sizes": "mse",
            },
        )

    def expected(self, **kwargs):
        """The values of the examples."""
        models = self.distiller.teacher, self.distiller.student
        return boxes.soft_targets(
            *(
                [reference.float64(found[tap]) for tap in ("classes", "boxes")]
                for found in (model(self.x) for model in models)
            ),
            **kwargs,
        )

    def evaluated(self, **kwargs):
        return support.evaluated(self.distiller, self.x, self.y, **kwargs)

    def test_a_label_is_void_for_its_own_output(self):
        no_class = np.random.default_rng(1).random((6, 5)) < 0.4
        no_box = np.random.default_rng(2).random((6, 5)) < 0.4
        # An image without a box counts by its classes, one without either not.
        no_box[2:4] = True
        no_class[3] = True
        self.y["classes"][no_class] = np.nan
        self.y["boxes"][no_box] = np.nan
        values = self.expected(counts=(~no_class, ~no_box))
        found = self.evaluated()["soft"]
        np.testing.assert_allclose(found, values.sum() / 5, rtol=1e-5)

    def test_weights_are_the_mean_of_theirs(self):
        random = np.random.default_rng(3)
        weights = {
            name: random.random((6, 5)).astype("float32") for name in self.y
        }
        weights["sizes"] = np.full((6, 5), 99.0, "float32")
        mean = (weights["classes"] + weights["boxes"]).mean(axis=1) / 2
        found = self.evaluated(sample_weight=weights)["soft"]
        np.testing.assert_allclose(
            found, (mean * self.expected()).mean(), rtol=1e-5
        )

    def test_only_scores_must_be_logits(self):
        # The boxes above end in a sigmoid.
        with self.assertRaisesRegex(ValueError, "`Box.*logits.*'boxes'"):
            keras_kd.Distiller(
                teacher=detector("teacher"),
                student=detector("student"),
                distillation_losses=keras_kd.losses.BoxSoftTargets(
                    teacher_tap=("boxes", "boxes"),
                    student_tap=("classes", "boxes"),
                ),
            )


class RefusalsTest(parameterized.TestCase):
    def test_a_loss_of_one_tensor_takes_one_tap(self):
        with self.assertRaisesRegex(
            ValueError, r"`student_tap` must be one tap.*`Hint`.*\('a', 'b'\)"
        ):
            keras_kd.losses.Hint(student_tap=("a", "b"))

    @parameterized.parameters(((),), ((1,),), (5,))
    def test_names_are_text(self, tap):
        with self.assertRaisesRegex(TypeError, "`teacher_tap` must be a str"):
            Flow(teacher_tap=tap)

    def test_an_input_gradient_is_of_one_tap(self):
        class Two(keras_kd.losses.InputGradientTransfer):
            accepts_several_taps = True

        with self.assertRaisesRegex(
            ValueError, "_input_gradient that.*is of one.*Make one"
        ):
            Two(student_tap=("a", "b"))

    def test_an_unknown_one_is_named(self):
        with self.assertRaisesRegex(ValueError, "student_tap='block9'"):
            made(Flow(teacher_tap=TAPS, student_tap=("block0", "block9")))

    @pytest.mark.slow
    def test_a_cache_must_have_all(self):
        x, _ = support.data()
        cached = keras_kd.teachers.cache_teacher(
            net([6, 5], "teacher"),
            x,
            support.folder(self) / "cache",
            taps=["block0"],
        )
        with self.assertRaisesRegex(ValueError, "'block1' must be in the cac"):
            made(teacher=cached)


if __name__ == "__main__":
    absltest.main()
