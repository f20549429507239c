"""What the test of counts runs: a row for every public integer argument."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np

import keras_kd
from keras_kd import models
from keras_kd import teachers
from keras_kd import transfer_sets
from keras_kd.report import robustness
from keras_kd.transfer_sets import synthetic
from tests import support
from tests.conformance import count_calls as calls
from tests.conformance import procedure_runs as runs

SHAPE = (8, 8, 1)


@dataclasses.dataclass(frozen=True)
class Row:
    """An integer argument of something public.

    Attributes:
        call: Takes it by name, and has all other arguments.
        argument: Its name.
        least: The smallest number that is allowed.
        is_optional: Whether `None` is allowed.
    """

    call: Callable
    argument: str
    least: int = 1
    is_optional: bool = False


def rows(call, *arguments, least=1, is_optional=False):
    return [Row(call, name, least, is_optional) for name in arguments]


def _of_teachers():
    functions = teachers.FunctionTeacher
    noisy = functools.partial(teachers.NoisyTeacher, calls.teacher(), 0.1)
    function = functools.partial(functions, lambda x: x, from_logits=True)
    return [
        *rows(calls.cache, "batch_size", "views"),
        *rows(
            functools.partial(teachers.Augmentation, keras.layers.RandomFlip()),
            "void",
            least=0,
        ),
        *rows(calls.cache, "examples_per_shard", "top_k", is_optional=True),
        *rows(calls.cache, "seed", least=0),
        *rows(calls.cache_answers, "batch_size"),
        *rows(
            calls.cache_answers,
            "examples_per_shard",
            "num_classes",
            "top_k",
            is_optional=True,
        ),
        *rows(calls.attach, "view", least=0, is_optional=True),
        *rows(noisy, "seed", least=0, is_optional=True),
        *rows(function, "num_classes"),
        *rows(calls.mutual, "exchange_every"),
    ]


def _of_transfer_sets():
    measure = functools.partial(
        transfer_sets.activation_records,
        teacher=calls.teacher(),
        data=support.data(60),
    )
    write = functools.partial(
        transfer_sets.write_texts,
        model=runs.language_teacher(),
        prompts=runs.PROMPTS,
    )
    x = support.data(8)[0]
    made = [*rows(measure, "batch_size"), *rows(calls.sample, "count")]
    made += rows(calls.reconstruct, "images_per_class", "steps", "batch_size")
    made += rows(calls.reconstruct, "seed", least=0)
    made += rows(write, "max_length", least=2, is_optional=True)
    write = functools.partial(write, max_length=6)
    made += [*rows(write, "batch_size"), *rows(write, "seed", least=0)]
    made += rows(write, "end_token", least=0, is_optional=True)
    for content in ("SpectralAllLayers", "SpectralLayerPairs"):
        made += rows(getattr(transfer_sets, content), "examples_per_class")
    made += rows(transfer_sets.AllLayers, "max_covariance_units", least=0)
    for function in (synthetic.munge, synthetic.naive_bayes, synthetic.random):

        def call(function=function, **kwargs):
            return function(x, **{"num_examples": 4} | kwargs)

        made += rows(call, "num_examples")
        made += rows(call, "seed", least=0)
        if function is synthetic.naive_bayes:
            made += rows(call, "components", is_optional=True)
    return made


def _of_procedures():
    assistants = calls.of_procedure(runs.run_teacher_assistants)
    born_again = calls.of_procedure(runs.run_born_again)
    co_training = calls.of_procedure(runs.run_co_training)
    compress = calls.of_procedure(runs.run_compress)
    data_distillation = calls.of_procedure(runs.run_data_distillation)
    data_free = calls.of_procedure(runs.run_data_free)
    defensive = calls.of_procedure(runs.run_defensive_distillation)
    fitnets = calls.of_procedure(runs.run_fitnets)
    on_policy = calls.of_procedure(
        runs.run_on_policy_distillation, runs.language_teacher
    )
    sequence = calls.of_procedure(
        runs.run_sequence_distillation, runs.language_teacher
    )
    reuse = calls.of_procedure(runs.run_reuse_classifier)
    specialists = calls.of_procedure(runs.run_specialists, runs.generalist)
    transfer = calls.of_procedure(runs.run_supervision_transfer)
    return [
        *rows(assistants, "epochs"),
        *rows(assistants, "batch_size", is_optional=True),
        *rows(born_again, "generations", "epochs"),
        *rows(born_again, "batch_size", is_optional=True),
        *rows(co_training, "pool_size", "epochs", "batch_size"),
        *rows(co_training, "iterations", "seed", least=0),
        *rows(compress, "updates", "epochs", "batch_size"),
        *rows(compress, "patience", is_optional=True),
        *rows(compress, "num_synthetic", "seed", least=0),
        *rows(calls.correct, "batch_size", is_optional=True),
        *rows(data_distillation, "updates", "epochs"),
        *rows(data_distillation, "batch_size", least=2),
        *rows(data_distillation, "seed", least=0),
        *rows(data_free, "images_per_class", "steps", "epochs", "batch_size"),
        *rows(data_free, "reconstruction_batch_size"),
        *rows(data_free, "seed", least=0),
        *rows(defensive, "epochs"),
        *rows(defensive, "batch_size", is_optional=True),
        *rows(fitnets, "epochs"),
        *rows(fitnets, "hint_epochs", least=0),
        *rows(fitnets, "batch_size", "patience", is_optional=True),
        *rows(on_policy, "rounds", "batches_per_round", "batch_size"),
        *rows(on_policy, "max_length", least=2, is_optional=True),
        *rows(on_policy, "end_token", least=0, is_optional=True),
        *rows(on_policy, "seed", least=0),
        *rows(sequence, "epochs", "batch_size"),
        *rows(sequence, "max_length", least=2, is_optional=True),
        *rows(sequence, "end_token", least=0, is_optional=True),
        *rows(sequence, "seed", least=0),
        *rows(reuse, "epochs", "reduction"),
        *rows(reuse, "batch_size", is_optional=True),
        *rows(specialists, "num_specialists", "epochs"),
        *rows(specialists, "batch_size", least=2),
        *rows(specialists, "classes_per_specialist", is_optional=True),
        *rows(specialists, "patience", is_optional=True),
        *rows(specialists, "seed", least=0),
        *rows(transfer, "epochs"),
        *rows(transfer, "fine_tuning_epochs", least=0),
        *rows(transfer, "batch_size", is_optional=True),
    ]


def _of_models():
    blocks = [models.MaxoutBlock(2)]
    lenet = functools.partial(models.lenet5, image_shape=(16, 16, 1))
    lenet = functools.partial(lenet, num_classes=3)
    small = functools.partial(models.small_convnet, SHAPE, num_classes=3)
    convnet = functools.partial(models.maxout_convnet, SHAPE, blocks=blocks)
    convnet = functools.partial(convnet, num_classes=3)
    fitnet = functools.partial(models.maxout_fitnet, "mnist", num_classes=3)
    pieces = functools.partial(models.maxout_teacher, "cifar10", num_classes=3)
    block = functools.partial(models.MaxoutBlock, channels=2)
    residual = functools.partial(models.wide_resnet, SHAPE, num_classes=3)
    residual = functools.partial(residual, depth=10, width=1)
    highway = functools.partial(models.highway, (4,), num_classes=3)
    highway = functools.partial(highway, hidden=2, depth=1)
    mimic = functools.partial(models.shallow_mimic, SHAPE, num_classes=3)
    mimic = functools.partial(mimic, hidden=2)
    budget = functools.partial(models.budgeted_convnet, SHAPE, num_classes=3)
    budget = functools.partial(budget, depth=1, num_parameters=900)
    pooling = functools.partial(models.CeilMaxPooling2D, pool_size=2, strides=2)
    return [
        *rows(lenet, "num_classes"),
        *rows(small, "num_classes"),
        *rows(convnet, "num_classes", "dense_pieces"),
        *rows(convnet, "dense_units", least=0),
        *rows(fitnet, "num_classes", "dense_pieces"),
        *rows(pieces, "num_classes", "dense_pieces"),
        *rows(block, "channels", "kernel_size", "pieces"),
        *rows(block, "padding", "pool_size", least=0),
        *rows(block, "pool_strides", is_optional=True),
        *rows(residual, "num_classes", "depth", "width", "first_channels"),
        *rows(highway, "num_classes", "hidden", "depth"),
        *rows(mimic, "num_classes", "hidden", "kernel_size", "pool_size"),
        *rows(mimic, "bottleneck", "conv_channels", is_optional=True),
        *rows(budget, "num_classes", "num_parameters", "bottleneck"),
        *rows(budget, "depth", least=0),
        *rows(models.Maxout, "pieces"),
        *rows(pooling, "pool_size", "strides"),
    ]


def _of_reports():
    y = np.array([0, 1, 1])
    p = np.array([[0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    reliability = functools.partial(keras_kd.report.reliability, y, p)
    overlap = functools.partial(keras_kd.report.neighbour_overlap, p, p)
    table = functools.partial(keras_kd.report.text_table, ["a"], [["b"]])
    size = functools.partial(
        robustness.input_gradient_size, calls.teacher(), support.data(4)[0]
    )
    wagner = calls.attack(
        robustness.carlini_wagner_l2, num_iterations=1, search_steps=1
    )
    gradient = calls.attack(robustness.fast_gradient_sign, epsilon=0.1)
    saliency = calls.attack(robustness.jacobian_saliency)
    return [
        *rows(reliability, "num_bins"),
        *rows(overlap, "k"),
        *rows(keras_kd.metrics.ExpectedCalibrationError, "num_bins"),
        *rows(keras_kd.metrics.TeacherAgreement, "k"),
        *rows(keras_kd.metrics.TeacherMeanIoU, "num_classes", least=2),
        *rows(table, "width"),
        *rows(calls.experiment, "num_runs", is_optional=True),
        *rows(wagner, "num_iterations", "search_steps", "batch_size"),
        *rows(gradient, "batch_size"),
        *rows(saliency, "batch_size"),
        *rows(saliency, "max_features", least=2, is_optional=True),
        *rows(size, "batch_size"),
    ]


def _of_searches():
    hyperband = calls.tuner("hyperband")
    return [
        *rows(calls.tuner("random"), "max_trials", is_optional=True),
        *rows(calls.tuner("random"), "executions_per_trial"),
        *rows(calls.tuner("random"), "seed", least=0, is_optional=True),
        *rows(hyperband, "max_epochs"),
        *rows(calls.compare_depths, "epochs", "max_trials"),
        *rows(calls.compare_depths, "seed", least=0),
    ]


def all_rows():
    """All of them."""
    keras.utils.set_random_seed(0)
    return [
        *_of_teachers(),
        *_of_transfer_sets(),
        *_of_procedures(),
        *_of_models(),
        *_of_reports(),
        *_of_searches(),
    ]
