"""Outputs of a contest: table, report, picture, the best student."""

import shutil

import keras_kd
from keras_kd import report
from keras_kd.cli import methods
from keras_kd.cli._bench import arms
from keras_kd.cli._bench.outcome import describe
from keras_kd.cli._bench.outcome_table import difference
from keras_kd.cli._bench.outcome_table import spread
from keras_kd.cli._bench.state import REPORTS
from keras_kd.cli._shell.terminal import fold
from keras_kd.cli._shell.terminal import shown

PLOT = "gain_against_cost.png"
FILES = (*REPORTS, "student.keras", PLOT)
HEADER = (
    "",
    "accuracy %",
    "minus alone",
    "minus best",
    "like",
    "ms a step",
    "parameters",
    "rate",
    "weight",
)


def rows(found):
    """Cells of the table, in the order of `HEADER`; the best arm first."""
    ranking = found.ranking
    return [
        (
            name,
            spread(found.accuracies[name]),
            difference(ranking.gains.get(name)),
            difference(ranking.behind.get(name)),
            _like(name, ranking),
            _milliseconds(found, name),
            f"{found.parameters[name]:,}",
            f"{found.rates[name]:g}",
            _number(found.weights[name]),
        )
        for name in ranking.means
    ]


def _number(value):
    return "" if value is None else f"{value:g}"


def _like(name, ranking):
    words = {"best": ranking.leaders, "alone": ranking.like_baseline}
    return ", ".join(word for word, names in words.items() if name in names)


def _milliseconds(found, name):
    own, alone = found.steps[name], found.steps[arms.ALONE]
    if own is None or alone is None:
        return ""
    return f"{1000 * own:.1f} ({own / alone:.1f} x)"


def legend(found):
    """Explains the columns of the table."""
    gain = next(iter(found.ranking.gains.values()))
    intervals = (
        f", with its {100 * gain.level:g} % interval over seeds and test images"
        f", corrected for {gain.comparisons} comparisons in each column"
        if gain.count > 1
        else ""
    )
    return (
        "±: standard deviation over the seeds. minus alone, minus best: mean "
        f"difference to the student alone and to the best line{intervals}. "
        "like: cannot be told from the best line, or from the student alone. "
        "ms a step: median of a training step, of the fastest seed, and how "
        "many times that of the student alone. rate, weight: what the "
        "validation part chose; no weight where a method sets it itself."
    )


def verdict(found):
    """Sentences on what the ranking shows."""
    ranking = found.ranking
    if next(iter(ranking.gains.values())).count < 2:
        return "One seed tells no arms apart. Run with --seeds=5."
    helped = [n for n, gain in ranking.gains.items() if gain.side > 0]
    harmed = [n for n, gain in ranking.gains.items() if gain.side < 0]
    text = f"Better than the {arms.ALONE}: {', '.join(helped) or 'none'}."
    if harmed:
        text += f" Worse: {', '.join(harmed)}."
    others = [name for name in ranking.leaders if name != ranking.best]
    text += f" Best: {ranking.best}; "
    return text + (
        f"it cannot be told from {', '.join(others)}."
        if others
        else "it can be told from all others."
    )


def terminal(found):
    """The table and the verdict, for a terminal."""
    cells = [[*map(shown, line)] for line in rows(found)]
    return "\n".join(
        [
            report.text_table(HEADER, cells),
            "",
            fold(legend(found)),
            "",
            fold(verdict(found)),
        ]
    )


def write(bench, state, found):
    """Writes all files of `FILES` into the output folder."""
    files = state.outputs
    part, *_ = found.student
    with files.written("student.keras") as partial:
        shutil.copyfile(state.model_path(part), partial)
    with files.written(PLOT) as partial:
        figure(found).savefig(partial, format="png")
    files.write_report(markdown(bench, found))


def figure(found):
    """The picture of gains by costs, of equal costs where none are known."""
    alone = found.steps[arms.ALONE]
    return report.gain_against_cost(
        {
            name: (
                1.0 if None in (alone, step) else step / alone,
                gain,
            )
            for name, gain in found.ranking.gains.items()
            for step in [found.steps[name]]
        }
    )


def markdown(bench, found):
    """The text of the report."""
    settings = bench.settings
    _, arm, seed = found.student
    papers = [
        f"* `{one.method}`: {methods.METHODS[one.method].line} "
        f"({'; '.join(methods.METHODS[one.method].papers)}). "
        f"{methods.METHODS[one.method].note}".rstrip()
        for one in bench.alternatives
    ]
    sections = [
        "# Which method?",
        verdict(found),
        report.markdown_table(HEADER, rows(found)),
        legend(found),
        f"![Gain against cost]({PLOT})",
        "## What was done",
        describe(bench).replace("\n", " "),
        f"All arms got the same images, first weights and {settings.epochs} "
        f"epochs of {settings.batch_size} images an update, with Adam and a "
        f"cosine decay; {arms.SMOOTHING} with {arms.LABEL_SMOOTHING:g}. Each "
        f"chose its learning rate among {', '.join(map(str, arms.RATES))} on "
        "the validation part, with a seed that is not reported, and each "
        "method then its weight, where it has one, among a quarter of its own, "
        "its own and four times that: two settings more than the students "
        "without a teacher had. The test images took no part in any choice.",
        "## Methods",
        "\n".join(papers),
        "## Seeds",
        "Test accuracy in %.",
        report.markdown_table(
            ["seed", *found.accuracies],
            [
                [str(place), *(f"{100 * value:.1f}" for value in values)]
                for place, values in enumerate(
                    zip(*found.accuracies.values(), strict=True)
                )
            ],
        ),
        "## The student",
        f"`student.keras` is that of {arm}, seed {seed}, the best distilled "
        "one on the validation part.",
        f"Made with keras_kd {keras_kd.__version__}.",
    ]
    return "\n\n".join(sections) + "\n"
