"""Wrong uses of reports, plots and attacks."""

import functools
import math
import tempfile

import numpy as np

from keras_kd import report
from keras_kd.report import robustness
from keras_kd.search import TrialResult
from tests import support
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong

PROBABILITIES = np.array([[0.6, 0.4], [0.2, 0.8]])


def _of_intervals():
    compare = functools.partial(
        report.compare, baseline=[0.1, 0.2], treated=[0.2, 0.4]
    )
    paired = functools.partial(report.paired_interval, differences=[0.1, 0.2])
    verdict = functools.partial(report.verdict, interval=paired())
    rows = []
    for name, call in (("compare", compare), ("paired_interval", paired)):
        rows += parts(f"report.{name}", call, "level", 0, 1, 95, remedy=0.9)
    of = "report.compare"
    scores = [0.1, "a"], "ab", {"a": 1}, 0.5, [[0.1], [0.2, 0.3]], None
    for argument in ("baseline", "treated"):
        rows += wrong(of, compare, argument, *scores, shown=argument)
    rows += wrong(of, compare, "treated", [0.1], shown="2 and 1")
    ends = 1.0, "01", (0,), (1, 0), (0, 1, 2), (None, 1)
    rows += wrong(of, compare, "score_range", *ends, remedy=(0, 1))
    of = "report.paired_interval"
    given = "ab", {"a": 1}, [0.1, "a"]
    rows += wrong(of, paired, "differences", *given, shown="of type ")
    given = [0.1], 0.1, [0.1, math.nan], []
    rows += wrong(of, paired, "differences", *given, shown="differences=")
    of = "report.verdict"
    rows += wrong(of, verdict, "interval", 0.1, None, (0.1, 0.2))
    rows += wrong(of, verdict, "smallest_gain", 0, "1", None, remedy=0.01)
    return rows


def _of_pages():
    folder = tempfile.mkdtemp()
    page = functools.partial(report.html_page, text="# Title", folder=folder)
    of = "report.html_page"
    picture = "![Curves](none.png)", "![Host](../none.png)"
    rows = wrong(of, page, "text", None, ["# Title"], remedy="# Title")
    return rows + wrong(of, page, "text", *picture, shown=".png")


def _of_arms():
    arms = {"a": [[0, 1], [1, 1]], "b": [[1, 1], [1, 0]]}
    pairs = [("a", "b")]
    rows = []
    for call, options in (
        (report.compare_arms, {"pairs": pairs}),
        (report.rank_arms, {"baseline": "a"}),
    ):
        of = f"report.{call.__name__}"
        of_arms = functools.partial(call, **options)
        rows += wrong(of, of_arms, "arms", None, 3, "ab", [0.1], remedy=arms)
        rows += wrong(of, of_arms, "arms", {"a": [[0, 1]]}, {}, shown="of {")
        numbers = {"a": [0.1, 0.2], "b": [0.2, 0.3]}
        rows += wrong(of, of_arms, "arms", numbers, shown="2 seeds")
        full = functools.partial(call, arms, **options)
        rows += parts(of, full, "level", 0, 1, 95, remedy=0.9)
        rows += wrong(of, full, "score_range", 1.0, (1, 0), remedy=(0, 1))
    of, call = "report.compare_arms", report.compare_arms
    call = functools.partial(call, arms)
    rows += wrong(of, call, "pairs", None, 3, [], remedy=pairs)
    others = [("a", "c")], [("a", "a")], [("a",)]
    rows += wrong(of, call, "pairs", *others, shown="('a',")
    call = functools.partial(report.rank_arms, arms)
    rows += wrong("report.rank_arms", call, "baseline", None, "c", remedy="a")
    return rows


