"""The methods that `--method` names: one, several, or all."""

import dataclasses

from keras_kd.cli import methods
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import find_method
from keras_kd.cli._shell.settings import resolve

ALL = "all"


def is_several(settings):
    """Whether `--method` names more than one method."""
    return settings.method == ALL or "," in settings.method


def resolve_each(settings, leave_out=lambda name, error: None):
    """Validates settings, and fills in the defaults of each method.

    Args:
        settings: A `Settings`.
        leave_out: Called with the name of each method that `all` does not
            stand for here, and the error that says why. Defaults to nothing.

    Returns:
        A resolved `Settings` for each method, in a tuple. With `all` those
        that these settings rule out are missing.

    Raises:
        UnusableError: If a value is out of range, a name is unknown or stands
            there twice, or several methods are given what belongs to one.
    """
    if not is_several(settings):
        return (resolve(settings),)
    for name in (*methods.FLAGS, "learning_rate"):
        value = getattr(settings, name)
        if value is not None:
            raise UnusableError(
                f"`--{name}` must not be given with several methods, since "
                "each has its own default, or chooses among the same few. "
                f"Received: --{name}={value:g} and --method={settings.method}. "
                "Leave it out, or name one method."
            )
    if settings.method != ALL:
        return tuple(_of(settings, name) for name in _names(settings))
    # What is wrong for any method is said of the first.
    _of(settings, Settings.method)
    found = []
    for name in methods.METHODS:
        try:
            found.append(_of(settings, name))
        except UnusableError as error:
            leave_out(name, error)
    return tuple(found)


def _of(settings, name):
    """Resolved settings of one of several methods."""
    if find_method(name).make_student is not None:
        raise UnusableError(
            "`--method` must name methods for one student, since they are "
            f"compared. Received: {name} in --method={settings.method}, which "
            "brings its own student. Leave it out, or name it alone."
        )
    return resolve(dataclasses.replace(settings, method=name))


def _names(settings):
    names = settings.method.split(",")
    for name in names:
        if names.count(name) > 1:
            raise UnusableError(
                "`--method` must name a method once, since each has a line of "
                f"its own. Received: {name} twice in --method="
                f"{settings.method}. Leave one out."
            )
    return names
