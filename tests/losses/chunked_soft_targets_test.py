"""Soft targets without logits of all classes, in a Distiller."""

import contextlib

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

import keras_kd
from keras_kd import losses
from keras_kd._core.output_layers import OutputLayer
from tests import support

CLASSES = 10
TAPS = {"teacher_tap": "norm", "student_tap": "norm"}


def tagger(width, name, is_tied=False, classes=CLASSES):
    """A net of positions, whose mask hides padding."""
    tokens = keras.Input((6,), dtype="int32")
    embedding = keras.layers.ReversibleEmbedding(
        classes, width, mask_zero=True, name="embedding"
    )
    x = keras.layers.LayerNormalization(name="norm")(embedding(tokens))
    if is_tied:
        return keras.Model(tokens, embedding(x, reverse=True), name=name)
    head = keras.layers.Dense(classes, name="head", bias_initializer="ones")
    return keras.Model(tokens, head(x), name=name)


def chunked(temperature=2.0, **options):
    return losses.ChunkedSoftTargets(
        temperature, chunk_size=4, name="soft", **TAPS, **options
    )


def distiller(loss, is_tied=False, **options):
    """A compiled one, with models of different widths."""
    keras.utils.set_random_seed(0)
    made = keras_kd.Distiller(
        teacher=tagger(5, "teacher"),
        student=tagger(3, "student", is_tied),
        distillation_losses=loss,
    )
    made.compile(keras.optimizers.SGD(0.1, momentum=0.9), **options)
    return made


def data():
    """Tokens, 0 for padding, and a weight for each example."""
    random = np.random.default_rng(0)
    x = random.integers(0, CLASSES, (8, 6))
    return x, random.random(8).astype("float32")


def trained(made, callbacks=(), epochs=1):
    x, weights = data()
    made.fit(
        x,
        sample_weight=weights,
        batch_size=4,
        epochs=epochs,
        shuffle=False,
        callbacks=list(callbacks),
        verbose=0,
    )
    return support.values(made.student.weights)


class TrainingTest(parameterized.TestCase):
    def assert_alike(self, ours, theirs):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

    def assert_trains_alike(self, dense, loss, **options):
        # Without a graph, JAX compiles each operation by itself.
        is_jax = keras.backend.backend() == "jax"
        with contextlib.nullcontext() if is_jax else support.eagerly():
            self.assert_alike(
                trained(distiller(loss, **options)),
                trained(distiller(dense, **options)),
            )

    @parameterized.product(is_tied=(False, True), reverse=(False, True))
    def test_trains_as_with_all_logits(self, is_tied, reverse):
        # With masks and weights; the kernels learn too.
        kind = losses.ReverseSoftTargets if reverse else losses.SoftTargets
        self.assert_trains_alike(
            kind(2.0), chunked(reverse=reverse), is_tied=is_tied
        )

    @pytest.mark.slow
    def test_in_a_graph_with_a_temperature_that_changes(self):
        def cooling(loss):
            made = distiller(loss)
            cooler = keras_kd.callbacks.Anneal(
                "soft.temperature", lambda step: 4.0 / (1 + step)
            )
            return trained(made, [cooler])

        self.assert_alike(
            cooling(chunked()), cooling(losses.SoftTargets(2.0, name="soft"))
        )

    @pytest.mark.slow
    @support.on_tensorflow
    def test_compiled_by_xla(self):
        self.assert_alike(
            trained(distiller(chunked(), jit_compile=True)),
            trained(distiller(chunked(), jit_compile=False)),
        )

    @pytest.mark.slow
    @support.on_tensorflow
    def test_on_two_replicas(self):
        from tests import replicas

        with replicas.two_replicas().scope():
            double = distiller(chunked())
        self.assert_alike(trained(double), trained(distiller(chunked())))

    @pytest.mark.slow
    def test_goes_on_from_a_file_to_the_same_bits(self):
        whole, first = distiller(chunked()), distiller(chunked())
        trained(whole, epochs=2)
        trained(first, epochs=1)
        path = support.folder(self) / "distiller.keras"
        first.save(path)
        loaded = keras.saving.load_model(path)
        trained(loaded, epochs=1)
        for one, other in zip(loaded.weights, whole.weights, strict=True):
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(one),
                keras.ops.convert_to_numpy(other),
            )


class CallTest(absltest.TestCase):
    def test_survives_its_config(self):
        loss = chunked(3.0, reverse=True, loss_weight=0.5)
        copy = losses.ChunkedSoftTargets.from_config(loss.get_config())
        self.assertEqual(copy.get_config(), loss.get_config())
        self.assertEqual((copy.chunk_size, copy.reverse), (4, True))

    def test_is_float32_for_half_precision(self):
        layers = {
            f"{role}_output_layer": OutputLayer(
                support.dense(width), "hidden", role, "soft"
            )
            for role, width in (("teacher", 5), ("student", 4))
        }
        hidden = [
            ops.convert_to_tensor(np.random.default_rng(0).normal(size=(6, n)))
            for n in (5, 4)
        ]
        half = [ops.cast(one, "float16") for one in hidden]
        values = chunked()(*half, **layers)
        self.assertEqual(
            keras.backend.standardize_dtype(values.dtype), "float32"
        )
        rounded = [ops.cast(one, "float32") for one in half]
        np.testing.assert_array_equal(
            ops.convert_to_numpy(values),
            ops.convert_to_numpy(chunked()(*rounded, **layers)),
        )


def distiller_of(teacher=None, student=None, **options):
    return keras_kd.Distiller(
        teacher=teacher or tagger(5, "teacher"),
        student=student or tagger(3, "student"),
        distillation_losses=losses.ChunkedSoftTargets(**TAPS | options),
    )


class RefusalsTest(parameterized.TestCase):
    def refused(self, message, **options):
        with self.assertRaisesRegex(ValueError, message):
            distiller_of(**options)

    def test_of_different_classes(self):
        self.refused(
            r"same classes.*teacher logits of shape \(None, 6, 10\).*6, 9\)",
            student=tagger(3, "student", classes=9),
        )

    def test_of_one_class(self):
        one = support.dense(4, classes=1, name="one")
        two = support.dense(4, classes=1, name="two")
        taps = {"teacher_tap": "hidden", "student_tap": "hidden"}
        self.refused("at least two classes", teacher=one, student=two, **taps)

    def test_of_a_tap_that_is_no_input_of_an_output_layer(self):
        self.refused(
            r"`student_tap` must be what.*loss 'chunked_soft_targets'.*"
            r'norm \(LayerNorm.*head \(Dense\)\. Tap "head:input"',
            student_tap="norm:input",
        )
        self.refused("`teacher_tap` must be.*Tap a layer", teacher_tap=None)

    def test_of_a_student_without_a_graph(self):
        class Own(keras.Model):
            def __init__(self):
                super().__init__(name="own")
                self.norm = tagger(3, "inner")

            def call(self, x):
                return self.norm(x)

        student = Own()
        student(data()[0])
        with self.assertRaisesRegex(
            TypeError, "`student` must be a Functional or Sequential model"
        ):
            distiller_of(student=student)

    def test_of_peers(self):
        with self.assertRaisesRegex(ValueError, "no head.*ChunkedSoftTargets"):
            keras_kd.MutualDistiller(
                peers=[tagger(3, "a"), tagger(3, "b")],
                distillation_losses=chunked(),
            )


if __name__ == "__main__":
    absltest.main()