def _of_calibration():
    reliability = functools.partial(
        report.reliability, labels=[0, 1], probabilities=PROBABILITIES
    )
    of = "report.reliability"
    rows = wrong(
        of, reliability, "probabilities", "ab", {"a": 1}, shown="of type "
    )
    given = [0.4, 0.6], PROBABILITIES[:1], None
    rows += wrong(of, reliability, "probabilities", *given, shown="of shape")
    logits = 9 * PROBABILITIES
    rows += wrong(
        of,
        reliability,
        "probabilities",
        logits,
        shown="rows that sum to 1 to 9",
        remedy=PROBABILITIES,
    )
    rows += wrong(of, reliability, "labels", [0], 1, shown="labels of")
    rows += wrong(of, reliability, "labels", ["a", "b"], shown="of type list")
    others = [1, 2], [-1, 0], [0.5, 1]
    rows += wrong(of, reliability, "labels", *others, shown="2 columns")
    return rows


def _of_tables():
    rows = []
    for name in ("text_table", "markdown_table"):
        table = functools.partial(
            getattr(report, name), header=["a", "b"], rows=[["c", "d"]]
        )
        of = f"report.{name}"
        rows += wrong(of, table, "header", None, "ab", remedy=["e", "f"])
        rows += wrong(of, table, "header", ["a", 1], shown="1 in")
        rows += wrong(of, table, "rows", None, 3, "ab", remedy=[["1.0", "2"]])
        rows += wrong(of, table, "rows", [["c", 0.5]], shown="0.5 in")
        rows += wrong(of, table, "rows", [["c"]], shown="1 cells", remedy=[])
    return rows


def _of_plots():
    curves = functools.partial(report.learning_curves, {"a": [[0.1, 0.2]]})
    gain = report.compare([[0, 1], [1, 1]], [[1, 1], [1, 0]])
    rows = []
    for name, argument, given in (
        ("learning_curves", "curves", {"a": [[0.1, 0.2]]}),
        ("accuracy_against_parameters", "points", {"a": (100, [0.1, 0.2])}),
        ("gain_against_cost", "points", {"a": (1.5, gain)}),
        (
            "reliability_diagram",
            "models",
            {"a": report.reliability([0, 1], PROBABILITIES)},
        ),
    ):
        of, call = f"report.{name}", getattr(report, name)
        rows += wrong(of, call, argument, None, {}, [0.1], remedy=given)
        rows += wrong(of, call, argument, {"a": "b"}, shown="of type str")
    curves = report.learning_curves
    of = "report.learning_curves"
    rows += wrong(of, curves, "curves", {"a": [0.1, 0.2]}, shown="shape (2,)")
    call = functools.partial(curves, {"a": [[0.1, 0.2]]})
    level = 95, "0.9", [0.9], math.nan
    rows += wrong(of, call, "teacher_accuracy", *level, remedy=0.95)
    ragged = {"a": [[0.1], [0.1, 0.2]]}
    rows += wrong(of, curves, "curves", ragged, shown="of type list")
    costs = {"parameters": 9}
    trials = [
        TrialResult(str(n), n, "COMPLETED", n, {"k": n}, costs=costs)
        for n in (1, 2)
    ]
    for name in ("parallel_coordinates", "score_against_cost", "slices"):
        of = f"report.{name}"
        call = functools.partial(getattr(report, name), trials)
        rows += wrong(of, getattr(report, name), "trials", None, 3, "ab")
        rows += wrong(
            of, getattr(report, name), "trials", [1.0], shown="1.0 of type"
        )
        rows += wrong(of, getattr(report, name), "trials", [], shown="0 trials")
        rows += wrong(of, call, "scale", None, "100", 0, -1, math.nan)
    rows += wrong("report.slices", call, "scale", [1.0], remedy=100.0)
    for name in ("parallel_coordinates", "score_against_cost"):
        of = f"report.{name}"
        call = functools.partial(getattr(report, name), trials)
        rows += wrong(of, call, "label", None, 3, remedy="accuracy")
    of = "report.score_against_cost"
    rows += wrong(of, call, "cost", "size", None, [9], remedy="parameters")
    rows += wrong(of, call, "direction", "up", None, 1, remedy="max")
    return rows


