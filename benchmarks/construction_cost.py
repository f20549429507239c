"""Cost of making a Distiller.

    python -m benchmarks.construction_cost --output construction_cost.json

measures `keras_kd.Distiller(...)` and its first `compile` for a teacher and a
student that are both EfficientNetB0, with soft targets only and with a hint
beside them, against the floor: one symbolic pass through each model, which
finds shapes and the end of the model, and no pass besides. About a minute on
two CPU cores.

A round makes each once, each round in another order; a ratio is formed within
a round, and the table shows the median over the rounds and the quartiles.
"""

import argparse
import json
import pathlib

import keras
import numpy as np

import keras_kd
from benchmarks import measure

TAP = "top_activation"
TARGET = 1.3


def efficientnet():
    return keras.applications.EfficientNetB0(
        weights=None, classifier_activation=None
    )


def make_steps(make_model):
    """Functions to time, by name."""
    teacher, student = make_model(), make_model()

    def look(model):
        x = keras.KerasTensor(model.input_shape, model.inputs[0].dtype)
        # A Functional model would answer from its graph, without a pass.
        keras.Operation.compute_output_spec(model, x, training=False)

    def construct(*losses):
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=[make() for make in losses],
        )
        distiller.compile("sgd")

    def hint():
        return keras_kd.losses.Hint(teacher_tap=TAP, student_tap=TAP)

    soft_targets = keras_kd.losses.SoftTargets
    return {
        "pass of the teacher": lambda: look(teacher),
        "pass of the student": lambda: look(student),
        "Distiller, soft targets": lambda: construct(soft_targets),
        "Distiller, with a hint": lambda: construct(soft_targets, hint),
    }


def compare(seconds):
    """Per-round ratios of CPU seconds to the floor, of what is no pass."""
    cpu = {name: np.array(values["cpu"]) for name, values in seconds.items()}
    floor = cpu["pass of the teacher"] + cpu["pass of the student"]
    return {
        name: measure.spread(values / floor)
        for name, values in cpu.items()
        if name.startswith("Distiller")
    }


def table(seconds, found):
    """The result, at most 80 columns wide."""
    lines = [f"{'':25}{'CPU s':>7}  ratio to the floor [quartiles]"]
    for name, values in seconds.items():
        line = f"{name:25}{np.median(values['cpu']):7.2f}"
        if name in found:
            low, high = found[name]["quartiles"]
            ratio = found[name]["median"]
            verdict = "met" if ratio <= TARGET else "MISSED"
            line += f"  {ratio:.2f} [{low:.2f}, {high:.2f}], {verdict}"
        lines.append(line)
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what making a Distiller costs."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--output", type=pathlib.Path, help="JSON file for all measurements"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1. Received: {options.rounds}")
    seconds = measure.interleave(make_steps(efficientnet), options.rounds, 1)
    found = compare(seconds)
    print(table(seconds, found))
    if options.output:
        result = {"seconds": seconds, "ratios": found}
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
