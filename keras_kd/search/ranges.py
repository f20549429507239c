"""Default knobs of a search, and their ranges.

`temperature` at 4 and weights of .9 and .1 with Adam at .001 are the defaults
of most public code; a search here starts from them too.
"""

from keras_kd import losses
from keras_kd.search.knobs import LOG
from keras_kd.search.knobs import Choice
from keras_kd.search.knobs import Range
from keras_kd.search.tap_pairs import aligned
from keras_kd.search.tap_pairs import at_depth
from keras_kd.search.trial_training import OPTIMIZERS

NONE = "none"
HINT = "hint"
ATTENTION = "attention"
SIMILARITY = "similarity"
DISTANCES = "distances"
CONSTANT = "constant"
FALLING = "falling"
DEPTHS = {"early": 0.0, "middle": 0.5, "late": 1.0}

TEMPERATURE = Range(
    1.0,
    20.0,
    default=4.0,
    sampling=LOG,
    reason="Hinton et al. (2015): 2.5 to 4 best for a narrow network, 8 and "
    "above alike for a wide one, 20 in their first experiment",
)
SOFT_WEIGHT = Range(
    0.1,
    0.99,
    default=0.9,
    reason="Hinton et al. (2015): much more weight on the soft targets than "
    "on the labels; the labels have what is left to 1",
)
SCHEDULE = Choice(
    (CONSTANT, FALLING),
    reason="falling: from its value to 1 along half a cosine",
)
FEATURES = Choice(
    (NONE, HINT, ATTENTION),
    reason="Romero et al. (2015) and Zagoruyko and Komodakis (2017): features "
    "beside the answers",
)
HINT_DEPTH = Choice(
    tuple(DEPTHS),
    default="middle",
    reason="Romero et al. (2015) hint at the middle of both networks",
)
HINT_WEIGHT = Range(
    0.01,
    10.0,
    default=1.0,
    sampling=LOG,
    reason="a mean over the feature, so about 1 where features are of size 1",
)
ATTENTION_WEIGHT = Range(
    0.1,
    30.0,
    default=4.0,
    sampling=LOG,
    reason="Zagoruyko and Komodakis (2017): 1000 in the form of their code "
    "weighs like some 4 here",
)
SIMILARITY_WEIGHT = Range(
    300.0,
    30000.0,
    default=3000.0,
    sampling=LOG,
    reason="Tung and Mori (2019): 3000 beside the labels; the loss is at most "
    "4 / batch",
)
DISTANCES_WEIGHT = Range(
    2.5,
    250.0,
    default=25.0,
    sampling=LOG,
    reason="Park et al. (2019): 25 beside the labels",
)
OPTIMIZER = Choice(
    ("adam", "sgd"),
    reason="sgd is Nesterov's with momentum .9, as in most of the papers",
)
LEARNING_RATE = Range(
    1e-4,
    3e-2,
    default=1e-3,
    sampling=LOG,
    reason="Adam's default is 1e-3; a small student often bears more",
)
SGD_LEARNING_RATE = Range(
    3e-3,
    0.3,
    default=0.03,
    sampling=LOG,
    reason="He et al. (2016) and their followers start from .1",
)
LOSS_WEIGHT_FACTOR = 10.0
# Weights, of a loss or of its second part against the first.
WEIGHTS = (
    "loss_weight",
    "student_loss_weight",
    "non_target_weight",
    "intra_weight",
)

# What knobs with strings may be.
ALLOWED = {
    "features": (*FEATURES.values, SIMILARITY, DISTANCES),
    "hint.depth": HINT_DEPTH.values,
    "optimizer": tuple(OPTIMIZERS),
    "temperature_schedule": SCHEDULE.values,
}

# The losses of the values of `features`, with their names in the logs.
LOSSES = {
    HINT: ("hint", losses.Hint),
    ATTENTION: ("attention_transfer", losses.AttentionTransfer),
    SIMILARITY: ("pairwise_similarity", losses.PairwiseSimilarity),
    DISTANCES: ("relational_distance", losses.RelationalDistance),
}

