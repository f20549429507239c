"""A method of the command line."""

import dataclasses
from collections.abc import Callable

# Flags whose defaults the methods decide, and why a method may not have one.
FLAGS = {
    "temperature": "divides no logits",
    "loss_weight": "sets the weights of its losses itself",
    "student_loss_weight": "sets the weights of its losses itself",
    "noise_stddev": "adds no noise",
    "noise_probability": "adds no noise",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to distil.

    What differs from a `Distiller` around the two models is a function. All of
    them are in `method_parts`; a `Bench` calls them.

    Attributes:
        line: What it is, in one line.
        papers: Author, year and address of each paper.
        make_losses: From `(teacher, student, settings)` to distillation
            losses for that pair, with taps chosen.
        temperature: Default of `--temperature`; `None` if there is none.
        loss_weight: Default of `--loss_weight`; likewise.
        student_loss_weight: Default of `--student_loss_weight`; likewise.
        noise_stddev: Default of `--noise_stddev`; likewise.
        noise_probability: Default of `--noise_probability`; likewise.
        wrap_teacher: From `(teacher, settings, seed)` to the teacher that the
            student of a seed learns from. `None`: the teacher itself.
        make_student: From `(image_shape, num_classes)` to the architecture of
            all students. `None`: that of `--student`, or the default.
        rebuild: From `(bench, student)` to the model that is distilled in the
            place of a student with new weights. `None`: that student itself.
        make_trainer: From `(bench, student, seed)` to the model whose `fit`
            trains the student; also made once before the job, to see that it
            can be. `None`: a `Distiller` of the teacher and `make_losses`.
        train: From `(bench, student, lesson, seed)` to the logs, with the
            student trained in place. `None`: one `fit` of that model.
        min_epochs: The fewest epochs that it can be trained in.
        no_cache: Why it cannot learn from a cache, to be read after "since";
            `None` if it can.
        note: A sentence for the report, on what the arms have in common.
    """

    line: str
    papers: tuple[str, ...]
    make_losses: Callable
    temperature: float | None = None
    loss_weight: float | None = 1.0
    student_loss_weight: float | None = 1.0
    noise_stddev: float | None = None
    noise_probability: float | None = None
    wrap_teacher: Callable | None = None
    make_student: Callable | None = None
    rebuild: Callable | None = None
    make_trainer: Callable | None = None
    train: Callable | None = None
    min_epochs: int = 1
    no_cache: str | None = None
    note: str = ""

    @property
    def defaults(self):
        """Default flags of the method, as text."""
        return " ".join(
            f"--{name}={getattr(self, name):g}"
            for name in FLAGS
            if getattr(self, name) is not None
        )
