"""A use of the library for `scripts/check` to read; nobody runs it.

What a type checker must find is marked: `pyright: ignore` of something that it
does not find is an error too.
"""

import keras

import keras_kd


def right(teacher: keras.Model, student: keras.Model) -> keras_kd.Distiller:
    data = keras_kd.datasets.load("digits")
    cached = keras_kd.teachers.cache_teacher(
        teacher, (data.train_images, data.train_labels), "cache", views=2
    )
    taps: list[str] = keras_kd.taps.names(student)
    return keras_kd.Distiller(
        teacher=cached,
        student=student,
        distillation_losses=[
            keras_kd.losses.SoftTargets(4.0, loss_weight=0.5),
            keras_kd.losses.Hint(teacher_tap="stage1", student_tap=taps[0]),
        ],
        teacher_inputs=["image"],
    )


def wrong(teacher: keras.Model, student: keras.Model):
    keras_kd.losses.SoftTargets("4")  # pyright: ignore[reportArgumentType]
    keras_kd.losses.Hint("stage1")  # pyright: ignore[reportCallIssue]
    keras_kd.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses="soft_targets",  # pyright: ignore[reportArgumentType]
    )
    keras_kd.projectors.infer((8, "4"), (8, 4))  # pyright: ignore[reportArgumentType]
    keras_kd.procedures.fitnets(a=2)  # pyright: ignore[reportCallIssue]
    data = keras_kd.datasets.load("digits")
    print(data.pictures)  # pyright: ignore[reportAttributeAccessIssue]
