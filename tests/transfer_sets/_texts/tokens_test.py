import numpy as np
from absl.testing import absltest

from keras_kd.transfer_sets._texts import tokens

PROMPTS = tokens.prompts_of("prompts", [[7], [5, 6]], 10, 5)


class LessonTest(absltest.TestCase):
    def test_hides_prompts_and_what_is_behind_the_end(self):
        texts = tokens.with_answers(PROMPTS, [[1, 2], [3, 4, 8]], 10)
        x, y = texts.lesson()
        # 7 1 2 . .    The 7 predicts 1, the 1 predicts 2, the 2 nothing.
        # 5 6 3 4 8    The 6 predicts 3, and so on.
        np.testing.assert_array_equal(
            x["token_ids"], [[7, 1, 2, 0], [5, 6, 3, 4]]
        )
        np.testing.assert_array_equal(y, [[1, 2, -1, -1], [-1, 3, 4, 8]])
        np.testing.assert_array_equal(x["written"], y >= 0)
        np.testing.assert_array_equal(
            x["padding_mask"], [[1, 1, 1, 0], [1, 1, 1, 1]]
        )

    def test_a_token_0_that_is_written_is_learnt(self):
        texts = tokens.with_answers(PROMPTS, [[0], [0, 3]], 10)
        _, y = texts.lesson()
        np.testing.assert_array_equal(y, [[0, -1, -1, -1], [-1, 0, 3, -1]])


class AnswersTest(absltest.TestCase):
    def test_are_cut_to_the_longest_text(self):
        texts = tokens.with_answers(PROMPTS, [[1] * 9, [2] * 9], 10)
        np.testing.assert_array_equal(
            texts.tokens, [[7, 1, 1, 1, 1], [5, 6, 2, 2, 2]]
        )
        np.testing.assert_array_equal(texts.lengths, [5, 5])
        np.testing.assert_array_equal(texts.starts, [1, 2])

    def test_must_be_as_many_as_the_prompts(self):
        with self.assertRaisesRegex(ValueError, "1 answers.*for 2 prompts"):
            tokens.with_answers(PROMPTS, [[1]], 10)

    def test_must_not_be_empty(self):
        with self.assertRaisesRegex(ValueError, "shortest of 0 tokens"):
            tokens.with_answers(PROMPTS, [[1], []], 10)


if __name__ == "__main__":
    absltest.main()
