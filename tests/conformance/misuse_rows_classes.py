"""Wrong uses of the procedures that are about classes."""

import functools
import math

import numpy as np

from keras_kd import procedures
from tests.conformance import count_calls as calls
from tests.conformance import procedure_runs as runs
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_procedures import X
from tests.conformance.misuse_rows_procedures import Y
from tests.conformance.misuse_rows_procedures import called


def rows():
    """All of them."""
    of, call = called("specialists")
    rows = wrong(of, call, "data", None, "x", 3, X, shown="of type ")
    rows += wrong(of, call, "data", (X, Y + 9), shown="labels from ")
    rows += wrong(of, call, "data", (X, np.eye(3)[Y]), shown="(24, 3)")
    rows += wrong(of, call, "num_specialists", 9)
    rows += wrong(of, call, "classes_per_specialist", 4)
    rows += wrong(of, call, "batch_size", 7)
    rows += wrong(of, call, "standardize", "no")
    rows += wrong(of, call, "build_specialist", "net", 3)
    for argument in ("loss_weight", "student_loss_weight"):
        rows += wrong(of, call, argument, -1, "1", None, math.nan)
    rows += wrong(of, call, "temperature", 0, "1", None)
    of, call = called("co_training")
    net = runs.dropout_net()
    rows += wrong(of, call, "learners", net, [net], None, shown="learners=")
    rows += wrong(of, call, "learners", [net, net], shown="share")
    rows += wrong(of, call, "learners", [net, "svm"], shown="'svm'")
    rows += wrong(of, call, "views", X, None, (X,), shown="views=")
    rows += wrong(of, call, "views", (X, X[:3]), shown="[3] rows")
    rows += wrong(of, call, "labels", None, Y[:, None], Y + 0.5, shown="shape")
    rows += wrong(of, call, "labels", Y - 5, shown="[-5")
    rows += wrong(of, call, "per_class", [1], "abc", [-1, 1, 1], [0, 0, 0])
    rows += wrong(of, call, "conflict", "keep", None)
    correct = functools.partial(
        procedures.correct_class_bias,
        student=teacher(),
        x=X,
        classes=1,
        teacher_mass=0.3,
    )
    of = "procedures.correct_class_bias"
    rows += wrong(of, correct, "student", None, "a.keras")
    rows += wrong(of, correct, "student", soft(), shown='"soft"')
    rows += wrong(of, correct, "x", None, "x", 3, {})
    rows += wrong(of, correct, "x", X[:0], shown="of type ndarray")
    rows += wrong(of, correct, "classes", 3, -1, "1", None, [], [1, 1])
    rows += wrong(of, correct, "classes", [0, 1, 2], remedy=2)
    rows += wrong(of, correct, "teacher_mass", "0.3", {}, shown="")
    rows += wrong(of, correct, "teacher_mass", 0, 1, [0.1, 0.2], shown="[")
    rows += wrong(of, correct, "teacher_mass", None, remedy=0.2)
    rows += wrong(of, correct, "teacher", calls.teacher(), shown="teacher=<")
    return rows
