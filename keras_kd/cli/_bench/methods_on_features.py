"""Methods that compare features, by the acronyms of the losses."""

from keras_kd._core.acronyms import ACRONYMS
from keras_kd.cli._bench.method import Method
from keras_kd.cli._bench.method_parts import pairs_of


def _last(kind):
    return lambda *models: _taps(pairs_of(kind, *models)[-1:])


def _each(*models):
    return _taps(pairs_of("attention", *models))


def _together(*models):
    """All of `_each` for one loss."""
    return [tuple(zip(*_each(*models), strict=True))]


def _taps(pairs):
    return [(pair.teacher_tap, pair.student_tap) for pair in pairs]


def _method(acronym, line, choose, weights=None, arguments=None, **defaults):
    """Name and `Method` of losses on features.

    Args:
        acronym: What it is known as.
        line: What it is, in one line.
        choose: From teacher and student to the taps of each loss, in pairs.
        weights: Dict from names of classes to weights. Defaults to the class
            of the acronym, with the weight of the settings.
        arguments: Further arguments of the losses.
        **defaults: Of the flags. A temperature is passed to the losses.
    """
    known = ACRONYMS[acronym]

    def make_losses(teacher, student, settings):
        from keras_kd import losses

        given = dict(arguments or {})
        if "temperature" in defaults:
            given["temperature"] = settings.temperature
        weight_of = weights or {known.class_name: settings.loss_weight}
        return [
            getattr(losses, name)(
                teacher_tap=teacher_tap,
                student_tap=student_tap,
                loss_weight=weight,
                **given,
            )
            for name, weight in weight_of.items()
            for teacher_tap, student_tap in choose(teacher, student)
        ]

    if weights:
        defaults["loss_weight"] = None
    return known.method, Method(line, (known.paper,), make_losses, **defaults)


ON_FEATURES = dict(
    (
        _method(
            "RKD",
            "distances and angles between the examples of a batch",
            _last("hint"),
            {"RelationalDistance": 25.0, "RelationalAngle": 50.0},
        ),
        _method(
            "SP",
            "which examples of a batch are alike",
            _last("hint"),
            loss_weight=3000.0,
        ),
        _method(
            "PKT",
            "probabilities of being neighbours in a batch",
            _last("hint"),
            loss_weight=30000.0,
        ),
        _method(
            "CRD",
            "an example's teacher, found among those of the batch",
            _last("hint"),
        ),
        _method(
            "RRD",
            "which earlier examples one is like, in a queue of them",
            _last("hint"),
        ),
        _method(
            "NST",
            "where the channels of a map are active, as a set",
            _each,
            loss_weight=50.0,
        ),
        _method(
            "VID",
            "the teacher's maps, predicted with a learned variance",
            _each,
        ),
        _method(
            "REVIEWKD",
            "the teacher's maps, each from those of the student that are "
            "as deep or deeper",
            _together,
        ),
        _method(
            "CWD",
            "where each channel of the last map is strong",
            _last("attention"),
            temperature=1.0,
            loss_weight=10.0,
        ),
        _method(
            "PKD",
            "patterns of the last map's channels without their sizes",
            _last("attention"),
            loss_weight=6.0,
        ),
        _method(
            "VKD",
            "the teacher's last feature from the student's, turned",
            _last("hint"),
        ),
        _method(
            "WKD-F",
            "how the values of the last map's channels are spread",
            _last("attention"),
            loss_weight=0.08,
        ),
        _method(
            "MGD",
            "the teacher's last map, generated from a masked one",
            _last("attention"),
            arguments={"masked_part": 0.15, "mask_channels": True},
            loss_weight=7e-5,
        ),
    )
)
