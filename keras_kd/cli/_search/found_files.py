"""Outputs of a search: table, report, trials, plots, the student."""

import csv
import io

import keras_kd
from keras_kd import report
from keras_kd.cli._bench import outcome
from keras_kd.cli._search import cost_files
from keras_kd.cli._search.settings import RATE
from keras_kd.cli._search.settings import TUNED_FLAGS
from keras_kd.cli._search.space import OBJECTIVE
from keras_kd.cli._search.students import WIDTH
from keras_kd.cli._shell.terminal import fold
from keras_kd.search.knobs import is_searched
from keras_kd.search.limits import COSTS

PLOTS = {
    "parallel.png": "Each trial as a line through its knobs",
    "slices.png": "Accuracy against each knob",
}
STUDENT = "student.keras"
FILES = ("search.md", STUDENT, "trials.csv", *PLOTS)
# With limits there are some of the last.
ALL_FILES = (*FILES, *cost_files.PLOTS.values())
SHOWN = 10
LABEL = "validation accuracy (%)"
# Headings that let the table fit a terminal.
SHORT = {
    "temperature": "temp.",
    "loss_weight": "weight",
    "student_loss_weight": "labels",
    RATE: "rate",
}
LEGEND = (
    "val. %: accuracy on the validation part. temp., weight, labels, rate: "
    "--temperature, --loss_weight, --student_loss_weight, --learning_rate."
)


def columns(found):
    """Names of the columns with the settings of a trial."""
    flags = ["method", *TUNED_FLAGS, RATE]
    return [
        name
        for name in flags
        if any(getattr(one, name) is not None for one in found.chosen)
    ]


def rows(found):
    """Cells of the table of the best trials: rank, accuracy, settings."""
    scored = [one for one in found.results if one.score is not None][:SHOWN]
    return [
        (
            str(rank),
            f"{100 * one.score:.1f}",
            *_epochs(found, one),
            *cost_files.width_of(found, one),
            *(_cell(getattr(chosen, name)) for name in columns(found)),
        )
        for rank, (one, chosen) in enumerate(
            zip(scored, found.chosen, strict=False), start=1
        )
    ]


def header(found, short):
    """Titles of this table.

    Args:
        found: A `Found`.
        short: Whether it is for a terminal.
    """
    names = [SHORT.get(n, n) if short else n for n in columns(found)]
    epochs = ["epochs"] if _has_epochs(found) else []
    width = [WIDTH] if WIDTH in found.hypermodel.knobs else []
    return ["", "val. %" if short else LABEL, *epochs, *width, *names]


def _has_epochs(found):
    return any(one.epochs is not None for one in found.results)


def _epochs(found, one):
    return (str(one.epochs or ""),) if _has_epochs(found) else ()


def _cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.3g}"


def terminal(found):
    """The table, the importance and the command, for a terminal."""
    return "\n".join(
        [
            report.text_table(header(found, short=True), rows(found)),
            "",
            fold(LEGEND),
            "",
            *cost_files.terminal(found),
            fold(f"Importance of the knobs: {found.importance}"),
            fold(verdict(found)),
            "",
            "The best settings, against students alone under the same budget:",
            "",
            found.command,
        ]
    )


def write(found, files):
    """Writes all files of `FILES` into the output folder.

    Args:
        found: A `Found`.
        files: The `OutputFiles` of the folder.
    """
    with files.written(STUDENT) as partial:
        found.student.save(partial)
    cost_files.write(found, files)
    files.write_text("trials.csv", csv_text(found))
    draw = report.parallel_coordinates, report.slices
    for name, function in zip(PLOTS, draw, strict=True):
        with files.written(name) as partial:
            function(found.results, LABEL, 100).savefig(partial, format="png")
    files.write_text("search.md", markdown(found))


def names_of(found):
    """Names of the files of a search."""
    return [*FILES, *cost_files.names_of(found)]


