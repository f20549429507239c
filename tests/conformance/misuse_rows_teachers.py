"""Wrong uses of teachers and of what keeps their answers."""

import functools
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_kd import teachers
from tests import support
from tests.conformance import count_calls as calls
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import folder
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong


def _of_ensembles():
    both = [teacher(), student()]
    ensemble = functools.partial(teachers.EnsembleTeacher, both)
    of = "teachers.EnsembleTeacher"
    make = teachers.EnsembleTeacher
    five = support.dense(4, name="five", classes=5)
    wide = support.dense(4, name="wide", features=7)
    noisy = teachers.NoisyTeacher(support.dense(4, name="calm"), 0.1)
    rows = wrong(of, make, "models", None, teacher(), [], "ab", remedy=both)
    average = teachers.MovingAverageTeacher(student(), name="average")
    for model, shown in (
        (average, '"average"'),
        (five, "(None, 5)"),
        (wide, '"wide"'),
        (soft(), '"soft"'),
        (unbuilt(), "built=False"),
        (noisy, "noisy_calm"),
        ("b.keras", "b.keras"),
        (ensemble(name="inner"), '"inner"'),
    ):
        rows += wrong(of, make, "models", [teacher(), model], shown=shown)
    rows += wrong(of, ensemble, "combine", "mean", None, remedy="geometric")
    given = 2.0, "12", {"a": 1, "b": 2}
    rows += wrong(of, ensemble, "weights", *given, remedy=[1, 2])
    rows += wrong(
        of, ensemble, "weights", [1.0], [1, 2, 3], shown="weights for"
    )
    rows += wrong(of, ensemble, "weights", [1, 0], shown="=0")
    rows += wrong(of, ensemble, "weights", ["1", 2], shown="='1'")
    layer = keras.layers.Rescaling(0.5)
    given = layer, [layer], "ab"
    rows += wrong(of, ensemble, "preprocess", *given, remedy=[layer, None])
    rows += wrong(of, ensemble, "preprocess", [np.sin, None], shown="sin")
    return rows


def _of_others():
    noisy = functools.partial(
        teachers.NoisyTeacher, teacher(), noise_stddev=0.1
    )
    of = "teachers.NoisyTeacher"
    rows = wrong(of, noisy, "noise_stddev", 0, -1, "1", None, remedy=0.1)
    rows += parts(of, noisy, "probability", 0, remedy=1.0)
    again = noisy(name="again")
    make = functools.partial(teachers.NoisyTeacher, noise_stddev=0.1)
    for name, call in (("NoisyTeacher", make), ("logits", teachers.logits)):
        of = f"teachers.{name}"
        rows += wrong(of, call, "model", None, "a.keras", [teacher()])
        rows += wrong(of, call, "model", unbuilt(), shown="built=False")
    of, call = (
        "teachers.logits_of_probabilities",
        functools.partial(teachers.logits_of_probabilities, model=soft()),
    )
    rows += wrong(of, call, "model", None, "a.keras", remedy=soft())
    rows += wrong(of, call, "model", unbuilt(), shown="built=False")
    rows += wrong(of, call, "activation", "relu", 3, remedy="softmax")
    of = "teachers.NoisyTeacher"
    rows += wrong(of, make, "model", again, shown='"again"')
    rows += wrong(of, make, "model", soft(), shown='"soft"', remedy=teacher())
    layers = keras.layers.GaussianNoise(0.1)
    of = "teachers.TorchTeacher"
    module = functools.partial(teachers.TorchTeacher, None)
    rows += wrong(of, module, "inputs", None, (4,), [teacher()], shown="")
    of = "teachers.Augmentation"
    given = None, [], np.sin, "flip", [layers, "flip"]
    rows += wrong(of, teachers.Augmentation, "layers", *given, shown="")
    return rows


def _of_averages():
    make = functools.partial(teachers.MovingAverageTeacher, student())
    of = "teachers.MovingAverageTeacher"
    given = None, "a.keras", [teacher()]
    rows = wrong(of, teachers.MovingAverageTeacher, "model", *given)
    rows += wrong(
        of, teachers.MovingAverageTeacher, "model", unbuilt(), shown="False"
    )
    rows += parts(of, make, "decay", 1, remedy=0.99)
    average = make(name="average")

    def cached(teacher):
        return _cached(teacher=teacher)

    noisy = functools.partial(teachers.NoisyTeacher, noise_stddev=0.1)
    for of, call, argument in (
        ("cache_teacher", cached, "teacher"),
        ("NoisyTeacher", noisy, "model"),
        ("logits", teachers.logits, "model"),
        (
            "logits_of_probabilities",
            teachers.logits_of_probabilities,
            "model",
        ),
    ):
        is_curable = of != "logits_of_probabilities"
        rows += wrong(
            f"teachers.{of}",
            call,
            argument,
            average,
            shown='"average"',
            **({"remedy": average.model} if is_curable else {}),
        )
    return rows


