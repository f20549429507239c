"""Losses that compare several places of each model at once."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

import keras_kd
from tests import support
from tests.mechanisms import TAPS
from tests.mechanisms import Flow
from tests.mechanisms import net
from tests.peers import communities


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