def csv_text(found):
    """Formats all trials as CSV, the best first."""
    costs = [one for one in COSTS if one in found.results[0].costs]
    width = [WIDTH] if WIDTH in found.hypermodel.knobs else []
    names = ("rank", "trial", "status", OBJECTIVE, "epochs", *columns(found))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*names, *width, *costs))
    for rank, (one, chosen) in enumerate(
        zip(found.results, found.chosen, strict=True), start=1
    ):
        writer.writerow(
            [
                "" if one.score is None else rank,
                one.number,
                "OVER" if one.is_over else one.status,
                one.score,
                one.epochs or chosen.epochs,
                *(getattr(chosen, name) for name in columns(found)),
                *cost_files.width_of(found, one),
                *(one.costs.get(name) for name in costs),
            ]
        )
    return text.getvalue()


def markdown(found):
    """The text of `search.md`."""
    sections = [
        "# The search",
        verdict(found),
        "The best settings, against students alone under the same budget:",
        f"```sh\n{found.command}\n```",
        f"## The {SHOWN} best trials",
        report.markdown_table(header(found, short=False), rows(found)),
        "All are in `trials.csv`. The students of all trials saw the same "
        f"images and began with the same {_same(found)}. The last epoch "
        "counts, not the best, and the best of many accuracies is too good: "
        "expect less of other seeds, which `keras-kd distill` reports.",
        *cost_files.markdown(found),
        "## Importance of the knobs",
        *_importance(found.importance),
        "## Pictures",
        *(f"![{title}]({name})" for name, title in PLOTS.items()),
        "## What was done",
        outcome.describe(found.bench).replace("\n", " "),
        _budget(found),
        report.markdown_table(
            ["knob", "values", "of what"], described(found.hypermodel)
        ),
        "## The student",
        "`student.keras` is that of the best trial. "
        "`keras.saving.load_model` loads it; neither the teacher nor keras_kd "
        "is needed for that.",
        f"Made with keras_kd {keras_kd.__version__}.",
    ]
    return "\n\n".join(sections) + "\n"


def _same(found):
    # Those of different shapes have different weights.
    return "seeds" if WIDTH in found.hypermodel.knobs else "weights"


def described(hypermodel):
    """Rows of a table of the knobs: name, values, reason.

    Args:
        hypermodel: A `FlagHyperModel`.
    """
    rows = []
    for name, knob in hypermodel.knobs.items():
        values = str(knob) if is_searched(knob) else f"{_cell(knob)} (fixed)"
        _, methods = hypermodel.conditions.get(name, (None, ()))
        reason = getattr(knob, "reason", "")
        of_what = f"for {', '.join(methods)}: {reason}" if methods else reason
        rows.append((name, values, of_what))
    return rows


def _importance(importance):
    if importance.reason:
        return [importance.reason]
    shares = importance.shares.items()
    return [
        report.markdown_table(
            ["knob", "share"],
            [(name, f"{100 * share:.0f} %") for name, share in shares],
        ),
        "How much worse a random forest predicts the rank when a knob's "
        "values are shuffled among the trials. It explains "
        f"{100 * importance.explained:.0f} % of the variance of trials that it "
        "was not shown.",
    ]


def _budget(found):
    settings = found.settings
    count = sum(one.score is not None for one in found.results)
    return (
        f"Tuner: {settings.tuner}, {count} trials with a score, "
        f"{settings.seeds} student{'s' if settings.seeds > 1 else ''} in each, "
        f"{found.bench.settings.epochs} epochs, {settings.batch_size} images "
        "an update, Adam with a cosine decay. The validation part served for "
        "all choices, the test part for none."
    )


def verdict(found):
    """A sentence on the best trial."""
    best = found.best
    text = (
        f"The best has {100 * best.score:.1f} % on the validation part, "
        f"by which it was chosen, and {100 * found.accuracy:.1f} % on the test "
        "part, by which nothing was chosen; the teacher has "
        f"{100 * found.teacher_validation:.1f} % and "
        f"{100 * found.teacher_accuracy:.1f} %."
    )
    epochs = found.bench.settings.epochs
    if best.epochs is not None and best.epochs < epochs:
        text += (
            f" It was trained for {best.epochs} of {epochs} "
            "epochs: with more trials, hyperband trains the best to the end."
        )
    if found.settings.seeds > 1:
        text += (
            f" The first is the mean of {found.settings.seeds} students, of "
            "which student.keras is the best."
        )
    return text
