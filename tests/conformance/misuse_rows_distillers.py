"""Wrong uses of both Distillers, when they are made."""

import functools
import math

import keras
import numpy as np

import keras_kd
from keras_kd import losses
from keras_kd import teachers
from tests import support
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong

DISTILLER = "Distiller"
MUTUAL = "MutualDistiller"


def distiller(**kwargs):
    """A Distiller that would work but for the arguments given."""
    return keras_kd.Distiller(
        **{
            "teacher": teacher(),
            "student": student(),
            "distillation_losses": losses.SoftTargets(2.0),
        }
        | kwargs
    )


@functools.cache
def _peers():
    return [support.dense(4, name="one"), support.dense(5, name="two")]


def mutual(**kwargs):
    """The same of a MutualDistiller."""
    return keras_kd.MutualDistiller(
        **{"peers": _peers(), "distillation_losses": losses.SoftTargets()}
        | kwargs
    )


def _of_models():
    function = teachers.FunctionTeacher(
        np.sin, num_classes=3, from_logits=True, identity="sine"
    )
    five = support.dense(4, name="five", classes=5)
    broken = support.dense(4, name="broken")
    broken.set_weights([w * math.nan for w in broken.get_weights()])
    twin = keras.models.clone_model(teacher())
    rows = []
    for argument in ("teacher", "student"):
        given = "model.keras", None, keras.Sequential, [teacher()]
        rows += wrong(DISTILLER, distiller, argument, *given)
        rows += wrong(
            DISTILLER, distiller, argument, unbuilt(), shown="built=False"
        )
    rows += wrong(DISTILLER, distiller, "teacher", function)
    rows += wrong(
        DISTILLER, distiller, "teacher", broken, shown="nan or infinity"
    )
    average = teachers.MovingAverageTeacher
    rows += wrong(
        DISTILLER,
        distiller,
        "teacher",
        average(support.dense(5, name="other")),
        shown="(4, 4), (4,), (4, 3), (3,)",
        remedy=average(student()),
    )
    same = functools.partial(distiller, teacher=teacher())
    rows += wrong(
        DISTILLER, same, "student", teacher(), shown="for both", remedy=twin
    )
    rows += [
        Row(
            DISTILLER,
            "a teacher that gives probabilities",
            functools.partial(distiller, teacher=soft()),
            "SoftTargets",
            'the teacher "soft", which gives probabilities',
            lambda: distiller(teacher=teachers.logits(soft())),
        ),
        Row(
            DISTILLER,
            "a student that gives probabilities",
            functools.partial(distiller, student=soft()),
            "SoftTargets",
            'the student "soft", which gives probabilities',
        ),
        Row(
            DISTILLER,
            "a teacher of other classes",
            functools.partial(distiller, teacher=five),
            "SoftTargets",
            "(None, 5), student logits of shape (None, 3)",
            lambda: distiller(teacher=five, distillation_losses=losses.Hint()),
        ),
    ]
    return rows


def _of_losses():
    hint = losses.Hint
    same = losses.SoftTargets()
    argument = "distillation_losses"
    call = functools.partial(wrong, DISTILLER, distiller, argument)
    rows = call(None, [], remedy=losses.SoftTargets())
    rows += call("soft_targets", losses.SoftTargets, 1.0)
    rows += call([None], shown="None of type NoneType")
    rows += wrong(
        DISTILLER,
        distiller,
        argument,
        keras.losses.Huber(),
        shown="of type Huber",
        remedy=losses.Match(keras.losses.Huber()),
    )
    rows += call([same, same], shown="SoftTargets name=")
    both = [losses.SoftTargets(name="a"), losses.SoftTargets(name="a")]
    rows.append(_with(both, "two of one name", "name", "name='a'"))
    loss = losses.SoftTargets(name="student_loss")
    rows.append(_with(loss, "a taken name", "name", "name='student_loss'"))
    for side in ("teacher_tap", "student_tap"):
        near = {"teacher_tap": "hidden", "student_tap": "hidden"}
        rows.append(
            _with(
                hint(**near | {side: "hiden"}),
                f"{side} of no layer",
                side,
                f"{side}='hiden'. The nearest are: hidden",
                hint(**near),
            )
        )
    hidden = {"teacher_tap": "hidden", "student_tap": "hidden"}
    rows += [
        _with(
            hint(projector=None, **hidden),
            "shapes that differ",
            "Hint",
            '(None, 8) from teacher layer "hidden" with (None, 4)',
            hint(projector="infer", **hidden),
        ),
        _with(
            losses.AttentionTransfer(**hidden),
            "attention of vectors",
            "AttentionTransfer",
            '(None, 8) from teacher layer "hidden"',
        ),
    ]
    return rows


def _with(loss, what, argument, received, cure=None):
    """A row of a Distiller with a loss."""
    return Row(
        DISTILLER,
        what,
        functools.partial(distiller, distillation_losses=loss),
        argument,
        received,
        cure and functools.partial(distiller, distillation_losses=cure),
    )


def _of_other_arguments():
    rows = []
    for of, call in ((DISTILLER, distiller), (MUTUAL, mutual)):
        weights = -1, "1", None, math.nan, [1.0]
        rows += wrong(of, call, "student_loss_weight", *weights, remedy=0.0)
        rows += wrong(of, call, "mask_input", 0, ["mask"], remedy=None)
        rows += wrong(of, call, "name", "a b", None, 3, remedy="a_b")
    for argument in ("teacher_inputs", "student_inputs"):
        entries = 0, [], [1], {"a": "b"}
        rows += wrong(DISTILLER, distiller, argument, *entries, remedy=None)
        rows += wrong(DISTILLER, distiller, argument, ["a", "b"])
    rows += flags(MUTUAL, mutual, "shards")
    rows += wrong(MUTUAL, mutual, "exchange", "turns", None, remedy="together")
    rows += wrong(MUTUAL, mutual, "target", "all", None, remedy="community")
    return rows


def _of_peers():
    one, two = _peers()
    five = support.dense(4, name="five", classes=5)
    wide = support.dense(4, name="wide", features=7)
    noisy = teachers.NoisyTeacher(support.dense(4, name="calm"), 0.1)
    ensemble = teachers.EnsembleTeacher([one, two], name="all")
    call = functools.partial(wrong, MUTUAL, mutual)
    rows = call("peers", None, one, [one], "ab", remedy=[two, one])
    rows += call("peers", [one, one], shown='"one"')
    rows += call("peers", [one, five], shown="(None, 5)")
    rows += call("peers", [one, wide], shown='"wide"')
    rows += call("peers", [one, "two.keras"], shown="two.keras")
    rows += call("peers", [one, noisy], shown="noisy_calm")
    rows += call("peers", [one, ensemble], shown='"all"')
    average = teachers.MovingAverageTeacher(two, name="average")
    rows += call(
        "peers", [one, average], shown='"average"', remedy=[one, average.model]
    )
    rows += call("peers", [one, soft()], shown='"soft"')
    gradient = losses.InputGradientTransfer()
    rows += call("distillation_losses", gradient, shown="InputGradientTransfer")
    return rows


def rows():
    """All of them."""
    return [
        *_of_models(),
        *_of_losses(),
        *_of_other_arguments(),
        *_of_peers(),
    ]
