"""Students and trainings of the trials of `keras-kd search`."""

import dataclasses

import keras

from keras_kd import teachers
from keras_kd._core import model_copies
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli.search_knobs import METHOD

OBJECTIVE = "val_accuracy"
# None of those of `keras-kd distill`, neither of its choice of rates nor of
# what it reports.
FIRST_SEED = 3000


class Space:
    """Makes and trains the trials.

    A trial is a student that `Bench.train` would train with its settings, and
    is scored, as there, by its last epoch.

    Args:
        bench: A `Bench` with alternatives, and with answers.
        knobs: What `search_knobs.knobs` returned.
        num_seeds: Number of students in each trial.
        watch: Returns callbacks for a student. Defaults to `list`, none.
    """

    def __init__(self, bench, knobs, num_seeds, watch=list):
        self.bench = bench
        self.knobs = knobs
        self.num_seeds = num_seeds
        self.watch = watch
        self._by_method = {one.method: one for one in bench.alternatives}
        self._num_fits = 0
        self._lesson = None, None

    @property
    def seed(self):
        """Seed of the next student.

        Each trial has as many as there are seeds, so that it has each of them,
        also where another trial was given up.
        """
        return FIRST_SEED + self._num_fits % self.num_seeds

    def choose(self, hp):
        """The settings of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`, to which the knobs are added.

        Returns:
            A `Settings`.
        """
        values = {}
        all_methods = self.knobs[METHOD].methods
        for name, one in self.knobs.items():
            if not one.is_searched:
                continue
            if one.methods == all_methods:
                values[name] = one.knob.choose(hp, name)
                continue
            with hp.conditional_scope(METHOD, list(one.methods)):
                values[name] = one.knob.choose(hp, name)
        return self.settings(values)

    def settings(self, values) -> Settings:
        """The settings of a trial from the values of its searched knobs.

        Args:
            values: Dict from names of knobs to values; those that do not count
                may be missing.
        """
        method = values.get(METHOD, self.knobs[METHOD].methods[0])
        chosen = {
            one.flag: values[name] if one.is_searched else one.knob
            for name, one in self.knobs.items()
            if method in one.methods and name != METHOD
        }
        return dataclasses.replace(self._by_method[method], **chosen)

    def build(self, hp):
        """Makes the compiled Distiller of a trial."""
        settings = self.choose(hp)
        bench = self.bench.with_settings(settings)
        # In the order of `Bench.train`, for the same numbers.
        keras.utils.set_random_seed(self.seed)
        student = teachers.logits(model_copies.fresh_copy(bench.student))
        distiller = bench.trainer(student, self.seed)
        self._lesson_of(settings.learning_rate).compile(distiller)
        # So that its state can be loaded, where hyperband resumes training.
        distiller.optimizer.build(distiller.trainable_variables)
        return distiller

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
        lesson = self._lesson_of(self.choose(hp).learning_rate)
        last = (epochs or lesson.epochs) - 1
        lesson = dataclasses.replace(
            lesson, callbacks=[*self.watch(), _AtTheEnd(callbacks, last)]
        )
        logs = lesson.train(model, initial_epoch, epochs)
        self._num_fits += 1
        return {OBJECTIVE: logs[OBJECTIVE][-1]}

    def _lesson_of(self, rate):
        """The lesson of the next student; the images are copied once."""
        seed, lesson = self._lesson
        if seed != self.seed:
            seed, bench = self.seed, self.bench
            lesson = bench.lesson(rate, bench.part(seed), bench.numbers(seed))
            self._lesson = seed, lesson
        return dataclasses.replace(lesson, rate=rate)

    def best_student(self, distiller):
        """The student of a trial as the user will load it.

        Args:
            distiller: A trained Distiller that `build` made.
        """
        saved = model_copies.fresh_copy(self.bench.student)
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
