"""The methods that `--method` chooses from, as a table."""

import dataclasses
from collections.abc import Callable

from absl import flags

from keras_kd.cli import method_parts
from keras_kd.cli import usage
from keras_kd.cli.errors import DONE

HINTON = "Hinton et al. 2015, https://arxiv.org/abs/1503.02531"
ROMERO = "Romero et al. 2015, https://arxiv.org/abs/1412.6550"
ZAGORUYKO = "Zagoruyko and Komodakis 2017, https://arxiv.org/abs/1612.03928"
BA = "Ba and Caruana 2014, https://arxiv.org/abs/1312.6184"
SAU = "Sau and Balasubramanian 2016, https://arxiv.org/abs/1610.09650"

# Flags whose defaults the methods decide, and why a method may not have one.
FLAGS = {
    "temperature": "divides no logits",
    "loss_weight": "has no distillation loss",
    "student_loss_weight": "has no loss of the labels beside it",
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
    make_trainer: Callable | None = None
    train: Callable | None = None
    min_epochs: int = 1
    no_cache: str | None = None
    note: str = ""

    @property
    def defaults(self):
        """Its flags, as one would write them."""
        return " ".join(
            f"--{name}={getattr(self, name):g}"
            for name in FLAGS
            if getattr(self, name) is not None
        )


METHODS = {
    "soft_targets": Method(
        "the teacher's softened probabilities",
        (HINTON,),
        method_parts.soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "logit_regression": Method(
        "squared distance to the teacher's logits",
        (BA,),
        method_parts.logit_regression,
        loss_weight=0.1,
    ),
    "hints": Method(
        "a layer half-way through the teacher, in one stage",
        (ROMERO,),
        method_parts.hints,
        loss_weight=10.0,
    ),
    "attention_transfer": Method(
        "where the teacher's layers are active",
        (ZAGORUYKO,),
        method_parts.attention_transfer,
        loss_weight=10.0,
    ),
    "hints_and_soft_targets": Method(
        "both, added, in one stage",
        (ROMERO, HINTON),
        method_parts.hints_and_soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "attention_and_soft_targets": Method(
        "both, added",
        (ZAGORUYKO, HINTON),
        method_parts.attention_and_soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "noisy_teacher": Method(
        "logit regression on a teacher with noise, fresh in each step",
        (SAU,),
        method_parts.logit_regression,
        loss_weight=0.1,
        noise_stddev=0.5,
        noise_probability=0.5,
        wrap_teacher=method_parts.noisy,
        no_cache="its noise is new in each step, and a cache stays as it is",
    ),
}


def main(arguments):
    """Runs `keras-kd methods`.

    Args:
        arguments: What follows the name of the command.

    Returns:
        The exit code.
    """
    values = flags.FlagValues()
    if usage.asks_for_help(arguments):
        line = "Lists the methods of distillation, with their papers."
        print(usage.command_help("methods", line, values))
        return DONE
    usage.parse("methods", values, arguments)
    width = max(map(len, METHODS)) + 2
    for name, method in METHODS.items():
        print(f"{name:<{width}}{method.line}")
        for paper in method.papers:
            print(f"{'':<{width}}{paper}")
        print(f"{'':<{width}}{method.defaults}")
    print("\nChoose one with `keras-kd distill --method=NAME`.")
    return DONE
