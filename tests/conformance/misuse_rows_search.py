"""Wrong uses of searches."""

import functools
import math
import tempfile

import keras_tuner
import numpy as np

from keras_kd import losses
from keras_kd import search
from keras_kd import teachers
from tests import support
from tests.conformance import count_calls as calls
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong


def _of_knobs():
    made = functools.partial(search.Range, low=1.0, high=2.0)
    of = "search.Range"
    rows = wrong(of, made, "low", "1", None, 3.0, math.nan, remedy=0.5)
    rows += wrong(of, made, "high", "2", None, 1.0, math.inf, [2.0])
    rows += wrong(of, made, "default", "1", 3.0, [1.0], remedy=1.5)
    rows += wrong(of, made, "sampling", "exp", 3, remedy="log")
    rows.append(
        Row(
            of,
            "a logarithm from 0",
            functools.partial(search.Range, 0, 2.0, sampling="log"),
            "low",
            "low=0",
            functools.partial(search.Range, 0.01, 2.0, sampling="log"),
        )
    )
    of = "search.Choice"
    given = None, 3, "adam", {"adam": 1}
    rows += wrong(of, search.Choice, "values", *given, remedy=("adam",))
    rows += wrong(of, search.Choice, "values", [], [1, 1], shown="values=(")
    mixed = [1, "a"], [None], [[1]], np.ones((2, 2))
    rows += wrong(of, search.Choice, "values", *mixed, shown="values=(")
    choice = functools.partial(search.Choice, (1, 2))
    rows += wrong(of, choice, "default", 3, "1", remedy=2)
    return rows


def _of_hyper_models():
    distil = functools.partial(
        search.DistillationHyperModel,
        teacher=teacher(),
        student=student(),
        distillation_losses=losses.SoftTargets(),
    )
    labels = functools.partial(
        search.LabelsHyperModel,
        student=student(),
        data=support.data(),
        loss=support.cross_entropy(),
    )
    rows = []
    for name, call in (
        ("DistillationHyperModel", distil),
        ("LabelsHyperModel", labels),
    ):
        of = f"search.{name}"
        rows += wrong(of, call, "student", None, "a.keras", [student()])
        rows += wrong(of, call, "student", unbuilt(), shown="built=False")
        rows += wrong(
            of, call, "loss", "mze", 1, losses.Hint(), shown="in loss"
        )
        rows += wrong(of, call, "metrics", "accuracy", remedy=["accuracy"])
        rows += wrong(of, call, "metrics", ["acurracy"], shown="'acurracy'")
        knobs = "adam", 3, ["optimizer"]
        rows += wrong(of, call, "knobs", *knobs, remedy={"optimizer": "adam"})
        rows += wrong(of, call, "knobs", {"optimiser": "adam"}, shown="optimis")
        for knob, value in (("optimizer", "adamm"), ("learning_rate", -1)):
            rows.append(
                Row(
                    of,
                    f"the knob {knob}={value!r}",
                    functools.partial(call, knobs={knob: value}),
                    knob,
                    f"{knob}={value!r}",
                )
            )
    of = "search.DistillationHyperModel"
    rows += wrong(of, distil, "teacher", None, "a.keras")
    rows += wrong(of, distil, "teacher", unbuilt(), shown="built=False")
    argument = "distillation_losses"
    rows += wrong(of, distil, argument, "soft_targets", shown="soft_targets")
    rows += wrong(of, distil, "data", support.data(), shown="only `data`")
    of = "search.LabelsHyperModel"
    rows += wrong(of, labels, "loss", None)
    rows += wrong(of, labels, "data", None, "x", shown="of type ")
    x = support.data()[0]
    rows += wrong(of, labels, "data", x, shown="of 1 part")
    pairs = functools.partial(
        search.tap_pairs, teacher=teacher(), student=student()
    )
    for argument in ("teacher", "student"):
        of = "search.tap_pairs"
        rows += wrong(of, pairs, argument, None, "a.keras")
        rows += wrong(of, pairs, argument, unbuilt(), shown="built=False")
    return rows


