"""Given answers of a teacher, in the place of a forward pass."""

import hashlib

import keras
import numpy as np

from keras_kd._core import top_logits
from keras_kd._core.arguments import check_count
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd.teachers._cache import batched
from keras_kd.teachers._cache import given
from keras_kd.teachers._cache import layout

# The least probability of all classes that are not given: what float32 cannot
# tell from 0 beside 1.
_LEAST = 2.0**-24


class Answers(TeacherProtocol):
    """Answers that a caller has, in the order of the examples.

    They are read once to be validated, and a digest of them is the
    fingerprint; and again to be stored.

    Args:
        answers: See `cache_answers`.
        num_classes: See `cache_answers`.

    Attributes:
        is_top: Whether they are the highest log-probabilities.
        row: Shape of the scores of an example, `(..., classes)`; of the highest
            alone, `(..., k)`.
        num_classes: Number of classes.
        count: Number of examples.
    """

    def __init__(self, answers, num_classes=None):
        batched.check_replayable(answers, "answers")
        check_count("num_classes", num_classes, "classes", is_optional=True)
        self.answers = answers
        self.num_classes = num_classes
        self.count = 0
        self._form = None
        self._is_probability = True
        digests = {}
        for part in given.parts(answers):
            self._check(part)
            for name, array in part.items():
                rows = np.ascontiguousarray(array).tobytes()
                digests.setdefault(name, hashlib.blake2b()).update(rows)
            self.count += len(next(iter(part.values())))
        self._check_whole()
        whole = hashlib.blake2b(f"{self._form}{self.num_classes}".encode())
        for digest in digests.values():
            whole.update(digest.digest())
        self._fingerprint = whole.digest()[:16]
        self._rest = None
        self._begin()

    def _check(self, part):
        given.check_form(part, self._form)
        if self._form is None:
            self._form = given.form(part)
            self.is_top = given.CLASSES in part
            (_, self.row), *_ = self._form.values()
            self._check_classes()
        if self.is_top:
            given.check_top(*part.values(), self.num_classes, self.count)
            return
        (logits,) = part.values()
        given.check_logits(logits, self.count)
        self._is_probability &= bool(given.look_like_probabilities(logits))

    def _check_classes(self):
        last = self.row[-1]
        if not self.is_top:
            if self.num_classes not in (None, last):
                raise ValueError(
                    "`num_classes` must be the number of logits of an example. "
                    f"Received: num_classes={self.num_classes} for {last}."
                )
            self.num_classes = last
        elif self.num_classes is None or self.num_classes <= last:
            raise ValueError(
                "`num_classes` must be given, and above the number of classes "
                "that are kept, since the others share the rest. Received: "
                f"num_classes={self.num_classes} for {last} kept. If these are "
                "all, give an array of all logits."
            )

    def _check_whole(self):
        if not self.count:
            raise ValueError(
                "`answers` must have at least one example. Received: none."
            )
        if self._is_probability and not self.is_top:
            raise ValueError(
                "`answers` must be logits, since a loss takes their softmax. "
                "Received: numbers from 0 to 1 that sum to 1. Give their "
                "logarithm, such as `numpy.log(numpy.maximum(p, 1e-7))`."
            )

    def check_count(self, data):
        """Validates that there is an answer for each example.

        Args:
            data: `tf.data.Dataset` of single examples.
        """
        count = int(data.cardinality())
        if count < 0:
            count = int(data.reduce(np.int64(0), lambda n, *_: n + 1))
        if count != self.count:
            raise ValueError(
                "`answers` must be as many as the examples of `data`, in their "
                f"order. Received: {self.count} answers for {count} examples. "
                "Give the data that the teacher saw."
            )

    def fingerprint(self):
        return self._fingerprint

    def _begin(self):
        self._parts = given.parts(self.answers)
        self._ahead = None
        self._place = 0

    def rows(self, start, count):
        """Answers of some examples, which are read in order.

        Args:
            start: Number of the first; a lower one than before begins anew.
            count: How many.

        Returns:
            Dict of arrays; see `given.parts`.
        """
        if start < self._place:
            self._begin()
        self._take(start - self._place)
        return self._take(count)

    def _take(self, count):
        """The next rows; `None` for none."""
        found = []
        while count:
            if self._ahead is None:
                self._ahead = next(self._parts)
            size = len(next(iter(self._ahead.values())))
            taken = min(count, size)
            found.append({n: a[:taken] for n, a in self._ahead.items()})
            rest = {n: a[taken:] for n, a in self._ahead.items()}
            self._ahead = rest if taken < size else None
            self._place += taken
            count -= taken
        return found and {
            name: np.concatenate([part[name] for part in found])
            for name in found[0]
        }


class AnswersForward:
    """Given answers in place of a teacher's; see `forward.ModelForward`.

    Args:
        answers: An `Answers`.
        dtype: See `cache_answers`.
        top_k: See `cache_answers`.
    """

    argument = "answers"

    def __init__(self, answers, dtype, top_k):
        self.answers = answers
        *outer, last = answers.row
        if answers.is_top:
            if top_k is not None:
                raise ValueError(
                    "`top_k` must be None for answers of the highest classes, "
                    f"which say how many there are. Received: top_k={top_k!r}. "
                    "Leave it out."
                )
            top_k = last
        logits = keras.KerasTensor(
            (None, *outer, answers.num_classes), "float32"
        )
        self.layout = layout.plan(logits, (), {}, (), dtype, top_k)

    def __call__(self, x, start):
        """Arrays to store for a batch, by name."""
        count = len(keras.tree.flatten(x)[0])
        rows = self.answers.rows(start, count)
        if self.answers.is_top:
            ((name, field),) = self.layout.fields.items()
            found = field.store(_top(*rows.values()))
            arrays = {name + suffix: a for suffix, a in found.items()}
        else:
            logits = rows[given.LOGITS].astype("float32")
            arrays = self.layout.encode(keras.ops.convert_to_tensor(logits), {})
        return {
            name: keras.ops.convert_to_numpy(array)
            for name, array in arrays.items()
        }


def _top(scores, classes):
    """The form of `top_k`, by suffix, with the classes in falling order."""
    order = np.argsort(-scores, axis=-1, kind="stable")
    scores = np.take_along_axis(scores.astype("float64"), order, axis=-1)
    rest = np.maximum(1 - np.exp(scores).sum(-1), _LEAST)
    found = {
        top_logits.TOP_LOGITS: scores.astype("float32"),
        top_logits.TOP_CLASSES: np.take_along_axis(classes, order, axis=-1),
        top_logits.REST: np.log(rest).astype("float32"),
    }
    return {
        f".{name}": keras.ops.convert_to_tensor(array)
        for name, array in found.items()
    }
