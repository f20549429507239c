import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd import procedures
from keras_kd import transfer_sets
from tests import reference
from tests import support
from tests.transfer_sets import small_writers

PROMPTS = [[1], [2, 3], [4], [0, 1, 2]]
ANSWERS = [[2, 3, 3], [1], [0, 4, 2, 2], [3, 2]]
STILL = keras.optimizers.SGD(0.0)


def run(teacher, student, **kwargs):
    return procedures.on_policy_distillation(
        **{
            "teacher": teacher,
            "student": student,
            "prompts": PROMPTS,
            "max_length": 7,
            "rounds": 1,
            "batch_size": 4,
            "optimizer": STILL,
            "verbose": 0,
        }
        | kwargs
    )


def divergence(first, second, temperature=1.0):
    """KL of the rows of two tables, times the square of the temperature."""
    p, q = (reference.softmax(z / temperature) for z in (first, second))
    return temperature**2 * np.sum(p * np.log(p / q), axis=-1)


def mean_over(values, texts):
    """Mean over the tokens that predict one behind a prompt."""
    return np.mean(
        [
            values[token]
            for text, prompt in zip(texts, PROMPTS, strict=True)
            for token in text[len(prompt) - 1 : -1]
        ]
    )


@support.eager_tests
class OnPolicyDistillationTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.theirs = small_writers.random_logits()
        self.ours = small_writers.random_logits(1)
        self.teacher = small_writers.table(self.theirs)
        self.student = small_writers.table(self.ours)

    def loss(self, **kwargs):
        history = run(self.teacher, self.student, **kwargs).histories["student"]
        return history["loss"]

    def test_the_loss_is_that_of_the_students_texts(self):
        # The likeliest ones can be told without the seed.
        writing = {"temperature": 0, "max_length": 7, "end_token": 3}
        texts = transfer_sets.write_texts(
            model=self.student, prompts=PROMPTS, **writing
        )
        expected = mean_over(divergence(self.ours, self.theirs), texts)
        np.testing.assert_allclose(self.loss(**writing), [expected], rtol=1e-5)

    def test_the_loss_of_given_texts_leaves_out_prompts_and_ends(self):
        texts = [[*a, *b] for a, b in zip(PROMPTS, ANSWERS, strict=True)]
        expected = mean_over(divergence(self.ours, self.theirs), texts)
        found = self.loss(answers=ANSWERS, student_share=0.0)
        np.testing.assert_allclose(found, [expected], rtol=1e-5)

    def test_any_loss_of_logits_can_be_used(self):
        texts = [[*a, *b] for a, b in zip(PROMPTS, ANSWERS, strict=True)]
        expected = mean_over(divergence(self.theirs, self.ours, 2.0), texts)
        given = losses.SoftTargets(2.0)
        found = self.loss(
            answers=ANSWERS, student_share=0.0, distillation_losses=given
        )
        np.testing.assert_allclose(found, [expected], rtol=1e-5)
        self.assertFalse(given.built)  # Each run makes its own.

    def test_each_round_is_written_by_the_student_of_that_day(self):
        tables = [self.ours]
        keep = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: tables.append(
                np.float64(self.student.get_weights()[0])
            )
        )
        found = self.loss(
            temperature=0,
            rounds=3,
            optimizer=keras.optimizers.SGD(9.0),
            callbacks=[keep],
        )
        texts = [
            transfer_sets.write_texts(
                model=small_writers.table(table),
                prompts=PROMPTS,
                temperature=0,
                max_length=7,
            )
            for table in tables
        ]
        expected = [
            mean_over(divergence(table, self.theirs), of)
            for table, of in zip(tables, texts, strict=True)
        ]
        np.testing.assert_allclose(found, expected[:3], rtol=1e-4)
        first, _, last, _ = (small_writers.lists(of) for of in texts)
        self.assertNotEqual(first, last)

    def test_models_of_tokens_and_of_a_dict_go_together(self):
        teacher = small_writers.reads_a_dict()
        history = run(teacher, self.student).histories["student"]
        self.assertTrue(np.isfinite(history["loss"]).all())

    def test_answers_are_needed_unless_all_is_the_students(self):
        with self.assertRaisesRegex(
            ValueError, "`answers` must be given.*student_share=0.5"
        ):
            self.loss(student_share=0.5)

    @parameterized.parameters(-0.1, 1.1, "1", None)
    def test_refuses_a_share(self, share):
        with self.assertRaisesRegex(
            ValueError, f"`student_share` must be .*student_share={share!r}"
        ):
            self.loss(answers=ANSWERS, student_share=share)


@pytest.mark.slow
class BenefitTest(absltest.TestCase):
    def after(self, seed, share):
        """Mean divergence behind the tokens 3 to 5, at first and in the end."""
        size = 6
        keras.utils.set_random_seed(seed)
        theirs, ours = (
            small_writers.random_logits(one, size, 1.0) for one in (9, seed)
        )
        student = small_writers.table(ours)
        run(
            small_writers.table(theirs),
            student,
            prompts=[[0], [1], [2]],
            answers=[[1, 2] * 3, [2, 0] * 3, [0, 1] * 3],
            student_share=share,
            rounds=20,
            batch_size=12,
            optimizer=keras.optimizers.SGD(2.0),
            seed=seed,
        )
        tables = ours, np.float64(student.get_weights()[0])
        return [divergence(table, theirs)[3:].mean() for table in tables]

    @support.eagerly()
    def test_corrects_what_a_student_does_that_reads_given_texts_alone(self):
        # Those have the tokens 0 to 2 only. Where a student comes besides, by
        # what it draws, nobody shows one that reads given texts.
        for seed in range(3):
            before, after = self.after(seed, share=0.0)
            np.testing.assert_allclose(after, before, rtol=1e-5)
            before, after = self.after(seed, share=1.0)
            self.assertLess(after, 0.5 * before)


if __name__ == "__main__":
    absltest.main()
