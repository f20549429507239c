"""The methods that `--method` chooses from, as a table."""

import dataclasses
from collections.abc import Callable

from absl import flags

from keras_kd.cli import usage
from keras_kd.cli.errors import DONE

HINTON = "Hinton et al. 2015, https://arxiv.org/abs/1503.02531"
ROMERO = "Romero et al. 2015, https://arxiv.org/abs/1412.6550"
ZAGORUYKO = "Zagoruyko and Komodakis 2017, https://arxiv.org/abs/1612.03928"
BA = "Ba and Caruana 2014, https://arxiv.org/abs/1312.6184"


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to distil.

    Attributes:
        line: What it is, in one line.
        papers: Author, year and address of each paper.
        make_losses: From `(teacher, student, settings)` to distillation
            losses for that pair, with taps chosen.
        temperature: Default of `--temperature`; `None` if there is none.
        loss_weight: Default of `--loss_weight`.
        student_loss_weight: Default of `--student_loss_weight`.
    """

    line: str
    papers: tuple[str, ...]
    make_losses: Callable
    temperature: float | None = None
    loss_weight: float = 1.0
    student_loss_weight: float = 1.0

    @property
    def defaults(self):
        """Its flags, as one would write them."""
        flags_of = {
            "temperature": self.temperature,
            "loss_weight": self.loss_weight,
            "student_loss_weight": self.student_loss_weight,
        }
        return " ".join(
            f"--{name}={value:g}"
            for name, value in flags_of.items()
            if value is not None
        )


def soft_targets(teacher, student, settings):
    """Compares the outputs, softened by a temperature."""
    from keras_kd import losses

    return [
        losses.SoftTargets(
            settings.temperature, loss_weight=settings.loss_weight
        )
    ]


def logit_regression(teacher, student, settings):
    """Compares the logits themselves."""
    from keras_kd import losses

    return [losses.LogitRegression(loss_weight=settings.loss_weight)]


def hints(teacher, student, settings):
    """Compares one layer half-way through."""
    from keras_kd import losses
    from keras_kd.cli import tap_choice

    teacher_tap, student_tap = tap_choice.hint_taps(teacher, student)
    return [
        losses.Hint(
            loss_weight=settings.loss_weight,
            teacher_tap=teacher_tap,
            student_tap=student_tap,
        )
    ]


def attention_transfer(teacher, student, settings):
    """Compares the ends of the stages."""
    from keras_kd import losses
    from keras_kd.cli import tap_choice

    return [
        losses.AttentionTransfer(
            loss_weight=settings.loss_weight,
            teacher_tap=teacher_tap,
            student_tap=student_tap,
        )
        for teacher_tap, student_tap in tap_choice.map_taps(teacher, student)
    ]


def hints_and_soft_targets(teacher, student, settings):
    """Compares the outputs and one layer."""
    return [
        *soft_targets(teacher, student, settings),
        *hints(teacher, student, settings),
    ]


def attention_and_soft_targets(teacher, student, settings):
    """Compares the outputs and the ends of the stages."""
    return [
        *soft_targets(teacher, student, settings),
        *attention_transfer(teacher, student, settings),
    ]


METHODS = {
    "soft_targets": Method(
        "the teacher's softened probabilities",
        (HINTON,),
        soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "logit_regression": Method(
        "squared distance to the teacher's logits",
        (BA,),
        logit_regression,
        loss_weight=0.1,
    ),
    "hints": Method(
        "a layer half-way through the teacher, in one stage",
        (ROMERO,),
        hints,
        loss_weight=10.0,
    ),
    "attention_transfer": Method(
        "where the teacher's layers are active",
        (ZAGORUYKO,),
        attention_transfer,
        loss_weight=10.0,
    ),
    "hints_and_soft_targets": Method(
        "both, added, in one stage",
        (ROMERO, HINTON),
        hints_and_soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
    ),
    "attention_and_soft_targets": Method(
        "both, added",
        (ZAGORUYKO, HINTON),
        attention_and_soft_targets,
        temperature=8.0,
        student_loss_weight=0.1,
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
