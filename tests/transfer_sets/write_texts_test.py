import functools

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import teachers
from keras_kd import transfer_sets
from tests import reference
from tests import support
from tests.transfer_sets import small_writers
from tests.transfer_sets.small_writers import lists

PROMPTS = [[3], [1, 2], [0, 4, 4]]


def write(model, prompts=PROMPTS, **kwargs):
    return transfer_sets.write_texts(model=model, prompts=prompts, **kwargs)


@support.eager_tests
class WriteTextsTest(parameterized.TestCase):
    def test_goes_on_behind_the_last_token_of_each_prompt(self):
        counts = small_writers.table(small_writers.counter())
        self.assertEqual(
            lists(write(counts, max_length=5, temperature=0)),
            [[3, 4, 0, 1, 2], [1, 2, 3, 4, 0], [0, 4, 4, 0, 1]],
        )

    def test_ends_with_the_end_token(self):
        counts = small_writers.table(small_writers.counter())
        texts = write(counts, max_length=6, temperature=0, end_token=0)
        # The 0 that stands in a prompt ends nothing.
        expected = [[3, 4, 0], [1, 2, 3, 4, 0], [0, 4, 4, 0]]
        self.assertEqual(lists(texts), expected)

    def test_fills_the_steps_of_a_model_by_default(self):
        counts = small_writers.table(small_writers.counter(), steps=4)
        texts = write(counts, temperature=0)
        self.assertEqual([len(text) for text in texts], [5, 5, 5])

    def test_an_array_of_prompts_is_taken_too(self):
        counts = small_writers.table(small_writers.counter())
        texts = write(
            counts, np.array([[1, 2], [3, 3]]), max_length=4, temperature=0
        )
        self.assertEqual(lists(texts), [[1, 2, 3, 4], [3, 3, 4, 0]])

    def test_shows_a_model_of_a_dict_what_is_written(self):
        model = small_writers.measures_padding()
        texts = write(model, max_length=6, temperature=0)
        self.assertEqual(
            lists(texts),
            [[3, 1, 2, 3, 4, 5], [1, 2, 2, 3, 4, 5], [0, 4, 4, 3, 4, 5]],
        )

    def test_writes_without_dropout(self):
        counts = small_writers.table(small_writers.counter())
        model = keras.Sequential([*counts.layers, keras.layers.Dropout(0.9)])
        model.build((None, None))
        texts = write(model, [[1]] * 9, max_length=9, temperature=0)
        self.assertEqual(lists(texts), [[1, 2, 3, 4, 0, 1, 2, 3, 4]] * 9)

    @parameterized.parameters(1.0, 3.0)
    def test_draws_with_the_probabilities_at_a_temperature(self, temperature):
        logits = small_writers.random_logits()
        count = 4000
        texts = write(
            small_writers.table(logits),
            [[2]] * count,
            max_length=2,
            temperature=temperature,
            batch_size=count,
        )
        drawn = np.bincount(np.array(texts)[:, 1], minlength=len(logits))
        expected = reference.softmax(logits[2] / temperature)
        # Of a binomial number.
        deviation = np.sqrt(count * expected * (1 - expected))
        off = np.abs(drawn - count * expected) / deviation
        self.assertLess(off.max(), 4.5, off)

    def test_never_draws_what_is_ruled_out(self):
        logits = np.zeros((5, 5))
        logits[:, [0, 2, 4]] = -np.inf
        texts = write(small_writers.table(logits), [[1]], max_length=40)
        self.assertContainsSubset(texts[0].tolist(), {1, 3})

    def test_the_seed_decides(self):
        model = small_writers.table(small_writers.random_logits())
        first, again, other = (
            lists(write(model, max_length=12, seed=seed)) for seed in (0, 0, 1)
        )
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_equal_prompts_in_two_batches_go_on_differently(self):
        model = small_writers.table(small_writers.random_logits(scale=0.1))
        texts = write(model, [[1]] * 3, max_length=20, batch_size=2)
        self.assertLen({tuple(text) for text in texts}, 3)

    def test_averages_the_members_of_an_ensemble(self):
        # Each is sure of a token that the other rules out, and both find a
        # third one likely: that of their mean.
        first, second = np.full((2, 5, 5), -9.0)
        first[:, 0], second[:, 1] = 0.1, 0.1
        first[:, 3], second[:, 3] = 0.0, 0.0
        members = [small_writers.table(one) for one in (first, second)]
        ensemble = teachers.EnsembleTeacher(members)
        texts = write(ensemble, [[2]], max_length=4, temperature=0)
        self.assertEqual(lists(texts), [[2, 3, 3, 3]])


