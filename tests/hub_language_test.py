"""Causal language models of KerasHub: taught, saved, and they write."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd import models
from keras_kd import transfer_sets
from tests import hub_models
from tests import reference
from tests import support
from tests.references import sequences

pytestmark = pytest.mark.slow  # To import KerasHub takes some seconds.

KINDS = {
    "gpt2": (hub_models.gpt2, hub_models.gpt2_preprocessor),
    "gemma": (hub_models.gemma, hub_models.gemma_preprocessor),
}
# Each with its float64 reference.
DIVERGENCES = {
    "soft_targets": (
        losses.SoftTargets(2.0),
        lambda t, s: 4 * reference.kl_divergence(t / 2, s / 2),
    ),
    "reverse_soft_targets": (
        losses.ReverseSoftTargets(2.0),
        lambda t, s: 4 * sequences.reverse_divergence(t, s, 2.0),
    ),
    "jensen_shannon_divergence": (
        losses.JensenShannonDivergence(teacher_share=0.25),
        lambda t, s: sequences.jensen_shannon(t, s, 0.25),
    ),
    "skewed_soft_targets": (
        losses.SkewedSoftTargets(),
        sequences.skewed_divergence,
    ),
    "reverse_skewed": (
        losses.SkewedSoftTargets(reverse=True, name="reverse_skewed"),
        sequences.skewed_reverse_divergence,
    ),
    "interpolated_soft_targets": (
        losses.InterpolatedSoftTargets(interpolation=0.4),
        lambda t, s: sequences.interpolated_target(t, s, 0.4),
    ),
}
# Loads students where this library is not, and lets them write.
WRITE = """
import sys
import keras_hub
import keras
for path in sys.argv[1:]:
    student = keras.saving.load_model(path, compile=False)
    student.compile(sampler="greedy", jit_compile=False)
    print(repr(student.generate("the", max_length=8)))
assert "keras_kd" not in sys.modules
"""


@functools.cache
def pairs():
    """A teacher, a student, texts and batches of each kind, by name."""
    # Once: TensorFlow forgets the models of SentencePiece with it.
    keras.utils.set_random_seed(0)
    return {name: pair(*kind) for name, kind in KINDS.items()}


def pair(model, preprocessor):
    """A teacher, a student, texts, and what their preprocessor makes of them.

    Args:
        model: Makes a model from its width and a preprocessor.
        preprocessor: Makes the preprocessor.
    """
    preprocessor = preprocessor()
    teacher = hub_models.sure(model(16, preprocessor))
    texts = tf.data.Dataset.from_tensor_slices(list(hub_models.TEXTS))
    texts = texts.batch(len(hub_models.TEXTS))
    return teacher, model(8, preprocessor), texts, texts.map(preprocessor)


def distiller(teacher, student, distillation_losses=None, **options):
    made = keras_kd.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=distillation_losses or losses.SoftTargets(2.0),
        **options,
    )
    made.compile(
        keras.optimizers.Adam(0.03),
        hub_models.cross_entropy(),
        weighted_metrics=["accuracy"],
        jit_compile=False,
    )
    return made


@functools.cache
def history(kind):
    """The training history of a student of a kind, by its teacher alone."""
    teacher, student, _, batches = pairs()[kind]
    # What both have attached is for their own `fit` and `generate`, so that to
    # map it is not to give it twice.
    taught = distiller(
        teacher, student, student_loss_weight=0.0, mask_input="padding_mask"
    )
    with support.eagerly():
        return taught.fit(batches, epochs=6, verbose=0).history


@parameterized.parameters(*KINDS)
class CausalLanguageModelsTest(parameterized.TestCase):
    def test_learns_from_preprocessed_texts(self, kind):
        first, *_, last = history(kind)["soft_targets"]
        self.assertLess(last, 0.8 * first)

    def test_divergences_are_means_over_words(self, kind):
        teacher, student, _, batches = pairs()[kind]
        taught = distiller(
            teacher,
            student,
            [
                type(loss).from_config(loss.get_config())
                for loss, _ in DIVERGENCES.values()
            ],
            mask_input="padding_mask",
        )
        with support.eagerly():
            logs = support.evaluated(taught, batches)

        ((x, _, weights),) = list(batches)
        self.assertEqual(weights.dtype, tf.bool)
        logits = [reference.float64(model(x)) for model in (teacher, student)]
        counts = np.asarray(x["padding_mask"], "float64")
        self.assertLess(counts.sum(), counts.size)
        for name, (_, divergence) in DIVERGENCES.items():
            # The last word of a text has no next one, and a weight of 0.
            values = divergence(*logits) * np.asarray(weights) * counts
            self.assertAllClose(logs[name], values.sum() / counts.sum(), name)

    def assertAllClose(self, actual, expected, name):
        np.testing.assert_allclose(actual, expected, 1e-4, err_msg=name)

    def test_texts_as_they_are_are_refused_with_the_remedy(self, kind):
        teacher, student, texts, _ = pairs()[kind]
        taught = distiller(teacher, student)
        remedy = r"takes a dict with.*`data.map\(teacher.preprocessor\)`"
        with self.assertRaisesRegex(ValueError, remedy):
            taught.fit(texts, verbose=0)

    def test_writes_the_tokens_of_generate(self, kind):
        teacher, *_ = pairs()[kind]
        teacher.compile(sampler="greedy", jit_compile=False)
        prompts = teacher.preprocessor.generate_preprocess(["the", "a"], 9)
        given = {name: np.asarray(part) for name, part in prompts.items()}
        made = teacher.generate_function or teacher.make_generate_function()
        expected = keras.ops.convert_to_numpy(made(prompts)["token_ids"])
        texts = transfer_sets.write_texts(
            model=teacher,
            prompts=[
                tokens[shown.astype(bool)]
                for tokens, shown in zip(
                    given["token_ids"], given["padding_mask"], strict=True
                )
            ],
            max_length=9,
            temperature=0,
        )
        np.testing.assert_array_equal(texts, expected)


class StudentsTest(absltest.TestCase):
    def test_they_write_where_this_library_is_not(self):
        folder, written, paths = support.folder(self), [], []
        students = {}
        for name, (teacher, student, *_) in pairs().items():
            history(name)
            students[name] = student
            students[f"{name}_one"] = models.drop_layers(teacher, keep=[1])
        for name, student in students.items():
            # The sampler is no part of a file.
            student.compile(sampler="greedy", jit_compile=False)
            written.append(student.generate("the", max_length=8))
            paths.append(folder / f"{name}.keras")
            student.save(paths[-1])
        fresh = subprocess.run(
            [sys.executable, "-c", WRITE, *paths],
            capture_output=True,
            text=True,
            timeout=200,
            cwd=folder,
        )
        self.assertEqual(fresh.returncode, 0, fresh.stderr)
        self.assertEqual(fresh.stdout.splitlines(), list(map(repr, written)))
        self.assertTrue(all(text.startswith("the") for text in written))


if __name__ == "__main__":
    absltest.main()
