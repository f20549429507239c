"""Public callables with all arguments but one, for the test of counts."""

import atexit
import functools
import shutil
import tempfile

import numpy as np

import keras_kd
from keras_kd import procedures
from keras_kd import teachers
from keras_kd import transfer_sets
from tests import support
from tests.conformance import procedure_runs as runs
from tests.search import scored


@functools.cache
def teacher():
    return runs.teacher()


@functools.cache
def records():
    return transfer_sets.activation_records(
        teacher=teacher(), data=support.data(60)
    )


@functools.cache
def cache_folder():
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    teachers.cache_teacher(teacher(), support.data()[0], folder, verbose=0)
    return folder


def cache(**kwargs):
    with tempfile.TemporaryDirectory() as folder:
        return teachers.cache_teacher(
            teacher(), support.data()[0], folder, verbose=0, **kwargs
        )


def cache_answers(**kwargs):
    x, _ = support.data()
    with tempfile.TemporaryDirectory() as folder:
        return teachers.cache_answers(
            x, data=x, directory=folder, verbose=0, **kwargs
        )


def attach(**kwargs):
    cached = teachers.CachedTeacher(cache_folder())
    return cached.attach(support.data()[0], **kwargs)


def reconstruct(**kwargs):
    return transfer_sets.reconstruct(
        **{
            "teacher": teacher(),
            "records": records(),
            "images_per_class": 2,
            "steps": 1,
            "verbose": 0,
        }
        | kwargs
    )


def sample(**kwargs):
    return records().sample(**{"label": 0, "count": 2} | kwargs)


def correct(**kwargs):
    return procedures.correct_class_bias(
        student=teacher(),
        x=support.data()[0],
        classes=1,
        teacher_mass=0.3,
        **kwargs,
    )


def tuner(name):
    def make(**kwargs):
        with tempfile.TemporaryDirectory() as folder:
            return scored.make_tuner(folder, scored.Scored(), name, **kwargs)

    return make


def compare_depths(**kwargs):
    with tempfile.TemporaryDirectory() as folder:
        return keras_kd.search.compare_depths(
            **{
                "teacher": teachers.CachedTeacher(cache_folder()),
                "build_student": lambda hp, depth: support.dense(4),
                "depths": [1],
                "data": support.data(),
                "validation_data": support.data(seed=1),
                "directory": folder,
                "epochs": 1,
                "max_trials": 1,
                "loss": support.cross_entropy(),
                "say": lambda line: None,
            }
            | kwargs
        )


def experiment(**kwargs):
    with tempfile.TemporaryDirectory() as folder:
        return keras_kd.report.Experiment(folder, {}, **kwargs)


def attack(function, **fixed):
    def run(**kwargs):
        x, y = support.data(4)
        return function(teacher(), np.clip(x, 0, 1), y, **fixed | kwargs)

    return run


def mutual(**kwargs):
    return keras_kd.MutualDistiller(
        peers=[support.dense(4, name="a"), support.dense(4, name="b")],
        distillation_losses=keras_kd.losses.SoftTargets(),
        **kwargs,
    )


def of_procedure(run, teacher_of=teacher):
    return lambda **kwargs: run(teacher_of(), **kwargs)