def _of_mapped_classes():
    rows = []
    of = "teachers.map_classes"
    call = functools.partial(teachers.map_classes, classes=[1, 0])
    rows += wrong(of, call, "model", None, "a.keras", remedy=teacher())
    rows += wrong(of, call, "model", unbuilt(), shown="built=False")
    rows += wrong(of, call, "model", soft(), shown="gives probabilities")
    one = support.dense(2, classes=1, name="one")
    rows += wrong(of, call, "model", one, shown='"one"', remedy=teacher())
    call = functools.partial(teachers.map_classes, teacher())
    lists = None, 3, {0: 1}, [0.5], ["cat"], [True], [[0], [[1]]]
    rows += wrong(of, call, "classes", *lists, shown="of type")
    rows += wrong(of, call, "classes", [0, 3], [-1], shown="0 to 2")
    rows += wrong(of, call, "classes", [0, [1, 0]], shown="0 more than once")
    rows += wrong(of, call, "classes", [None], [], remedy=[2, None, [0, 1]])
    noisy = teachers.NoisyTeacher(teacher(), 0.1, name="again")
    mapped = functools.partial(teachers.map_classes, classes=[1, 0])
    rows += wrong(of, mapped, "model", noisy, shown='"again"')
    return rows


def _of_functions():
    make = functools.partial(
        teachers.FunctionTeacher, num_classes=3, from_logits=True, identity="a"
    )
    of = "teachers.FunctionTeacher"
    rows = wrong(of, make, "function", None, [], "sine", remedy=np.sin)
    function = functools.partial(make, np.sin)
    rows += wrong(of, function, "num_classes", None, remedy=3)
    rows += wrong(of, function, "floor", 0, 1, "1", None, remedy=1e-6)
    rows += wrong(of, function, "identity", 1, ["a"], remedy="b")
    rows += flags(of, function, "from_logits", "keep_members")
    five = function(num_classes=5)
    rows += [
        Row(
            of,
            "a function of another shape",
            lambda: five.predict(np.ones((2, 3))),
            "function",
            "(2, 3)",
            lambda: function().predict(np.ones((2, 3))),
        ),
        Row(
            of,
            "logits for probabilities",
            lambda: function(from_logits=False).predict(np.full((2, 3), 9)),
            "function",
            "",
        ),
    ]
    return rows


def _cached(**kwargs):
    with tempfile.TemporaryDirectory() as folder:
        return teachers.cache_teacher(
            **{
                "teacher": teacher(),
                "dataset": support.data()[0],
                "directory": folder,
                "verbose": 0,
            }
            | kwargs
        )


def _of_answers(x):
    """Rows of answers that are there already."""
    logits = np.tile([3.0, 0.0, -1.0], (len(x), 1))

    def call(answers=logits, **kwargs):
        given = {"data": x, "directory": folder(), "verbose": 0} | kwargs
        return teachers.cache_answers(answers, **given)

    one = functools.partial(wrong, "teachers.cache_answers", call)
    halves = np.full_like(logits, 1 / 3)
    return [
        *one("answers", logits[:5], shown="5 answers for 24"),
        *one("answers", halves, shown="sum to 1"),
        Row(
            "teachers.cache_answers",
            "answers with nan",
            functools.partial(call, logits * np.nan),
            "answers",
            "nan for example 0",
        ),
        *one("answers", {"logits": logits}, shown="logits"),
        *one("data", None, "x", shown="of type "),
        *one("dtype", "float64", None),
        *one("top_k", "2", 0),
    ]


def _of_caches():
    x = support.data()[0]
    slices = tf.data.Dataset.from_tensor_slices(x)
    of = "teachers.cache_teacher"
    call = functools.partial(wrong, of, _cached)
    rows = call("teacher", None, "a.keras", np.sin)
    rows += call("teacher", unbuilt(), shown="built=False")
    rows += call("dataset", None, "x", 3, shown="of type ")
    rows += call("dataset", slices.batch(4), shown="(4, 4)")
    rows += call("dataset", slices.repeat(), shown="repeat()")
    rows += call("dataset", x[:0], shown="")
    rows += call("taps", "hidden", remedy=["hidden"])
    rows += call("taps", ["hiden"], shown="'hiden'. The nearest are: hidden")
    rows += call("dtype", "float64", None, 16)
    rows += call("augmentation", "flip", 1)
    rows.append(
        Row(
            of,
            "views that would be equal",
            functools.partial(_cached, views=2),
            "augmentation",
            "views=2, augmentation=None",
        )
    )
    rows += call("examples_per_shard", 100, shown="100")
    rows += _of_answers(x)
    cache = teachers.CachedTeacher(calls.cache_folder())
    of = "teachers.CachedTeacher"
    make = functools.partial(teachers.CachedTeacher, calls.cache_folder())
    rows += flags(of, make, "verify")
    for what, data, received in (
        ("fewer data", x[:5], "5 examples"),
        ("more data", np.concatenate([x, x]), "48 examples"),
        ("data of another shape", x[:, :3], "[3]"),
        ("a batched data set", slices.batch(4), "[None, 4]"),
        ("a path", "x.npy", "of type str"),
    ):
        rows.append(
            Row(
                of,
                what,
                functools.partial(cache.attach, data),
                "data",
                received,
            )
        )
    return rows


def rows():
    """All of them."""
    return [
        *_of_ensembles(),
        *_of_others(),
        *_of_mapped_classes(),
        *_of_averages(),
        *_of_functions(),
        *_of_caches(),
    ]
