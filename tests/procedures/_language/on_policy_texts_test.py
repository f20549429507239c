import collections

import numpy as np
from absl.testing import absltest

from keras_kd.procedures._language.on_policy_texts import OnPolicyTexts
from keras_kd.transfer_sets._texts import tokens
from keras_kd.transfer_sets._texts.tokens import Texts

# Texts of a prompt, its number, and three tokens more: 8 where they are given.
PROMPTS = tokens.prompts_of("prompts", [[n] for n in range(7)], 10, 4)
ANSWERED = tokens.with_answers(PROMPTS, [[8] * 3] * 7, 10)


class WritesNines:
    """A writer that fills texts with 9, and keeps its seeds."""

    def __init__(self):
        self.seeds = []

    def write(self, prompts, seed):
        self.seeds.append(seed)
        written = np.where(np.arange(4) < 1, prompts.tokens, 9)
        lengths = np.full(len(written), 4)
        return Texts(written.astype("int32"), lengths, prompts.starts)


def rounds(count, share, steps=2, batch_size=3, writer=None):
    """For each round its batches, as arrays of token numbers."""
    texts = OnPolicyTexts(
        writer or WritesNines(),
        PROMPTS,
        ANSWERED,
        share=share,
        batch_size=batch_size,
        steps=steps,
        seed=0,
    )
    found = []
    for number in range(count):
        texts.begin_round(number)
        found.append([texts[i][0]["token_ids"] for i in range(len(texts))])
    return found


class OnPolicyTextsTest(absltest.TestCase):
    def test_the_share_is_exact_over_all_rounds(self):
        # A quarter of 6 texts is 1.5.
        written = [
            int(np.sum(np.concatenate(batches)[:, 1] == 9))
            for batches in rounds(6, 0.25)
        ]
        self.assertEqual(sum(written), 9)
        self.assertContainsSubset(written, {1, 2})

    def test_each_batch_has_its_part(self):
        for batches in rounds(4, 2 / 3):
            for batch in batches:
                self.assertEqual(batch.shape, (3, 3))
                self.assertEqual(int(np.sum(batch[:, 1] == 9)), 2)

    def test_all_prompts_come_before_one_comes_again(self):
        # 7 rounds of 6 are 6 times all 7 prompts.
        batches = [b for of in rounds(7, 0.5) for b in of]
        numbers = np.concatenate(batches)[:, 0].tolist()
        self.assertEqual(
            collections.Counter(numbers), dict.fromkeys(range(7), 6)
        )

    def test_the_order_is_another_in_each_pass(self):
        found = [rounds(2, 0.0, 7, 1)[i] for i in range(2)]
        first, second = (np.concatenate(of)[:, 0].tolist() for of in found)
        self.assertEqual(sorted(first), sorted(second))
        self.assertNotEqual(first, second)

    def test_no_two_parts_are_written_with_one_seed(self):
        writer = WritesNines()
        rounds(3, 1.0, writer=writer)
        self.assertLen(set(writer.seeds), 6)

    def test_a_round_depends_on_its_number_alone(self):
        texts = OnPolicyTexts(
            WritesNines(),
            PROMPTS,
            ANSWERED,
            share=0.5,
            batch_size=3,
            steps=2,
            seed=0,
        )
        texts.begin_round(2)
        np.testing.assert_array_equal(
            texts[1][0]["token_ids"], rounds(3, 0.5)[2][1]
        )


if __name__ == "__main__":
    absltest.main()
