"""Settings of `keras-kd search`."""

import dataclasses
import math
import os

from keras_kd.cli import methods
from keras_kd.cli._shell import launch
from keras_kd.cli._shell import settings as job_settings
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import nearest

TUNERS = ("bayesian", "random", "hyperband", "grid")
# Those of `keras_kd.distribution` that can train a trial.
STRATEGIES = ("one_device", "mirrored")
MULTI_WORKER = "multi_worker"

# Tried by default, where the models have layers to compare.
DEFAULT_METHODS = (
    "soft_targets",
    "hints_and_soft_targets",
    "attention_and_soft_targets",
)
# Flags of methods that a search can turn, and the learning rate.
TUNED_FLAGS = ("temperature", "loss_weight", "student_loss_weight")
RATE = "learning_rate"
# Of the students, by the names of `search.Limits`.
LIMITS = ("max_parameters", "max_bytes", "max_milliseconds")

CACHE = "teacher_cache"
# The variables of keras-tuner for several processes.
VARIABLES = (
    "KERASTUNER_TUNER_ID",
    "KERASTUNER_ORACLE_IP",
    "KERASTUNER_ORACLE_PORT",
)


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """Settings of one search; `None` means searched, or by default.

    Attributes:
        dataset: See `Settings`.
        data_dir: See `Settings`.
        image_size: See `Settings`.
        limit: See `Settings`.
        methods: Names of `methods.METHODS`.
        temperature: Fixed for all methods that have it.
        loss_weight: Likewise.
        student_loss_weight: Likewise.
        learning_rate: Likewise.
        max_parameters: Most parameters of a student.
        max_bytes: Largest file of a student.
        max_milliseconds: Longest time of a student for one image.
        tuner: One of `TUNERS`.
        max_trials: Number of trials, those of earlier calls included.
        seeds: Number of students in each trial.
        epochs: See `Settings`.
        batch_size: See `Settings`.
        fraction: See `Settings`.
        teacher: See `Settings`.
        student: See `Settings`.
        cache: See `Settings`; by default one in the output folder.
        strategy: One of `STRATEGIES`.
        workers: Number of processes that train; 0 for this one alone.
        output: Folder for everything that is written.
        directory: Folder for what the tuner writes; by default the output.
        resume: Whether to resume a search, but not to begin one.
        overwrite: Whether to begin from scratch.
    """

    dataset: str = Settings.dataset
    data_dir: str | None = None
    image_size: str | None = None
    limit: int | None = None
    methods: tuple[str, ...] | None = None
    temperature: float | None = None
    loss_weight: float | None = None
    student_loss_weight: float | None = None
    learning_rate: float | None = None
    max_parameters: int | None = None
    max_bytes: int | None = None
    max_milliseconds: float | None = None
    tuner: str = TUNERS[0]
    max_trials: int = 16
    seeds: int = 1
    epochs: int | None = Settings.epochs
    batch_size: int = Settings.batch_size
    fraction: float | None = Settings.fraction
    teacher: str | None = None
    student: str | None = None
    cache: str | None = None
    strategy: str = STRATEGIES[0]
    workers: int = 0
    output: str = "keras_kd_search"
    directory: str | None = None
    resume: bool = False
    overwrite: bool = False

    @property
    def cache_path(self):
        """Folder of the teacher's answers."""
        return self.cache or os.path.join(self.output, CACHE)

    @property
    def tuner_directory(self):
        """Folder of the tuner, `search`."""
        return self.directory or self.output


def resolve(settings):
    """Validates settings, as far as possible without the models.

    Args:
        settings: A `SearchSettings`.

    Returns:
        A resolved `Settings` for each method, in a tuple.

    Raises:
        UnusableError: If a value is out of range, or two do not fit.
    """
    names = dict.fromkeys(_check_methods(settings.methods))
    _check_choice("tuner", settings.tuner, TUNERS)
    _check_strategy(settings.strategy)
    for name in ("max_trials", "seeds"):
        value = getattr(settings, name)
        _check(name, value, value >= 1, "1 or more")
    _check_workers(settings)
    if settings.tuner == "hyperband" and settings.seeds > 1:
        raise UnusableError(
            "`--seeds` must be 1 with `--tuner=hyperband`, since keras-tuner "
            "keeps one student of a trial, with which all seeds would go on. "
            f"Received: --seeds={settings.seeds}. Leave it out, or take "
            "another tuner."
        )
    for name in (RATE, *LIMITS):
        value = getattr(settings, name)
        if value is None:
            continue
        _check(name, value, 0 < value < math.inf, "above 0")
        if name in LIMITS and settings.tuner == "hyperband":
            raise UnusableError(
                f"`--{name}` must be left out with `--tuner=hyperband`, whose "
                f"students differ in epochs. Received: --{name}={value:g}."
            )
    if settings.resume and settings.overwrite:
        raise UnusableError(
            "`--resume` and `--overwrite` must not be given together, since "
            "one goes on and the other begins anew. Received: both."
        )
    for name in TUNED_FLAGS:
        _check_belongs(name, settings, names)
    return tuple(_of_method(settings, name) for name in names)


