"""Tunes nets of several depths alike, after Urban et al., 2017."""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from keras_kd import losses
from keras_kd import teachers
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_counts
from keras_kd._core.kinds import check_callable
from keras_kd._core.kinds import check_list
from keras_kd._core.kinds import check_loss
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.report.experiment import Experiment
from keras_kd.search.hyper_model import DistillationHyperModel
from keras_kd.search.labels_hyper_model import LabelsHyperModel
from keras_kd.search.tuners import make_tuner

MIMIC = "mimic"
LABELS = "labels"


@dataclasses.dataclass(frozen=True)
class TunedDepth:
    """Result of a search for one depth and one kind of targets.

    Attributes:
        depth: The depth.
        targets: `"mimic"` or `"labels"`.
        values: Dict of the knobs of its best trial.
        score: The objective of that trial.
        num_parameters: Parameters of its student.
        hypermodel: The hypermodel that was searched.
        epochs: Number of epochs of a trial.
    """

    depth: int
    targets: str
    values: dict[str, Any]
    score: float
    num_parameters: int
    hypermodel: keras_tuner.HyperModel
    epochs: int

    def train(self, seed: int, **kwargs: Any) -> keras.Model:
        """Trains a student with the values that were found.

        Args:
            seed: Seed of its initial weights and of the order of the examples.
            **kwargs: As for `Model.fit`.

        Returns:
            The student.
        """
        keras.utils.set_random_seed(seed)
        hp = keras_tuner.HyperParameters()
        hp.values |= self.values
        model = self.hypermodel.build(hp)
        self.hypermodel.fit(
            hp, model, **{"epochs": self.epochs, "verbose": 0} | kwargs
        )
        return model if self.targets == LABELS else model.student


def compare_depths(
    *,
    teacher: teachers.CachedTeacher,
    build_student: Callable[..., Any],
    depths: Sequence[int],
    data: Data,
    validation_data: Data,
    directory: str,
    epochs: int,
    max_trials: int,
    loss: PerOutput,
    knobs: dict[str, Any] | None = None,
    objective: str = "val_accuracy",
    tuner: str = "bayesian",
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> list[TunedDepth]:
    """Tunes students of several depths, on a teacher and on the labels.

    A shallow net may be worse than a deep one only by its training. So each
    depth gets a search of its own, with the same number of trials, once on the
    teacher's logits (`losses.LogitRegression(center=True)`, no labels) and once
    on the labels, over the same augmented images. A search that is finished is
    kept in `directory`, and an interrupted one resumes.

    Reference: [Urban et al., 2017](https://arxiv.org/abs/1603.05691), sections
    2 and 3. The paper does not centre the logits of each example.

    Args:
        teacher: A `CachedTeacher`, best of an ensemble and with several views.
        build_student: Function of `hp` and a depth that returns a built
            student; its knobs in `hp` are searched.
        depths: The depths.
        data: What was cached.
        validation_data: As for `fit`; it judges the trials.
        directory: Folder for the searches.
        epochs: Number of epochs of a trial, over all views.
        max_trials: Number of trials of each search.
        loss: Loss on the labels, as for `compile`.
        knobs: As for `DistillationHyperModel`, of the training alone. Defaults
            to `None`.
        objective: Of the search, no loss: mimics have none on the labels.
            Defaults to `"val_accuracy"`.
        tuner: As for `make_tuner`. Defaults to `"bayesian"`.
        seed: Seed of the searches. Defaults to `0`.
        say: Takes a line for the user. Defaults to `print`.

    Returns:
        List of `TunedDepth`: for each depth the mimic and the control.

    Raises:
        TypeError: If `teacher` is no `CachedTeacher`.
        ValueError: If `knobs`, `objective` or `tuner` cannot be used, or
            `directory` has searches with another teacher, other knobs or other
            epochs.
        RuntimeError: If no trial of a search was finished.
    """
    _check_teacher(teacher)
    check_callable("build_student", build_student, "of `hp` and a depth")
    check_callable("say", say, "of a line of text")
    depths = check_list("depths", depths, "depths")
    check_loss("loss", loss)
    check_counts("epochs or trials", epochs=epochs, max_trials=max_trials)
    check_count("seed", seed, "one sequence of numbers", 0)
    # Raises if searches of other settings are there.
    Experiment(
        directory,
        {
            "teacher": teacher.fingerprint().hex(),
            "epochs": epochs,
            "objective": _name(objective),
            "tuner": tuner,
            "seed": seed,
        },
    )
    found = []
    for depth in depths:

        def student(hp, depth=depth):
            return build_student(hp, depth)

        common = {"student": student, "loss": loss, "metrics": ["accuracy"]}
        hypermodels = {
            MIMIC: DistillationHyperModel(
                teacher=teacher,
                data=data,
                distillation_losses=losses.LogitRegression(center=True),
                knobs={
                    "logit_regression.loss_weight": 1.0,
                    "student_loss_weight": 0.0,
                }
                | (knobs or {}),
                **common,
            ),
            LABELS: LabelsHyperModel(
                data=teacher.attach(data), knobs=knobs, **common
            ),
        }
        for targets, hypermodel in hypermodels.items():
            keras.utils.set_random_seed(seed)
            made = make_tuner(
                tuner,
                hypermodel,
                objective=objective,
                directory=directory,
                max_trials=max_trials,
                project_name=f"depth_{depth}_{targets}",
                seed=seed,
                say=say,
                **({"max_epochs": epochs} if tuner == "hyperband" else {}),
            )
            made.search(
                validation_data=validation_data, epochs=epochs, verbose=0
            )
            found.append(_result(made, depth, targets, epochs))
            say(_line(found[-1]))
    return found


def _check_teacher(teacher):
    if not isinstance(teacher, teachers.CachedTeacher):
        raise TypeError(
            "`teacher` must be a `CachedTeacher`, since every trial asks it "
            f"about the same images. Received: {teacher!r}. See "
            "`teachers.cache_teacher`."
        )


def _name(objective):
    """The name of an objective that judges both kinds of students alike."""
    name = getattr(objective, "name", objective)
    if not isinstance(name, str) or name in ("loss", "val_loss"):
        raise ValueError(
            "`objective` must be the name of one metric, or a "
            "`keras_tuner.Objective`, and no loss, which is 0 for a mimic, "
            f"whose labels do not count. Received: objective={objective!r}. "
            'Use "val_accuracy".'
        )
    return name


def _result(tuner, depth, targets, epochs):
    best = tuner.oracle.get_best_trials()[0]
    if best.score is None:
        raise RuntimeError(
            f"No trial of depth {depth} on {targets} was finished. The first "
            f"one said: {best.message}"
        )
    model = tuner.hypermodel.build(best.hyperparameters)
    student = model if targets == LABELS else model.student
    return TunedDepth(
        depth=depth,
        targets=targets,
        values=dict(best.hyperparameters.values),
        score=float(best.score),
        num_parameters=student.count_params(),
        hypermodel=tuner.hypermodel,
        epochs=epochs,
    )


def _line(result):
    values = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in result.values.items()
    )
    return (
        f"depth {result.depth}, {result.targets}: {result.score:.4f} with "
        f"{values}"
    )
