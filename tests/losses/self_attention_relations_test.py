import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

import keras_kd
from keras_kd import losses
from tests import reference
from tests import support
from tests.losses import precision
from tests.references import sequences

PARTS = ("query", "key", "value")
# Queries, keys and values of 2 texts of 5 words.
TEACHER = np.random.default_rng(0).normal(size=(3, 2, 5, 12))
STUDENT = np.random.default_rng(1).normal(size=(3, 2, 5, 6))
MASK = np.array([[True] * 5, [True, True, False, True, False]])


def relations(heads=3, **kwargs):
    return losses.SelfAttentionRelations(heads, **kwargs)


def value(teacher, student, loss=None, **kwargs):
    teacher, student = (
        tuple(ops.array(x, "float32") for x in side)
        for side in (teacher, student)
    )
    return (loss or relations())(teacher, student, **kwargs)


def encoder(width, heads):
    """A net with attention over texts, whose padding is word 0."""
    words = keras.Input((6,), dtype="int32")
    hidden = keras.layers.Embedding(
        9, width, keras.initializers.RandomNormal(stddev=2), mask_zero=True
    )(words)
    attention = keras.layers.MultiHeadAttention(heads, 4, name="attention")
    return keras.Model(words, attention(hidden, hidden))


class SelfAttentionRelationsTest(parameterized.TestCase):
    @parameterized.parameters(1, 2, 3, 6)
    def test_equals_the_reference(self, heads):
        np.testing.assert_allclose(
            value(TEACHER, STUDENT, relations(heads)),
            sequences.self_attention_relations(TEACHER, STUDENT, heads),
            rtol=1e-4,
        )

    def test_gradient_is_that_of_the_reference(self):
        # Along a direction, against a difference quotient in float64.
        direction = np.random.default_rng(2).normal(size=STUDENT.shape)
        above, below = (
            sequences.self_attention_relations(
                TEACHER, STUDENT + change * direction, 3, MASK
            ).sum()
            for change in (1e-5, -1e-5)
        )
        result = precision.run(
            lambda: (
                lambda teacher, student: relations()(
                    ops.unstack(teacher),
                    ops.unstack(student),
                    student_mask=(ops.array(MASK),) * 3,
                )
            ),
            TEACHER,
            STUDENT,
        )
        np.testing.assert_allclose(
            np.sum(result.gradient * direction), (above - below) / 2e-5, 1e-3
        )

    def test_heads_of_the_layers_do_not_count(self):
        apart = TEACHER.reshape((3, 2, 5, 4, 3))
        np.testing.assert_array_equal(
            value(apart, STUDENT), value(TEACHER, STUDENT)
        )

    def test_hidden_words_are_related_to_none(self):
        hidden = np.where(MASK[..., None], STUDENT, np.inf)
        actual = value(TEACHER, hidden, student_mask=(ops.array(MASK),) * 3)
        expected = sequences.self_attention_relations(TEACHER, STUDENT, 3, MASK)
        np.testing.assert_allclose(actual, expected, rtol=1e-4)

    @support.eagerly()
    def test_reads_attention_layers_and_leaves_padding_out(self):
        keras.utils.set_random_seed(0)
        taps = tuple(f"attention/{part}" for part in PARTS)
        teacher, student = encoder(8, 3), encoder(4, 2)
        texts = np.array([[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 1, 2]])
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=relations(
                2, teacher_tap=taps, student_tap=taps, name="named"
            ),
        )
        distiller.compile("adam")
        logs = support.evaluated(distiller, texts)

        seen = []
        for model in (teacher, student):
            # Without its mask, which these layers would warn of.
            hidden = np.asarray(model.layers[1](texts))
            layers = keras_kd.taps.layers(model)
            seen.append(
                [
                    reference.float64(layers[tap](hidden)).reshape((2, 6, -1))
                    for tap in taps
                ]
            )
        mask = texts > 0
        expected = sequences.self_attention_relations(*seen, 2, mask)
        np.testing.assert_allclose(
            logs["named"], expected.sum() / mask.sum(), rtol=1e-4
        )

    def test_rejects_heads_that_do_not_divide(self):
        with self.assertRaisesRegex(ValueError, "heads=4.*divisor of 6"):
            value(TEACHER, STUDENT, relations(4))

    def test_rejects_other_numbers_of_steps(self):
        with self.assertRaisesRegex(ValueError, r"\(2, 5, 12\).*as many steps"):
            value(TEACHER, STUDENT[:, :, :4])

    def test_rejects_features_that_are_not_as_many(self):
        message = "tuples of as many names"
        with self.assertRaisesRegex(ValueError, message):
            value(TEACHER, STUDENT[:2])
        with self.assertRaisesRegex(ValueError, message):
            relations()(TEACHER[0], STUDENT[0])


if __name__ == "__main__":
    absltest.main()