@support.eager_tests
class RefusalsTest(parameterized.TestCase):
    def assert_refused(self, message, model=None, error=ValueError, **kwargs):
        if model is None:
            model = small_writers.table(small_writers.counter())
        with self.assertRaisesRegex(error, message):
            write(model, **{"max_length": 6} | kwargs)

    def test_texts_that_would_never_end(self):
        for end in (None, 0):
            self.assert_refused(
                "`max_length` must be given.*without end.*max_length=None",
                max_length=None,
                end_token=end,
            )

    def test_another_length_than_the_model_has(self):
        counts = small_writers.table(small_writers.counter(), steps=4)
        self.assert_refused("`max_length` must be 5.*Received.*=6", counts)

    @parameterized.parameters(2, 5)
    def test_a_model_that_looks_ahead(self, size):
        prompts = [[1]]
        self.assert_refused(
            "`model` must predict each token from those before.*causal",
            small_writers.sees_ahead(size=size),
            prompts=prompts,
        )
        # The remedy.
        write(small_writers.sees_ahead("causal", size), prompts, max_length=6)

    @parameterized.named_parameters(
        ("vectors", lambda: support.dense(4)),
        ("a_class", lambda: small_writers.table(np.eye(5)).layers[0]),
        ("one_answer", lambda: _one_answer()),
    )
    def test_what_is_no_language_model(self, make):
        model = make()
        error = ValueError if isinstance(model, keras.Model) else TypeError
        self.assert_refused("`model` must be a", model, error)

    def test_an_end_token_that_there_is_not(self):
        self.assert_refused("`end_token` must be one of the 5", end_token=5)

    def test_prompts_that_leave_no_room(self):
        message = "`prompts` must have from 1 to 5 tokens.*of 1 to 6 tokens"
        self.assert_refused(message, prompts=[[1], [1] * 6])

    def test_an_empty_prompt(self):
        message = "`prompts` must have from 1 to 5 tokens.*of 0 to 1 tokens"
        self.assert_refused(message, prompts=[[1], []])

    def test_no_prompts(self):
        self.assert_refused("`prompts` must have at least one", prompts=[])

    @parameterized.parameters(5, -1)
    def test_a_token_that_the_model_does_not_know(self, token):
        message = f"`prompts` must have tokens from 0 to 4.*with {token}"
        self.assert_refused(message, prompts=[[1, token]])

    @parameterized.named_parameters(
        ("text", "ab"),
        ("texts", ["ab"]),
        ("one_prompt", [1, 2]),
        ("halves", [[0.5]]),
        ("nothing", None),
    )
    def test_prompts_that_are_no_tokens(self, prompts):
        message = "`prompts` must be a list of lists of whole numbers"
        self.assert_refused(message, prompts=prompts, error=TypeError)

    def test_logits_that_are_not_finite(self):
        model = small_writers.table(np.full((5, 5), np.nan))
        self.assert_refused("`model` must give finite logits", model)

    @parameterized.parameters(-1, "1", None, float("nan"))
    def test_a_temperature(self, temperature):
        self.assert_refused(
            f"`temperature` must be 0 or .*temperature={temperature!r}",
            temperature=temperature,
        )


def _one_answer():
    """Logits of one token for all of a text."""
    model = small_writers.table(small_writers.counter())
    last = functools.partial(keras.ops.mean, axis=1)
    layers = [*model.layers, keras.layers.Lambda(last)]
    return keras.Sequential([keras.Input((None,)), *layers])


if __name__ == "__main__":
    absltest.main()
