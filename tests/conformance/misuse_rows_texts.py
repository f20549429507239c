"""Wrong uses of what writes texts, and of procedures that do."""

import dataclasses
import functools
import math

import numpy as np

from keras_kd import losses
from keras_kd import procedures
from keras_kd import transfer_sets
from tests.conformance import procedure_runs as runs
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_procedures import of_fits
from tests.transfer_sets import small_writers


def _of_every_text(of, call):
    """Rows of all that writes."""
    given = functools.partial(wrong, of, call)
    rows = given("prompts", None, "ab", [1], [[0.5]], shown="of type ")
    rows += given("prompts", [[9]], shown="with 9")
    rows += given("prompts", [[1] * 6], shown="of 6 to 6 tokens")
    rows += given("max_length", None, 1, "6")
    rows += given("end_token", -1, 5, "0")
    return rows + given("temperature", -1, "1", None, math.nan, remedy=0)


def _of_models(of, call, argument):
    """Rows of what is no language model."""
    given = functools.partial(wrong, of, call, argument)
    ahead, causal = (
        small_writers.sees_ahead(padding) for padding in ("same", "causal")
    )
    rows = given(None, "a.keras") + given(unbuilt(), shown="built=False")
    rows += given(teacher(), shown="to (None, 3)")
    return rows + given(ahead, shown=f'"{ahead.name}"', remedy=causal)


def _without_remedy(rows):
    """The same rows, of whose remedy a training would be a part."""
    return [dataclasses.replace(row, remedy=None) for row in rows]


def _of_procedures():
    given = {
        "teacher": runs.language_teacher(),
        "student": runs.language_model(),
        "prompts": runs.PROMPTS,
        "max_length": 6,
        "verbose": 0,
    }
    rows = []
    for name, times in (
        ("on_policy_distillation", "rounds"),
        ("sequence_distillation", "epochs"),
    ):
        of = f"procedures.{name}"
        function = getattr(procedures, name)
        call = functools.partial(function, **given | {times: 1})
        rows += of_fits(of, call) + _of_every_text(of, call)
        rows += _of_models(of, call, "teacher")
        rows += _of_models(of, call, "student")
        other = small_writers.table(np.eye(6))
        rows += wrong(of, call, "teacher", other, shown="6 tokens of the")
    of = "procedures.on_policy_distillation"
    call = functools.partial(
        procedures.on_policy_distillation, **given | {"rounds": 1}
    )
    rows += wrong(of, call, "answers", "ab", [1], [[0.5]], shown="of type ")
    rows += wrong(of, call, "answers", [[1]], shown="1 answers")
    answered = functools.partial(call, answers=runs.ANSWERS)
    rows += parts(of, answered, "student_share")
    wrong_losses = "soft", 3, losses.SoftTargets, []
    rows += wrong(of, call, "distillation_losses", *wrong_losses)
    return _without_remedy(rows)


def rows():
    """All of them."""
    of = "transfer_sets.write_texts"
    call = functools.partial(
        transfer_sets.write_texts,
        model=small_writers.table(small_writers.counter()),
        prompts=[[1], [2, 3]],
        max_length=6,
    )
    return [
        *_of_every_text(of, call),
        *_of_models(of, call, "model"),
        *_of_procedures(),
    ]