def _of_method(settings, name):
    """The `Settings` of `keras-kd distill` for one of the methods."""
    method = methods.METHODS[name]
    shared = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(Settings)
        if field.name not in ("method", "cache", *methods.FLAGS, "seeds")
    }
    fixed = {
        flag: getattr(settings, flag)
        for flag in TUNED_FLAGS
        if getattr(method, flag) is not None
    }
    return job_settings.resolve(
        Settings(
            method=name, seeds=1, cache=settings.cache_path, **shared, **fixed
        )
    )


def unsearchable(method):
    """Reason why a method cannot be searched, or `None`."""
    if method.no_cache is not None:
        return method.no_cache
    if method.make_student is not None:
        return "it brings its own student"
    if method.make_trainer is not None or method.train is not None:
        return "it has a training of its own"
    return None


def _check_methods(names):
    if names is None:
        return DEFAULT_METHODS
    if not names:
        raise UnusableError(
            "`--methods` must name one method or more, since there would be "
            "nothing to search. Received: --methods= without a name. Leave it "
            f"out for {','.join(DEFAULT_METHODS)}."
        )
    usable = [
        name for name, one in methods.METHODS.items() if not unsearchable(one)
    ]
    for name in names:
        if name not in methods.METHODS:
            raise UnusableError(
                "`--methods` must be methods that `keras-kd methods` lists, "
                f"with commas between them. Received: {name!r} in --methods="
                f"{','.join(names)}. {nearest(name, usable)}"
            )
        reason = unsearchable(methods.METHODS[name])
        if reason:
            raise UnusableError(
                "`--methods` must be methods that learn from a cache by one "
                f"plain fit. Received: {name} in --methods={','.join(names)}; "
                f"{reason}. There are: {', '.join(usable)}."
            )
    return names


def _check_choice(name, value, known):
    if value not in known:
        raise UnusableError(
            f"`--{name}` must be one of {', '.join(known)}. Received: "
            f"--{name}={value}. {nearest(value, known)}"
        )


def _check_strategy(name):
    if name == MULTI_WORKER:
        raise UnusableError(
            f"`--strategy` must be one of {', '.join(STRATEGIES)}, since "
            "keras-tuner trains each trial in one process. Received: "
            f"--strategy={name}. Use --workers=N: that many trials at a time."
        )
    _check_choice("strategy", name, STRATEGIES)
    backend = os.environ.get("KERAS_BACKEND", launch.BACKENDS[0])
    if name != STRATEGIES[0] and backend != launch.BACKENDS[0]:
        raise UnusableError(
            "`--strategy` must be one_device on other backends, since the "
            "others are those of TensorFlow. Received: "
            f"--strategy={name} and KERAS_BACKEND={backend}. Leave the flag "
            "out, or unset the variable."
        )


def _check_workers(settings):
    workers = settings.workers
    _check("workers", workers, workers >= 0, "0 or more")
    if workers > settings.max_trials:
        raise UnusableError(
            "`--workers` must not be more than `--max_trials`, since each "
            f"takes a trial at a time. Received: --workers={workers}, "
            f"--max_trials={settings.max_trials}. Lower one, or raise the "
            "other."
        )
    given = [name for name in VARIABLES if name in os.environ]
    if given and len(given) < len(VARIABLES):
        missing = [name for name in VARIABLES if name not in given]
        raise UnusableError(
            f"{', '.join(VARIABLES)} must be set together, since they tell "
            "the parts of several processes. Received: no "
            f"{' and no '.join(missing)}. Set or unset all three."
        )
    if given and workers:
        raise UnusableError(
            "`--workers` must not be given where KERASTUNER_TUNER_ID says "
            "which part this process has. Received: "
            f"--workers={workers}, KERASTUNER_TUNER_ID="
            f"{os.environ[VARIABLES[0]]}. Leave it out, or unset the variables."
        )


def _check_belongs(name, settings, names):
    """Validates that one of the methods has a flag."""
    value = getattr(settings, name)
    if value is None:
        return
    if all(getattr(methods.METHODS[one], name) is None for one in names):
        raise UnusableError(
            f"`--{name}` must not be given with --methods={','.join(names)}, "
            f"since none of them has it. Received: --{name}={value:g}. Leave "
            "it out."
        )


def _check(name, value, holds, rule):
    if not holds:
        raise UnusableError(
            f"`--{name}` must be {rule}, since it is {MEANINGS[name]}. "
            f"Received: --{name}={value:g}."
        )


MEANINGS = job_settings.MEANINGS | {
    "max_trials": "the number of settings to try",
    "seeds": "the number of students in each trial",
    "max_parameters": "the most parameters that a student may have",
    "max_bytes": "the largest file that a student may need",
    "max_milliseconds": "the longest that a student may take for an image",
    "workers": "the number of processes that train",
}
