"""Tables to try made-up rows on, each with an ensemble that answers.

Diabetes is made a question of yes or no: is the progression above its median?
Adult and letter recognition take part if `KERAS_KD_ADULT_CSV`, as in tutorial
13, and `KERAS_KD_LETTER_CSV` are paths; the second is of a file without a line
of titles, with 16 integers and the letter for each image.
"""

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable

import keras
import numpy as np
from sklearn import compose
from sklearn import datasets
from sklearn import ensemble
from sklearn import exceptions
from sklearn import neighbors
from sklearn import pipeline
from sklearn import preprocessing
from sklearn.neural_network import MLPClassifier

import keras_kd

EMBEDDED = ("iris", "wine", "breast_cancer", "diabetes", "digits")
# Fewer than 100 rows to choose by.
SMALL = ("iris", "wine")
FILES = {"adult": "KERAS_KD_ADULT_CSV", "letter": "KERAS_KD_LETTER_CSV"}
PARTS = ("validation", "test")
_ADULT_NOMINAL = [1, 3, 5, 6, 7, 8, 9, 13]
_ROUNDS = 20


def given():
    """Names of all sets that can be loaded here."""
    return [*EMBEDDED, *(n for n, path in FILES.items() if path in os.environ)]


def load(name):
    """Rows, class numbers, and the places of nominal attributes."""
    if name == "adult":
        rows = np.loadtxt(os.environ[FILES[name]], str, None, ",", skiprows=1)
        encoder = preprocessing.OrdinalEncoder()
        codes = encoder.fit_transform(rows[:, _ADULT_NOMINAL])
        rows[:, _ADULT_NOMINAL] = codes.astype(int)
        return (
            rows[:, :14].astype(float),
            (rows[:, 14] == ">50K") + 0,
            (_ADULT_NOMINAL),
        )
    if name == "letter":
        rows = np.loadtxt(os.environ[FILES[name]], str, None, ",")
        y = np.unique(np.char.strip(rows[:, 16]), return_inverse=True)[1]
        return rows[:, :16].astype(float), y, []
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "diabetes":
        return x, (y > np.median(y)) + 0, [1]
    return x, y, []


@dataclasses.dataclass(frozen=True)
class Bench:
    """A set, split for a seed, with the teacher of its first part.

    Attributes:
        learn: Rows to learn from.
        parts: `(rows, labels)` by `PARTS`.
        nominal: Places of nominal attributes.
        teacher: A `teachers.FunctionTeacher`.
        student: An untrained model.
        encode: Function from rows to the student's input.
        seed: That of the split.
    """

    learn: np.ndarray
    parts: dict
    nominal: list
    teacher: keras_kd.teachers.FunctionTeacher
    student: keras.Model
    encode: Callable
    seed: int


@functools.lru_cache(1)
def prepare(name, seed, most_rows, units):
    """Makes a `Bench`.

    Args:
        name: That of the set.
        seed: Decides everything that is drawn.
        most_rows: Rows of each part, at most.
        units: Hidden units of the student.
    """
    x, y, nominal = load(name)
    order = np.random.default_rng(seed).permutation(len(x))
    count = min(most_rows, len(x) // 2)
    rest = min(most_rows, (len(x) - count) // 2)
    ends = np.cumsum([count, rest, rest])
    learn, *parts = ((x[i], y[i]) for i in np.split(order, ends)[:3])
    words = preprocessing.OneHotEncoder(handle_unknown="ignore")
    encode = compose.make_column_transformer(
        (words, nominal),
        remainder=preprocessing.StandardScaler(),
        sparse_threshold=0,
    ).fit(learn[0])
    models = [pipeline.make_pipeline(encode, m) for m in _library(seed)]
    with warnings.catch_warnings():
        # A net that has not converged can vote all the same.
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        models = [model.fit(*learn) for model in models]
    votes = select(models, *parts[0])
    classes = int(y.max()) + 1
    keras.utils.set_random_seed(seed)
    return Bench(
        learn[0],
        dict(zip(PARTS, parts, strict=True)),
        nominal,
        keras_kd.teachers.FunctionTeacher(
            lambda x: sum(n * m.predict_proba(x) for n, m in votes) / _ROUNDS,
            num_classes=classes,
        ),
        keras.Sequential(
            [
                keras.Input((encode.transform(x[:1]).shape[1],)),
                keras.layers.Dense(units, "relu"),
                keras.layers.Dense(classes),
            ]
        ),
        encode.transform,
        seed,
    )


def _library(seed):
    return [
        ensemble.RandomForestClassifier(100, random_state=seed),
        ensemble.ExtraTreesClassifier(100, random_state=seed),
        neighbors.KNeighborsClassifier(5, weights="distance"),
        MLPClassifier((128,), random_state=seed),
    ]


def select(models, x, y):
    """Adds the model that helps most, again and again, also a second time.

    Args:
        models: Fitted classifiers.
        x: Rows to choose by.
        y: Their labels.

    Returns:
        List of `(how often, model)`.
    """
    answers = [model.predict_proba(x) for model in models]
    truth = np.eye(answers[0].shape[-1])[y]
    chosen, total = [], 0.0
    for size in range(1, _ROUNDS + 1):
        errors = [np.square((total + a) / size - truth).sum() for a in answers]
        best = int(np.argmin(errors))
        chosen.append(best)
        total = total + answers[best]
    return [(chosen.count(i), models[i]) for i in sorted(set(chosen))]
