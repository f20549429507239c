"""What a cache of given answers refuses."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from tests import reference
from tests.teachers.answered import LOGITS
from tests.teachers.answered import Answered
from tests.teachers.answered import highest
from tests.teachers.answered import read


def changed(change, k=2):
    """Answers of the highest classes, one of which is changed."""
    answers = highest(LOGITS, k)
    change(answers["top_log_probabilities"], answers["top_classes"])
    return answers


def swap(array, value, place=(30, 1)):
    array[place] = value


class RefusalTest(Answered):
    def refuse(self, message, answers, error=ValueError, **options):
        with self.assertRaisesRegex(error, message):
            self.cache(answers, **options)
        # Before anything is written.
        self.assertEmpty(list(self.folder.iterdir()))

    @parameterized.named_parameters(
        ("few", LOGITS[:42], "42 answers for 43 examples"),
        ("none", LOGITS[:0], "at least one example"),
        ("one_axis", LOGITS[:, 0], r"floats of shape.*shape \(43,\)"),
        ("integers", np.ones((43, 3), int), "floats of shape.*int64"),
        ("no_classes", LOGITS[:, :0], r"floats of shape.*\(43, 0\)"),
        ("nan", np.full((43, 5), np.nan), "finite.*nan for example 0"),
        ("infinite", np.full((43, 5), np.inf), "finite.*inf for example 0"),
        ("too_large", np.full((43, 5), 1e39), "float32 can hold.*1e.39"),
        ("too_small", np.full((43, 5), -1e39), "float32 can hold.*-1e.39"),
        (
            "probabilities",
            reference.softmax(LOGITS),
            "must be logits.*sum to 1.*numpy.log",
        ),
        ("shapes", [LOGITS[:20], LOGITS[20:, :4]], "one type and shape"),
        (
            "types",
            [LOGITS[:20], LOGITS[20:].astype("float64")],
            "one type and shape.*<f8",
        ),
        ("names", {"logits": LOGITS}, "entries 'top_log_probabil.*Recei.*logi"),
    )
    def test_logits(self, answers, message):
        self.refuse(message, answers)

    def test_the_remedy_for_probabilities_works(self):
        p = reference.softmax(LOGITS)
        cached = self.cache(np.log(np.maximum(p, 1e-7)), dtype="float32")
        np.testing.assert_allclose(
            reference.softmax(read(cached)), p, atol=1e-6
        )

    @parameterized.named_parameters(
        (
            "positive",
            lambda p, c: swap(p, 0.5),
            "at most 0. Received: 0.5 for example 30",
        ),
        ("nan", lambda p, c: swap(p, np.nan), "at most 0. Received: nan"),
        (
            "sum",
            lambda p, c: swap(p, np.log(0.6), 30),
            "sum to at most 1. Received: 1.2.* for example 30",
        ),
        (
            "class_above",
            lambda p, c: swap(c, 5),
            "num_classes - 1 = 4. Received: 5 for example 30",
        ),
        ("class_below", lambda p, c: swap(c, -1), "classes from 0.*-1 for"),
        (
            "twice",
            lambda p, c: swap(c, 3, 30),
            "each class once.*Received: 3 for example 30",
        ),
    )
    def test_the_highest(self, change, message):
        self.refuse(message, changed(change), num_classes=5)

    @parameterized.named_parameters(
        ("none", {}, "`num_classes` must be given.*num_classes=None for 2"),
        ("all", {"num_classes": 2}, "above the number.*num_classes=2 for 2"),
        (
            "top_k",
            {"num_classes": 5, "top_k": 1},
            "`top_k` must be None.*top_k=1",
        ),
    )
    def test_arguments_of_the_highest(self, options, message):
        self.refuse(message, highest(LOGITS, 2), **options)

    def test_classes_for_other_log_probabilities(self):
        answers = highest(LOGITS, 2)
        answers["top_classes"] = answers["top_classes"][:, :1]
        self.refuse("an integer in 'top_classes' for", answers, num_classes=5)

    @parameterized.named_parameters(
        ("classes", {"num_classes": 4}, "num_classes=4 for 5"),
        ("dtype", {"dtype": "int8"}, "`dtype` must be.*int8"),
        ("top_k", {"top_k": 5}, "`top_k` must be below.*top_k=5"),
        ("shard", {"examples_per_shard": 20}, "multiple of `batch_size`"),
    )
    def test_arguments(self, options, message):
        self.refuse(message, LOGITS, **options)

    def test_what_ends_for_good(self):
        self.refuse(
            "`answers` must be able to begin anew.*generator.*without a call",
            (part for part in [LOGITS]),
        )

    def test_what_are_no_answers(self):
        self.refuse("must be an array.*Received: int", 3, TypeError)

    def test_numbers_beyond_half_precision(self):
        with self.assertRaisesRegex(
            ValueError, '`answers` must give.*range.*dtype="float32"'
        ):
            self.cache(1e6 * LOGITS)


if __name__ == "__main__":
    absltest.main()