def _of_images(of, call, x):
    return [
        *wrong(of, call, "model", None, "a.keras"),
        *wrong(of, call, "model", soft(), shown='"soft"'),
        *wrong(of, call, "model", unbuilt(), shown="built=False"),
        *wrong(of, call, "x", "ab", {"a": x}, shown="of type "),
        *wrong(of, call, "x", 0.5, x[0], x[:, :3], shown="of shape "),
    ]


def _of_targets(of, call, argument, x, labels):
    others = None, 1, labels[:2], labels + 9, labels + 0.5, np.eye(3)[labels]
    bounds = None, 1, "01", (0,), (1, 0), ("a", "b")
    nan = functools.partial(call, x=x * np.nan)
    return [
        *wrong(of, call, "x", 255 * x, shown="to 2"),
        *wrong(of, call, "x", x[:0], shown="none"),
        Row(of, "x with nan", nan, "x", "from nan"),
        *wrong(of, call, argument, *others, shown="dtype "),
        *wrong(of, call, "bounds", *bounds),
    ]


def _of_attacks():
    x = np.clip(support.data(4)[0], 0, 1)
    labels = support.data(4)[1]
    data = {"model": teacher(), "x": x}
    gradient = functools.partial(
        robustness.fast_gradient_sign, labels=labels, epsilon=0.1, **data
    )
    wagner = functools.partial(
        robustness.carlini_wagner_l2,
        targets=labels,
        num_iterations=1,
        search_steps=1,
        **data,
    )
    saliency = functools.partial(
        robustness.jacobian_saliency, targets=labels, **data
    )
    size = functools.partial(robustness.input_gradient_size, **data)
    rows = []
    for name, call, argument in (
        ("fast_gradient_sign", gradient, "labels"),
        ("carlini_wagner_l2", wagner, "targets"),
        ("jacobian_saliency", saliency, "targets"),
        ("input_gradient_size", size, None),
    ):
        of = f"report.robustness.{name}"
        rows += _of_images(of, call, x)
        if argument is not None:
            rows += _of_targets(of, call, argument, x, labels)
    of = "report.robustness.fast_gradient_sign"
    rows += flags(of, gradient, "is_targeted")
    rows += wrong(of, gradient, "epsilon", 0, "1", math.nan, remedy=0.1)
    of = "report.robustness.carlini_wagner_l2"
    rows += wrong(of, wagner, "confidence", -1, "1", None, math.inf)
    of = "report.robustness.jacobian_saliency"
    rows += wrong(of, saliency, "of", "logit", None, ["logits"])
    return rows


def _of_experiments():
    def experiment(**kwargs):
        with tempfile.TemporaryDirectory() as folder:
            return report.Experiment(folder, **{"settings": {}} | kwargs)

    of = "report.Experiment"
    kept = {"images": 5}
    rows = wrong(of, experiment, "settings", None, "a", [1], remedy=kept)
    held = {"images": np.zeros(2)}
    rows += wrong(of, experiment, "settings", held, shown="['images'] of type")
    rows += wrong(of, experiment, "say", None, "print", remedy=lambda line: 0)

    def asked(method, **kwargs):
        made = experiment(say=lambda line: None)
        return getattr(made, method)(**kwargs)

    result = functools.partial(asked, "result", name="a", function=dict)
    model = functools.partial(asked, "model", name="a", function=teacher)
    for call in (result, model):
        of = f"report.Experiment.{call.args[0]}"
        rows += wrong(of, call, "name", 3, None)
        rows += wrong(of, call, "function", 3, None)
    for what, call, function, received in (
        ("an array", result, lambda: np.zeros(2), "of type ndarray"),
        ("no model", model, dict, "{} of type dict"),
        ("a model not built", model, unbuilt, "built=False"),
    ):
        rows.append(
            Row(
                f"report.Experiment.{call.args[0]}",
                f"a function that returns {what}",
                functools.partial(call, function=function),
                "function()",
                received,
            )
        )
    return rows


def rows():
    """All of them."""
    return [
        *_of_intervals(),
        *_of_pages(),
        *_of_arms(),
        *_of_calibration(),
        *_of_tables(),
        *_of_plots(),
        *_of_attacks(),
        *_of_experiments(),
    ]
