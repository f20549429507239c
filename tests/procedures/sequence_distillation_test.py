import keras
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import procedures
from keras_kd import transfer_sets
from tests import reference
from tests import support
from tests.transfer_sets import small_writers
from tests.transfer_sets.small_writers import lists

PROMPTS = [[1], [2, 3], [4], [0, 1, 2]]
WRITTEN = {"max_length": 8, "end_token": 0, "temperature": 1.0, "seed": 3}


def run(teacher, student, **kwargs):
    return procedures.sequence_distillation(
        **{
            "teacher": teacher,
            "student": student,
            "prompts": PROMPTS,
            "epochs": 1,
            "batch_size": 4,
            "verbose": 0,
        }
        | WRITTEN
        | kwargs
    )


def nats(logits, texts, starts):
    """Mean cross-entropy of the tokens behind each prompt."""
    log_p = np.log(reference.softmax(logits))
    found = [
        -log_p[text[place - 1], text[place]]
        for text, start in zip(texts, starts, strict=True)
        for place in range(start, len(text))
    ]
    return np.mean(found)


@support.eager_tests
class SequenceDistillationTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.logits = small_writers.random_logits(1)
        self.teacher = small_writers.table(small_writers.random_logits())
        self.student = small_writers.table(self.logits)

    def test_the_teacher_writes_the_texts(self):
        result = run(self.teacher, self.student, batch_size=3)
        expected = transfer_sets.write_texts(
            model=self.teacher, prompts=PROMPTS, batch_size=3, **WRITTEN
        )
        self.assertEqual(lists(result.texts), lists(expected))
        # For the next test: they end at several places.
        self.assertGreater(len({len(text) for text in expected}), 1)

    def test_the_loss_is_that_of_the_tokens_behind_the_prompts(self):
        result = run(
            self.teacher, self.student, optimizer=keras.optimizers.SGD(0.0)
        )
        np.testing.assert_allclose(
            result.histories["student"]["loss"],
            [nats(self.logits, result.texts, map(len, PROMPTS))],
            rtol=1e-5,
        )

    def test_the_likeliest_texts_are_the_default(self):
        teacher = small_writers.table(small_writers.counter())
        result = procedures.sequence_distillation(
            teacher=teacher,
            student=self.student,
            prompts=[[3], [1]],
            max_length=4,
            epochs=1,
            verbose=0,
        )
        self.assertEqual(lists(result.texts), [[3, 4, 0, 1], [1, 2, 3, 4]])

    def test_trains_a_student_of_a_dict(self):
        teacher = small_writers.measures_padding()
        student = small_writers.reads_a_dict(9)
        result = run(teacher, student, end_token=None, epochs=4)
        loss = result.histories["student"]["loss"]
        self.assertLess(loss[-1], loss[0])

    def test_texts_are_kept_as_they_were_written(self):
        folder = support.folder(self)
        result = run(self.teacher, self.student, batch_size=3, directory=folder)
        kept = [np.load(folder / f"texts_{i}.npz") for i in range(2)]
        tokens = np.concatenate([file["tokens"] for file in kept])
        for row, text in zip(tokens, result.texts, strict=True):
            np.testing.assert_array_equal(row[: len(text)], text)

    def test_refuses_a_student_of_other_tokens(self):
        student = small_writers.table(small_writers.random_logits(size=6))
        with self.assertRaisesRegex(
            ValueError, "`teacher` must have the student's tokens.*5.*6"
        ):
            run(self.teacher, student)


@pytest.mark.slow
class BenefitTest(absltest.TestCase):
    @support.eagerly()
    def test_the_teachers_texts_beat_the_few_that_there_are(self):
        gains = []
        for seed in range(3):
            logits = small_writers.random_logits(seed)
            truth = reference.softmax(logits)
            teacher = small_writers.table(logits)
            real = transfer_sets.write_texts(
                model=teacher, prompts=[[seed]] * 2, max_length=20, seed=99
            )
            scores = []
            for prompts in ([[seed]] * 2, [[i % 5] for i in range(100)]):
                keras.utils.set_random_seed(seed)
                student = small_writers.table(np.zeros((5, 5)))
                if len(prompts) == 2:
                    loss = support.cross_entropy()
                    student.compile(keras.optimizers.Adam(0.1), loss)
                    x = np.stack(real)
                    student.fit(x[:, :-1], x[:, 1:], epochs=30, verbose=0)
                else:
                    run(
                        teacher,
                        student,
                        prompts=prompts,
                        max_length=20,
                        end_token=None,
                        epochs=30,
                        batch_size=100,
                        optimizer=keras.optimizers.Adam(0.1),
                    )
                learnt = np.log(reference.softmax(student.get_weights()[0]))
                # Nats per token behind each of the five, exactly.
                scores.append(-np.mean(np.sum(truth * learnt, axis=-1)))
            gains.append(scores[0] - scores[1])
        self.assertGreater(min(gains), 0.05, gains)


if __name__ == "__main__":
    absltest.main()