# The knobs of a proposal, in the order in which they are shown.
PROPOSED = {
    "soft_targets.temperature": TEMPERATURE,
    "soft_targets.loss_weight": SOFT_WEIGHT,
    "temperature_schedule": SCHEDULE,
    "features": FEATURES,
    "hint.depth": HINT_DEPTH,
    "hint.loss_weight": HINT_WEIGHT,
    "attention_transfer.loss_weight": ATTENTION_WEIGHT,
    "pairwise_similarity.loss_weight": SIMILARITY_WEIGHT,
    "relational_distance.loss_weight": DISTANCES_WEIGHT,
}
TRAINING = {
    "optimizer": OPTIMIZER,
    "learning_rate": LEARNING_RATE,
    "sgd_learning_rate": SGD_LEARNING_RATE,
}


def of_losses(named):
    """Knobs of losses that the user has chosen.

    A temperature gets the range above, and a weight, of a loss or of its second
    part, a tenth to ten times of what it is; all start from what they are.
    Other hyperparameters stay as they are unless a knob is given for them.

    Args:
        named: Dict from names to `DistillationLoss`es.

    Returns:
        Dict from `"<loss>.<attribute>"` to a `Range` or a fixed value.
    """
    return {
        f"{name}.{attribute}": around(attribute, value)
        for name, loss in named.items()
        for attribute, value in loss.hyperparameters.items()
    }


def around(attribute, value):
    """The range of a hyperparameter that starts from what it is.

    Args:
        attribute: Its name.
        value: Its value. A weight of 0 is off, and stays.

    Returns:
        A `Range` for a temperature or a weight, else `value`.
    """
    if attribute == "temperature":
        return Range(
            min(TEMPERATURE.low, value),
            max(TEMPERATURE.high, value),
            default=value,
            sampling=LOG,
            reason=TEMPERATURE.reason,
        )
    if attribute in WEIGHTS and value > 0:
        return Range(
            value / LOSS_WEIGHT_FACTOR,
            value * LOSS_WEIGHT_FACTOR,
            default=value,
            sampling=LOG,
            reason="a tenth to ten times of what it starts from",
        )
    return value


def soft_targets(values):
    """Makes the loss on outputs from the values of a trial."""
    return losses.SoftTargets(
        values["soft_targets.temperature"],
        loss_weight=values["soft_targets.loss_weight"],
    )


def feature_losses(values, pairs):
    """Makes the losses on features from the values of a trial.

    Args:
        values: Dict from names of knobs to values.
        pairs: List of `TapPair`, from the input to the output.

    Returns:
        A list, empty if `features` is `"none"`.
    """
    kind = values["features"]
    if kind == NONE:
        return []
    name, make = LOSSES[kind]
    chosen = usable_pairs(kind, pairs)
    if kind == HINT:
        chosen = [at_depth(chosen, DEPTHS[values["hint.depth"]])]
    return [
        make(
            teacher_tap=pair.teacher_tap,
            student_tap=pair.student_tap,
            loss_weight=values[f"{name}.loss_weight"],
        )
        for pair in chosen
    ]


def usable_pairs(features, pairs):
    """The pairs that losses on features can compare.

    Args:
        features: A value of the knob `features`.
        pairs: List of `TapPair`.
    """
    if features in (SIMILARITY, DISTANCES):
        return pairs[-1:]
    return {NONE: [], HINT: pairs, ATTENTION: aligned(pairs)}[features]


def check_pairs(features, pairs, student):
    """Validates that a student has layers for losses on features.

    Args:
        features: The value of the knob `features`.
        pairs: List of `TapPair`.
        student: The student.
    """
    if features != NONE and not usable_pairs(features, pairs):
        raise ValueError(
            f"`features` must be {NONE!r}, since the student "
            f'"{student.name}" has no layer to compare with the teacher\'s. '
            f"Received: features={features!r}. Give `knobs` a `features` "
            "without it, or `distillation_losses` of your own."
        )
