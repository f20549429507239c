"""The flags of `keras-kd distill` as a search space."""

import dataclasses

import keras

from keras_kd import search
from keras_kd import teachers
from keras_kd.cli._search import students
from keras_kd.cli._search.settings import RATE
from keras_kd.cli._search.settings import TUNED_FLAGS
from keras_kd.cli._search.students import WIDTH
from keras_kd.cli._shell.settings import Settings
from keras_kd.search import ranges
from keras_kd.search import space
from keras_kd.search.knobs import is_searched

OBJECTIVE = "val_accuracy"
METHOD = "method"
# None of those of `keras-kd distill`, neither of its choice of rates nor of
# what it reports.
FIRST_SEED = 3000
RATES = dataclasses.replace(
    ranges.LEARNING_RATE,
    low=0.001,
    high=0.1,
    default=0.01,
    reason="around those that `keras-kd distill` chooses from, 0.003 to 0.03",
)


def knobs(alternatives, settings, widths=()):
    """All knobs of a search.

    A flag that has the same range for all methods is one knob, which learns
    from all of them; otherwise each method has its own.

    Args:
        alternatives: A resolved `Settings` for each method.
        settings: A `SearchSettings`.
        widths: Those of the built-in student that are tried. Defaults to none,
            where the student is fixed.

    Returns:
        `(knobs, conditions)`: dict from names to `search.Range`,
        `search.Choice` or a fixed value, and dict from the names of those that
        count for some methods only to `("method", methods)`.
    """
    names = tuple(one.method for one in alternatives)
    found = {METHOD: search.Choice(names) if len(names) > 1 else names[0]}
    conditions = {}
    for flag in TUNED_FLAGS:
        of_methods = {
            one.method: _range(flag, getattr(one, flag), settings)
            for one in alternatives
            if getattr(one, flag) is not None
        }
        if len(set(map(str, of_methods.values()))) == 1:
            found[flag] = next(iter(of_methods.values()))
            if len(of_methods) < len(names):
                conditions[flag] = METHOD, tuple(of_methods)
            continue
        for name, knob in of_methods.items():
            found[f"{name}.{flag}"] = knob
            conditions[f"{name}.{flag}"] = METHOD, (name,)
    rate = settings.learning_rate
    found[RATE] = RATES if rate is None else rate
    if widths:
        found[WIDTH] = students.knob(widths)
    if settings.tuner == "grid":
        found = {name: _on_grid(knob) for name, knob in found.items()}
    return found, conditions


def _range(flag, value, settings):
    """The range of a flag around the default of a method, if none was given."""
    is_given = getattr(settings, flag) is not None
    return value if is_given else ranges.around(flag, value)


def _on_grid(knob):
    """A knob with three values where it had a range."""
    if not isinstance(knob, search.Range):
        return knob
    values = tuple(sorted({knob.low, knob.default, knob.high}))
    return search.Choice(values, default=knob.default, reason=knob.reason)


class FlagHyperModel(search.DistillationHyperModel):
    """Makes and trains the trials.

    A trial is a student that `Bench.train` would train with its settings, and
    is scored, as there, by its last epoch.

    Args:
        bench: A `Bench` with alternatives, and with answers.
        settings: A `SearchSettings`.
        watch: Returns callbacks for a student. Defaults to `list`, none.

    Attributes:
        conditions: See `knobs`.
    """

    def __init__(self, bench, settings, watch=list):
        self.bench = bench
        self.watch = watch
        self._num_seeds = settings.seeds
        self._by_method = {one.method: one for one in bench.alternatives}
        self._proposal, self.conditions = knobs(
            bench.alternatives, settings, students.widths(bench, settings)
        )
        self._num_fits = 0
        self._run = None, None
        super().__init__(
            teacher=bench.taught_by(),
            student=self._student,
            loss=self._training_run(RATES.default).loss,
            metrics=["accuracy"],
        )

    def propose(self):
        return self._proposal

    def _student(self, hp):
        values = space.choose(self.knobs, hp, self.conditions)
        return teachers.logits(self._new_student(values))

    def _new_student(self, values):
        width = values.get(WIDTH, self.knobs.get(WIDTH))
        return students.new_student(self.bench, width)

    @property
    def seed(self):
        """Seed of the next student.

        Each trial has as many as there are seeds, so that it has each of them,
        also where another trial was given up.
        """
        return FIRST_SEED + self._num_fits % self._num_seeds

    def values(self, hp):
        """The flags of a trial, by name."""
        chosen = space.choose(self.knobs, hp, self.conditions)
        return dataclasses.asdict(self.settings(chosen))

    def settings(self, values) -> Settings:
        """The settings of a trial from the values of its searched knobs.

        Args:
            values: Dict from names of knobs to values; those that do not count
                may be missing.
        """
        method = values.get(METHOD, self.knobs[METHOD])
        chosen = {}
        for flag in (*TUNED_FLAGS, RATE):
            name = flag if flag in self.knobs else f"{method}.{flag}"
            _, methods = self.conditions.get(name, (METHOD, [method]))
            if name in self.knobs and method in methods:
                knob = self.knobs[name]
                chosen[flag] = values[name] if is_searched(knob) else knob
        return dataclasses.replace(self._by_method[method], **chosen)

    def build(self, hp):
        """Makes the compiled Distiller of a trial."""
        # In the order of `Bench.train`, for the same numbers.
        keras.utils.set_random_seed(self.seed)
        return super().build(hp)

    def losses(self, values, student):
        return self.bench.with_settings(Settings(**values)).losses(student)

    def optimizer(self, values):
        return self._training_run(values[RATE]).optimizer()

    def fit(self, hp, model, callbacks=(), initial_epoch=0, epochs=None, **_):
        """Trains the Distiller of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`.
            model: What `build` returned.
            callbacks: Of keras-tuner, which see the last epoch only.
            initial_epoch: Number of epochs that the student has had.
            epochs: Number of epochs that it will have had, or `None` for all.

        Returns:
            Dict with the objective.
        """
        run = self._training_run(self.values(hp)[RATE])
        last = (epochs or run.epochs) - 1
        run = dataclasses.replace(
            run, callbacks=[*self.watch(), _AtTheEnd(callbacks, last)]
        )
        logs = run.train(model, initial_epoch, epochs)
        self._num_fits += 1
        return {OBJECTIVE: logs[OBJECTIVE][-1]}

    def _training_run(self, rate):
        """The `TrainingRun` of the next student; images are copied once."""
        seed, run = self._run
        if seed != self.seed:
            seed, bench = self.seed, self.bench
            run = bench.lesson(rate, bench.part(seed), bench.numbers(seed))
            self._run = seed, run
        return dataclasses.replace(run, rate=rate)

    def best_student(self, distiller, values):
        """The student of a trial as the user will load it.

        Args:
            distiller: A trained Distiller that `build` made.
            values: The searched knobs of the trial, by name.
        """
        saved = self._new_student(values)
        teachers.logits(saved).set_weights(distiller.student.get_weights())
        return saved


class _AtTheEnd(keras.callbacks.Callback):
    """Lets callbacks see the last epoch only.

    What is kept of a trial is then what it was scored by.

    Args:
        callbacks: Callbacks that act at the end of an epoch.
        last: Number of the last epoch, from 0.
    """

    def __init__(self, callbacks, last):
        super().__init__()
        self.callbacks = callbacks
        self.last = last

    def set_model(self, model):
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.last:
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, logs)
