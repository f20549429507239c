"""Makes the goldens of cached teachers."""

import keras

import keras_kd
from keras_kd import losses
from keras_kd import teachers
from tests import support
from tests.goldens import distiller_goldens
from tests.goldens import golden_numbers


def write(name, teacher, kind, **options):
    """Fills a folder beside the goldens."""
    folder = golden_numbers.FOLDER / name
    cached = teachers.cache_teacher(
        teacher, golden_numbers.batch(kind), folder, verbose=0, **options
    )
    # Only who writes takes it.
    (folder / "lock").unlink()
    return cached


def learner(cached, student, tap):
    """A Distiller that learns from a cache of outputs and of one tap."""
    return distiller_goldens.compiled(
        keras_kd.Distiller(
            teacher=cached,
            student=student,
            distillation_losses=[
                losses.SoftTargets(2.0),
                losses.Hint(teacher_tap=tap, student_tap=tap),
            ],
        )
    )


def top_k():
    cached = write(
        "cache_top_k_folder",
        support.dense(5),
        "vectors",
        taps=["hidden"],
        top_k=2,
    )
    return learner(cached, support.dense(4, name="student"), "hidden")


def masked():
    cached = write(
        "cache_masked_folder",
        distiller_goldens.tagger(4, "teacher"),
        "tokens",
        taps=["embed"],
    )
    student = distiller_goldens.tagger(3, "student")
    return learner(cached, student, "embed")


def augmentation():
    return teachers.Augmentation(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomTranslation(0.25, 0.25),
        ]
    )


def augmented():
    cached = write(
        "cache_augmented_folder",
        distiller_goldens.convnet((4, 5), "teacher"),
        "images",
        taps=["stage1"],
        dtype="float32",
        views=2,
        augmentation=augmentation(),
    )
    student = distiller_goldens.convnet((2, 3), "student")
    return learner(cached, student, "stage1")


# Name: how it is made, and the data that it learns from.
CACHES = {
    "cache_augmented": (augmented, "images"),
    "cache_masked": (masked, "tokens"),
    "cache_top_k": (top_k, "vectors"),
}