def _of_tuners():
    random = calls.tuner("random")

    def tuner(**kwargs):
        with tempfile.TemporaryDirectory() as folder:
            return search.make_tuner(
                **{
                    "tuner": "random",
                    "hypermodel": lambda hp: student(),
                    "objective": keras_tuner.Objective("score", "max"),
                    "directory": folder,
                    "max_trials": 1,
                }
                | kwargs
            )

    of = "search.make_tuner"
    rows = wrong(of, tuner, "tuner", "randm", None, ["random"], remedy="grid")
    rows += flags(of, random, "overwrite")
    rows += wrong(of, random, "say", None, "print", remedy=len)
    rows += wrong(of, random, "project_name", None, 3, remedy="other")
    rows += wrong(of, random, "on_trial", "print", 3, remedy=len)
    rows += wrong(of, random, "identity", "digits", [1], remedy={"data": "a"})
    small = search.Limits(max_parameters=9999)
    rows += wrong(of, random, "limits", 3, {"max_bytes": 9}, remedy=small)
    rows.append(
        Row(
            of,
            "limits for hyperband",
            functools.partial(calls.tuner("hyperband"), limits=small),
            "tuner",
            'tuner="hyperband"',
            functools.partial(calls.tuner("bayesian"), limits=small),
        )
    )
    rows.append(
        Row(
            of,
            "limits on a student without weights",
            functools.partial(
                tuner, hypermodel=lambda hp: unbuilt(), limits=small
            ),
            "student",
            "built=False",
            functools.partial(tuner, limits=small),
        )
    )
    held = {"data": np.zeros(2)}
    rows += wrong(of, random, "identity", held, shown="['data'] of type")
    of = "search.compare_depths"
    call = calls.compare_depths
    rows += wrong(of, call, "teacher", None, "a.keras", teacher())
    rows += wrong(of, call, "build_student", None, student.__name__)
    rows += wrong(of, call, "depths", 3, None, "12")
    rows += wrong(of, call, "say", None, "print")
    rows += wrong(of, call, "loss", "mze", 1, shown="in loss")
    rows += wrong(of, call, "objective", "val_loss", None, 3)
    return rows


def _of_limits():
    of = "search.Limits"
    rows = []
    for name in ("max_parameters", "max_bytes", "max_milliseconds"):
        bad = 0, -1, math.nan, "9", True, [9]
        rows += wrong(of, search.Limits, name, *bad, remedy=math.inf)
    costs = {"parameters": 9}
    trial = search.TrialResult("0", 1, "COMPLETED", 0.5, {}, costs=costs)
    find = functools.partial(search.pareto_front, trials=[trial])
    of = "search.pareto_front"
    rows += wrong(of, search.pareto_front, "trials", None, 3, "ab")
    rows += wrong(of, search.pareto_front, "trials", [0.5], shown="of type fl")
    rows += wrong(of, find, "cost", "size", None, [9], remedy="parameters")
    rows += wrong(of, find, "direction", "up", None, 1, remedy="max")
    return rows


def _of_results():
    trial = search.TrialResult("0", 0, "COMPLETED", 1.0, {"k": 1})
    find = search.importance
    of = "search.importance"
    rows = wrong(of, find, "results", None, 3, "ab", remedy=[trial])
    rows += wrong(of, find, "results", [0.5], shown="0.5 of type float")
    of = "search.results"
    rows += wrong(of, search.results, "source", None, 3, student())
    rows += wrong(of, search.results, "source", "nowhere")
    read = functools.partial(search.results, "nowhere")
    rows += wrong(of, read, "direction", "up", None, 1)
    return rows


def _of_updated_teachers():
    average = teachers.MovingAverageTeacher(student(), name="average")
    return wrong(
        "search.DistillationHyperModel",
        functools.partial(
            search.DistillationHyperModel,
            student=student(),
            distillation_losses=losses.SoftTargets(),
        ),
        "teacher",
        average,
        shown='"average"',
        remedy=average.model,
    )


def rows():
    """All of them."""
    return [
        *_of_knobs(),
        *_of_hyper_models(),
        *_of_updated_teachers(),
        *_of_tuners(),
        *_of_limits(),
        *_of_results(),
    ]
