"""Outputs of a job: table, report, history, plots, the student."""

import csv
import io
import math
import shutil

import keras_kd
from keras_kd import report
from keras_kd.cli import methods
from keras_kd.cli._bench import arms
from keras_kd.cli._bench.outcome_table import HEADER
from keras_kd.cli._bench.outcome_table import legend
from keras_kd.cli._bench.outcome_table import percent
from keras_kd.cli._bench.outcome_table import rows
from keras_kd.cli._bench.state import REPORTS
from keras_kd.cli._shell.terminal import fold
from keras_kd.cli._shell.terminal import shown

PLOTS = {
    "learning_curves.png": "Learning curves of the arms",
    "accuracy_against_parameters.png": "Accuracy against parameters",
    "reliability_diagram.png": "Reliability diagram",
}
FILES = (*REPORTS, "student.keras", "history.csv", *PLOTS)


def terminal(outcome):
    """The table and the verdict, for a terminal."""
    lines = [
        report.text_table(
            HEADER, [[*map(shown, cells)] for cells in rows(outcome)]
        ),
        "",
        fold(legend(outcome)),
    ]
    lines += ["", *map(fold, outcome.verdicts())]
    if outcome.warning:
        lines.append(fold(outcome.warning))
    return "\n".join(lines)


def write(bench, state, outcome):
    """Writes all files of `FILES` into the output folder."""
    files = state.outputs
    source = state.model_path(
        arms.student_name(arms.DISTILLED, outcome.best_seed)
    )
    with files.written("student.keras") as partial:
        shutil.copyfile(source, partial)
    files.write_text("history.csv", history_csv(outcome))
    for name, figure in zip(PLOTS, figures(outcome), strict=True):
        with files.written(name) as partial:
            figure.savefig(partial, format="png")
    files.write_report(markdown(bench, outcome))


def history_csv(outcome):
    """Logs of all students: a row for each epoch."""
    rows = [
        {"arm": arm, "seed": seed, "epoch": epoch + 1}
        | {
            key: values[epoch]
            for key, values in history.items()
            # A stage does not log what another does.
            if not math.isnan(values[epoch])
        }
        for arm in arms.ARMS
        for seed, history in enumerate(outcome.figures[arm].histories)
        for epoch in range(len(history["val_accuracy"]))
    ]
    # The arms have different losses.
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def figures(outcome):
    """The pictures, in the order of `PLOTS`."""
    found = outcome.figures
    return [
        report.learning_curves(
            {
                arm: [h["val_accuracy"] for h in found[arm].histories]
                for arm in arms.ARMS
            },
            outcome.teacher_accuracy,
        ),
        report.accuracy_against_parameters(
            {name: (f.parameters, f.accuracies) for name, f in found.items()}
        ),
        report.reliability_diagram(
            {
                f"{name}: error {percent(f.calibration_errors)} %": (
                    f.reliability
                )
                for name, f in found.items()
            }
        ),
    ]


def markdown(bench, outcome):
    """The text of the report."""
    settings = bench.settings
    sections = [
        "# Did distillation help?",
        "\n\n".join(outcome.verdicts()),
        *([outcome.warning] if outcome.warning else []),
        report.markdown_table(HEADER, rows(outcome)),
        legend(outcome),
        "## What was done",
        outcome.description.replace("\n", " "),
        _budget(settings),
        _method(settings),
        *([bench.data.note] if bench.data.note else []),
        "## Learning rates",
        _choice(bench),
        _rates(outcome),
        "## Seeds",
        "Test accuracy in %; the students of a row saw the same images and "
        "began with the same weights.",
        _seeds(outcome),
        *([_verdicts(outcome)] if outcome.gain.count > 1 else []),
        "## Pictures",
        *(f"![{title}]({name})" for name, title in PLOTS.items()),
        "## The student",
        "`student.keras` is the distilled student of seed "
        f"{outcome.best_seed}, the best of them on the validation part. "
        "`keras.saving.load_model` loads it; neither the teacher nor keras_kd "
        "is needed for that.",
        f"Made with keras_kd {keras_kd.__version__}.",
    ]
    return "\n\n".join(sections) + "\n"


def _budget(settings):
    return (
        "The student alone, the one with label smoothing "
        f"({arms.LABEL_SMOOTHING:g}) and the distilled one got the same "
        "images without augmentation, the same first weights, the same number "
        f"of updates ({settings.epochs} epochs, each as long as a pass over "
        f"all training images, {settings.batch_size} images an update) and "
        "the same optimizer, Adam with a cosine decay. How their learning "
        "rates were chosen stands below. The last epoch counts, not the best. "
        "The test images took no part in any choice."
    )


def _method(settings):
    method = methods.METHODS[settings.method]
    papers = "; ".join(method.papers)
    return (
        f"Method: `{settings.method}`, {method.line} ({papers}). "
        f"Settings: {_values(settings)}."
    )


def _values(settings):
    names = (*methods.FLAGS, "fraction")
    return ", ".join(
        f"{name.replace('_', ' ')} {getattr(settings, name):g}"
        for name in names
        if getattr(settings, name) is not None
    )


def _choice(bench):
    text = (
        "Each arm tried the same rates with a seed that is not reported, and "
        "took the one with the highest validation accuracy (in %). The "
        f"{len(bench.tuning.test_labels):,} labels of the validation part "
        "served all arms for this choice and for nothing else."
    )
    rate = bench.settings.learning_rate
    if rate is not None:
        text += (
            " But for the distilled student, whose rate of "
            f"{rate:g} was given with --learning_rate: if a search found it "
            "among more settings than three rates, more was tried for this "
            "student than for the others."
        )
    return text


def _tried(outcome, arm, rate):
    tried = outcome.tried[arm]
    return f"{100 * tried[rate]:.1f}" if rate in tried else ""


def _rates(outcome):
    header = ["", *(f"{rate:g}" for rate in arms.RATES), "taken"]
    return report.markdown_table(
        header,
        [
            (
                arm,
                *(_tried(outcome, arm, rate) for rate in arms.RATES),
                f"{outcome.rates[arm]:g}",
            )
            for arm in arms.ARMS
        ],
    )


def _seeds(outcome):
    accuracies = [outcome.figures[arm].accuracies for arm in arms.ARMS]
    return report.markdown_table(
        ["seed", *arms.ARMS],
        [
            (str(seed), *(f"{100 * value:.1f}" for value in values))
            for seed, values in enumerate(zip(*accuracies, strict=True))
        ],
    )


def _verdicts(outcome):
    gain = outcome.gain
    return (
        "The intervals above count two kinds of luck: that of the seeds and "
        f"that of the {gain.examples:,} test images, on which all students "
        f"were asked (`keras_kd.report.compare`). All {gain.comparisons} hold "
        f"together with {100 * gain.level:g} % confidence. Where one includes "
        "zero and reaches further than 1 point to either side, the seeds or "
        "the images are too few to tell."
    )
