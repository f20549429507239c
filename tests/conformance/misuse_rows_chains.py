"""Wrong uses of procedures in which each network is taught by the last."""

import functools
import math

import keras

from keras_kd import losses
from tests.conformance import procedure_runs as runs
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_procedures import X
from tests.conformance.misuse_rows_procedures import called


def rows():
    """All of them."""
    made = []
    keras_loss = keras.losses.Huber()
    for name in ("born_again", "teacher_assistants"):
        of, call = called(name)
        made += wrong(of, call, "data", X, shown="ndarray")
        made += wrong(of, call, "loss", "mze", 1, shown="in loss")
        given = functools.partial(wrong, of, call, "distillation_losses")
        made += given([], remedy=losses.SoftTargets())
        made += given("soft", 3, losses.SoftTargets, keras_loss)
        made += given(lambda teacher, student: None, shown="None")
        made += given([losses.SoftTargets(), keras_loss], shown="Huber")
        made += wrong(of, call, "student_loss_weight", "1", None, -1, math.nan)
    of, call = called("born_again")
    network = functools.partial(wrong, of, call, "build_network")
    made += network(None, student(), "net", remedy=runs.dropout_net)
    twice = functools.partial(call, generations=2)
    made += wrong(of, twice, "build_network", student, shown="share weights")
    of, call = called("teacher_assistants")
    made += wrong(of, call, "assistants", None, 3, "net", remedy=[])
    made += wrong(of, call, "assistants", [None], [unbuilt()], shown="=")
    return made
