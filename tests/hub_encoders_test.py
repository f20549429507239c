"""Encoders of KerasHub: hidden states, relations, and blocks that stay."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from keras_kd import losses
from keras_kd import models
from tests import hub_models
from tests import reference
from tests import support
from tests.references import sequences

pytestmark = pytest.mark.slow  # To import KerasHub takes some seconds.

PARTS = ("query", "key", "value")
WORDS = np.random.default_rng(0).integers(1, 20, (8, hub_models.STEPS))
MASK = np.arange(hub_models.STEPS) < [[12], [5], [7], [3], [9], [12], [4], [6]]
X = {
    "token_ids": np.where(MASK, WORDS, 0),
    "segment_ids": np.zeros_like(WORDS),
    "padding_mask": MASK,
}
# Loads a student where this library is not, and shows what it makes.
SHOW = """
import sys
import keras_hub
import keras
import numpy as np
student = keras.saving.load_model(sys.argv[1])
x = dict(np.load(sys.argv[2]))
np.save(sys.argv[3], student.predict(x, verbose=0)["sequence_output"])
assert "keras_kd" not in sys.modules
"""


def attention_taps(number):
    attention = f"transformer_layer_{number}/self_attention_layer"
    return tuple(f"{attention}/{part}" for part in PARTS)


@support.eager_tests
class EncodersTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(0)
        cls.teacher = hub_models.bert(24, num_layers=4, num_heads=3)
        for weight in cls.teacher.trainable_weights:
            if len(weight.shape) > 1:  # Far from zero, as after a training.
                weight.assign(10 * weight)
        student = hub_models.bert(16, num_layers=2)
        # Nothing is learned about the pooled output.
        student.get_layer("pooled_dense").trainable = False
        cls.distiller = keras_kd.Distiller(
            teacher=cls.teacher,
            student=student,
            distillation_losses=[
                losses.SelfAttentionRelations(
                    4,
                    teacher_tap=attention_taps(3),
                    student_tap=attention_taps(1),
                ),
                losses.Hint(
                    projector=keras.layers.Dense(24),
                    teacher_tap="transformer_layer_3",
                    student_tap="transformer_layer_1",
                ),
            ],
            mask_input="padding_mask",
        )
        cls.distiller.compile(keras.optimizers.Adam(0.02))

    def vectors(self, model, number):
        """Queries, keys and values of a layer, three arrays in float64."""
        layers = keras_kd.taps.layers(model)
        name = f"transformer_layer_{number - 1}"
        between = keras.Model(model.inputs, model.get_layer(name).output)
        hidden = between(X)
        return [
            reference.float64(layers[tap](hidden)).reshape((*MASK.shape, -1))
            for tap in attention_taps(number)
        ]

    def test_padding_is_related_to_nothing(self):
        logs = support.evaluated(self.distiller, X)
        expected = sequences.self_attention_relations(
            self.vectors(self.teacher, 3),
            self.vectors(self.distiller.student, 1),
            4,
            MASK,
        )
        np.testing.assert_allclose(
            logs["self_attention_relations"],
            expected.sum() / MASK.sum(),
            rtol=1e-4,
        )

    def test_learns_and_is_a_model_of_its_own(self):
        history = self.distiller.fit(X, epochs=14, verbose=0).history
        for name in ("self_attention_relations", "hint"):
            self.assertLess(history[name][-1], 0.9 * history[name][0])
        folder, student = support.folder(self), self.distiller.student
        paths = [folder / name for name in ("s.keras", "x.npz", "found.npy")]
        student.save(paths[0])
        np.savez(paths[1], **X)
        fresh = subprocess.run(
            [sys.executable, "-c", SHOW, *paths],
            capture_output=True,
            text=True,
            timeout=200,
            cwd=folder,
        )
        self.assertEqual(fresh.returncode, 0, fresh.stderr)
        np.testing.assert_allclose(
            np.load(paths[2]), student(X)["sequence_output"], 1e-4, 1e-5
        )

    def test_every_other_layer_stays(self):
        student = models.drop_layers(self.teacher, keep=range(0, 4, 2))
        self.assertIsInstance(student, type(self.teacher))
        self.assertEqual(student.num_layers, 2)
        teacher = self.teacher
        hidden = keras.Model(
            teacher.inputs, teacher.get_layer("transformer_layer_0").output
        )(X)
        expected = teacher.get_layer("transformer_layer_2")(
            hidden, padding_mask=MASK
        )
        np.testing.assert_allclose(
            student(X)["sequence_output"], expected, 1e-5, 1e-5
        )


if __name__ == "__main__":
    absltest.main()
