"""From arguments to knobs, and from knobs to the parts of a trial."""

import dataclasses

import keras

from keras_kd import teachers
from keras_kd._core.kinds import check_loss
from keras_kd._core.kinds import check_metrics
from keras_kd._core.teacher_protocol import check_stays
from keras_kd._training import checks
from keras_kd._training.loss_shapes import name_losses
from keras_kd.search import ranges
from keras_kd.search.knobs import choose as choose_knob
from keras_kd.search.knobs import is_searched
from keras_kd.search.knobs import options
from keras_kd.search.knobs import replaced as replaced_knobs

# Keras's own default, as in `fit`.
BATCH_SIZE = 32
REST = "rest"

# Which other knob must have which values for a knob to count.
CONDITIONS = {
    "hint.depth": ("features", (ranges.HINT,)),
    **{
        f"{name}.loss_weight": ("features", (kind,))
        for kind, (name, _) in ranges.LOSSES.items()
    },
    "learning_rate": ("optimizer", ("adam", "adamw", "rmsprop")),
    "sgd_learning_rate": ("optimizer", ("sgd",)),
}


def check_models(teacher, student):
    """Validates a teacher and a student."""
    if not isinstance(teacher, teachers.CachedTeacher):
        checks.check_model(teacher, "teacher")
        check_stays(teacher, "teacher", "all trials have one teacher")
    check_student(student)


def check_student(student):
    """Validates a student of the trials."""
    if isinstance(student, keras.Model):
        checks.check_model(student, "student")
    elif not callable(student):
        raise TypeError(
            "`student` must be a built `keras.Model`, or a function of `hp` "
            f"that returns one. Received: student={student!r}."
        )


def check_data(teacher, data, directory):
    """Validates that data and a folder of the cache come together.

    Args:
        teacher: The teacher.
        data: Examples to train on, or `None`.
        directory: Folder of the cache, or `None`.
    """
    is_cached = isinstance(teacher, teachers.CachedTeacher)
    if is_cached and directory is not None:
        raise ValueError(
            "`cache_directory` must be None with a `CachedTeacher`, which has "
            f"its own. Received: cache_directory={str(directory)!r}."
        )
    if not is_cached and (data is None) != (directory is None):
        given = "data" if directory is None else "cache_directory"
        raise ValueError(
            "`data` and `cache_directory` must be given together, since the "
            "teacher is asked once about the data and its answers are kept "
            f"there. Received: only `{given}`. Without both, the teacher runs "
            "in every step of every trial."
        )


def check_compiled(loss, metrics):
    """Validates what each trial compiles with, before the first one."""
    check_loss("loss", loss)
    check_metrics("metrics", metrics)


def check_losses(losses):
    """Returns a list of losses, or `None` for the default ones."""
    return None if losses is None else checks.check_losses(losses)


def defaults(templates, pairs, has_data):
    """All knobs, before anything is fixed or narrowed.

    Args:
        templates: List of the user's losses, or `None`.
        pairs: List of `TapPair`, the layers that could be compared.
        has_data: Whether the trials make the batches themselves.

    Returns:
        Dict from names to `Range`, `Choice` or a fixed value.
    """
    if templates is None:
        found = _proposal(pairs)
    else:
        named = dict(zip(name_losses(templates), templates, strict=True))
        found = ranges.of_losses(named) | {"student_loss_weight": 1.0}
    found |= training_knobs()
    if not has_data:
        del found["batch_size"]
    return found


def training_knobs():
    """Knobs of any training."""
    return ranges.TRAINING | {"batch_size": BATCH_SIZE}


def _proposal(pairs):
    found = ranges.PROPOSED | {"student_loss_weight": REST}
    features = [ranges.NONE]
    if any(pair.has_positions for pair in pairs):
        features.append(ranges.HINT)
    if any(pair.is_aligned for pair in pairs):
        features.append(ranges.ATTENTION)
    return found | {
        "features": dataclasses.replace(ranges.FEATURES, values=tuple(features))
    }


def replaced(knobs, changes):
    """Knobs with some of them fixed, narrowed or widened.

    Args:
        knobs: Dict of all knobs.
        changes: What the user gave: a mapping, or `None`.

    Returns:
        A new dict, without knobs that cannot count.

    Raises:
        TypeError: If `changes` is not of that type.
        ValueError: If a change is not allowed, or would not count.
    """
    found = replaced_knobs(knobs, changes, ranges.ALLOWED)
    for name in list(found):
        on, wanted = CONDITIONS.get(name, (None, ()))
        if on not in found or set(options(found[on])) & set(wanted):
            continue
        if name in (changes or ()):
            raise ValueError(
                f"`{name}` must be left out here, since it counts only where "
                f"`{on}` is {' or '.join(map(repr, wanted))}. Received: "
                f"{name}={found[name]!r}, {on}={found[on]!r}."
            )
        del found[name]
    sizes = found.get("batch_size", BATCH_SIZE)
    for size in options(sizes):
        if not (isinstance(size, int) and size >= 1):
            raise ValueError(
                "`batch_size` must be an integer of at least 1, or a `Choice` "
                f"of such. Received: batch_size={sizes!r}."
            )
    return found


def choose(knobs, hp, conditions=CONDITIONS):
    """The values of a trial.

    Args:
        knobs: Dict of all knobs.
        hp: `keras_tuner.HyperParameters`, to which searched knobs are added.
        conditions: Dict from names of knobs to the name of another one and the
            values that it must have. Defaults to those of the proposal.

    Returns:
        Dict from names to values. Knobs that do not count, such as those of a
        loss that is not chosen, are missing.
    """
    values = {}
    # Those that others depend on come first.
    for name in sorted(knobs, key=conditions.__contains__):
        on, wanted = conditions.get(name, (None, ()))
        if on not in knobs or not is_searched(knobs[on]):
            # A user's own loss may have the name of a proposed one.
            if on not in knobs or values[on] in wanted:
                values[name] = choose_knob(knobs[name], hp, name)
            continue
        wanted = [value for value in knobs[on].values if value in wanted]
        if wanted:
            with hp.conditional_scope(on, wanted):
                value = choose_knob(knobs[name], hp, name)
            if values[on] in wanted:
                values[name] = value
    return values


def student_loss_weight(values):
    """The factor on the loss of the labels in a trial."""
    weight = values["student_loss_weight"]
    if weight != REST:
        return weight
    return max(0.0, 1.0 - values["soft_targets.loss_weight"])


def with_values(loss, name, values):
    """Copies a loss, with the values of a trial.

    Args:
        loss: A `DistillationLoss`.
        name: Its name in the logs.
        values: Dict from names of knobs to values.
    """
    chosen = {
        attribute: values[f"{name}.{attribute}"]
        for attribute in loss.hyperparameters
    }
    return type(loss).from_config(loss.get_config() | chosen | {"name": name})
