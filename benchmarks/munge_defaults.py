"""The best `probability` and `local_variance` for MUNGE.

On each set, four kinds of models are trained on the rows to learn from, and an
ensemble of them is selected on the validation part, as in the paper. Students
of one hidden layer learn its answers with `procedures.compress`: about the rows
to learn from alone, and about five made-up rows more for each. All have the
same number of updates.

The rule: a setting's error on a set is the paper's, the root mean squared error
to the labels, on the *validation* part, averaged over three splits and divided
by that of the student without made-up rows; the setting with the smallest
geometric mean of these over the sets is chosen. Iris and wine, with fewer than
100 rows in that part, take no part in the choice. The table then has the *test*
parts of three other splits, and the error to the teacher too.

A first rule had let iris and wine choose as well. It took (0.1, 1.0), for an
error of .81 on 38 rows of iris alone, and was on the test parts no better than
the defaults before, (0.5, 2.0). The rule above was fixed then, before the
splits of the table were made.

    python -m benchmarks.munge_defaults --folder munge_defaults

takes about eight minutes of one core with the five sets that scikit-learn
embeds, and twelve with two larger ones: see `munge_tables`. A second start with
the same folder goes on where the first was stopped.
"""

import argparse
import functools
import itertools
import math

import keras
import numpy as np
import tensorflow as tf
from scipy import special

import keras_kd
from benchmarks import munge_tables
from keras_kd.transfer_sets import synthetic

NONE = None
BEFORE = (0.5, 2.0)
GRID = [(p, s) for p in (0.1, 0.2, 0.5) for s in (1.0, 2.0, 4.0, 8.0)]
# Of the splits to choose by, and of those of the table.
CHOOSING, CHECKING = (0, 1, 2), (3, 4, 5)
KINDS = ("labels", "teacher")
MADE_PER_ROW = 5
BATCH = 64


def errors(bench, setting, updates):
    """Trains a student and compares it with the teacher and the labels.

    Args:
        bench: A `munge_tables.Bench`.
        setting: `(probability, local_variance)`, or `NONE` for the real rows
            alone.
        updates: Number of updates.

    Returns:
        Dict from a part to the errors to what `KINDS` names.
    """
    generator, made = None, 0
    if setting is not NONE:
        generator = functools.partial(
            synthetic.munge,
            probability=setting[0],
            local_variance=setting[1],
            nominal=bench.nominal,
            verbose=0,
        )
        made = MADE_PER_ROW * len(bench.learn)
    result = keras_kd.procedures.compress(
        teacher=bench.teacher,
        student=bench.student,
        x=bench.learn,
        num_synthetic=made,
        generator=generator,
        encode=bench.encode,
        updates=updates,
        epochs=1,
        batch_size=BATCH,
        optimizer=keras.optimizers.Adam(3e-3),
        seed=bench.seed,
        verbose=0,
    )
    student = result.students[made]
    return {
        part: _rmse(student, bench, *rows) for part, rows in bench.parts.items()
    }


def _rmse(student, bench, x, y):
    logits = student.predict(bench.encode(x), batch_size=1024, verbose=0)
    chosen = special.softmax(logits.astype("float64"), axis=-1)
    taught = special.softmax(bench.teacher.predict(x), axis=-1)
    truth = np.eye(chosen.shape[-1])[y]
    return [
        float(np.sqrt(0.5 * np.square(chosen - p).sum(-1).mean()))
        for p in (truth, taught)
    ]


def relative(results, name, setting):
    """Error of a setting on a set, that without made-up rows being 1."""
    with_made, without = (
        np.mean([results[name, s, seed]["validation"][0] for seed in CHOOSING])
        for s in (setting, NONE)
    )
    return with_made / without


def score(results, names, setting):
    """Geometric mean of `relative` over the sets."""
    logs = [math.log(relative(results, name, setting)) for name in names]
    return math.exp(sum(logs) / len(logs))


def choose(results, names):
    """The setting that the rule chooses.

    Args:
        results: Dict from `(name, setting, seed)` to what `errors` returns.
        names: The sets.
    """
    return min(GRID, key=lambda setting: score(results, names, setting))


def table(results, names, chosen):
    """Errors on the test parts, as lines of Markdown."""
    arms = {"no made-up rows": NONE, "before": BEFORE, "chosen": chosen}
    lines = []
    for kind, what in enumerate(KINDS):
        header = [f"RMSE to the {what}", *arms]
        rows = []
        for name in names:
            errors = [
                [results[name, arm, seed]["test"][kind] for seed in CHECKING]
                for arm in arms.values()
            ]
            cells = [
                f"{np.mean(e):.4f} ± {np.std(e, ddof=1):.4f}" for e in errors
            ]
            rows.append([name, *cells])
        lines += [keras_kd.report.markdown_table(header, rows), ""]
    return "\n".join(lines)


def _spread(errors):
    return f"{np.mean(errors):.4f} ± {np.std(errors, ddof=1):.4f}"


def run(folder, names, updates, most_rows, units, say=print):
    """Trains every student, and prints what comes out.

    Args:
        folder: Where to keep finished runs.
        names: The sets.
        updates: Updates of each student.
        most_rows: Rows in each of the three parts, at most.
        units: Hidden units of a student.
        say: Takes a line. Defaults to `print`.

    Returns:
        The chosen setting.
    """
    settings = {
        "updates": updates,
        "most_rows": most_rows,
        "units": units,
        "grid": GRID,
        "made": MADE_PER_ROW,
    }
    choosing = [name for name in names if name not in munge_tables.SMALL]
    num_runs = len(CHOOSING) * len(choosing) * (1 + len(GRID))
    num_runs += 3 * len(CHECKING) * len(names)
    experiment = keras_kd.report.Experiment(
        folder, settings, num_runs=num_runs, say=say
    )

    def trained(names, seeds, arms):
        return {
            one: experiment.result(str(one), functools.partial(job, *one))
            for name, seed, arm in itertools.product(names, seeds, arms)
            for one in [(name, arm, seed)]
        }

    def job(name, arm, seed):
        bench = munge_tables.prepare(name, seed, most_rows, units)
        return errors(bench, arm, updates)

    results = trained(choosing, CHOOSING, (NONE, *GRID))
    for setting in GRID:
        cells = [f"{relative(results, name, setting):.3f}" for name in choosing]
        cells.append(f"{score(results, choosing, setting):.3f}")
        say(f"| {setting} | " + " | ".join(cells) + " |")
    chosen = choose(results, choosing)
    say(f"Chosen on {', '.join(choosing)}: {chosen}")
    results = trained(names, CHECKING, (NONE, BEFORE, chosen))
    say(table(results, names, chosen))
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="munge_defaults")
    parser.add_argument("--updates", type=int, default=1200)
    parser.add_argument("--most_rows", type=int, default=2000)
    parser.add_argument("--units", type=int, default=64)
    options = parser.parse_args()
    # What is measured does not depend on it; the cost is said for one core.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    run(
        options.folder,
        munge_tables.given(),
        options.updates,
        options.most_rows,
        options.units,
    )


if __name__ == "__main__":
    main()
