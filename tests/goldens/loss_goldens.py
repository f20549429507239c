"""Makes the goldens of losses."""

import keras

import keras_kd
from keras_kd import losses
from keras_kd import metrics
from keras_kd import projectors
from tests import support


def compiled(distiller, optimizer=None, loss=None, metrics=None):
    """Compiles without XLA, whose numbers differ."""
    distiller.compile(
        optimizer or keras.optimizers.SGD(0.05, momentum=0.9),
        loss=loss or support.cross_entropy(),
        metrics=metrics,
        jit_compile=False,
    )
    return distiller


def pair(distillation_losses, teacher, student, **options):
    return compiled(
        keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=distillation_losses,
        ),
        **options,
    )


def at(index, side_index=None):
    """The taps of a loss between two chains."""
    other = index if side_index is None else side_index
    return {"teacher_tap": f"tap{index}", "student_tap": f"tap{other}"}


def vector_losses():
    return pair(
        [
            losses.SoftTargets(2.0),
            losses.ProbabilityRegression(),
            losses.LogitRegression(loss_weight=0.1),
            losses.LogitRegression(center=True, loss_weight=0.1),
            losses.Hint(
                projector=keras.layers.Dense(5, "tanh"),
                teacher_tap="hidden",
                student_tap="hidden",
            ),
            losses.Match(
                "mean_absolute_error",
                projector="infer",
                teacher_tap="hidden",
                student_tap="hidden",
            ),
            losses.Match(keras.losses.LogCosh()),
        ],
        support.dense(5, name="teacher"),
        support.dense(4, name="student"),
    )


def output_losses():
    return pair(
        [
            losses.SoftTargets(2.0, standardize_logits=True),
            losses.DecoupledSoftTargets(2.0, non_target_weight=2.0),
            losses.NormalizedSoftTargets(),
            losses.ReverseSoftTargets(),
            losses.JensenShannonDivergence(teacher_share=0.25),
            losses.SkewedSoftTargets(reverse=True),
            losses.InterpolatedSoftTargets(steps=50),
            losses.SoftTargetCorrelation(4.0),
        ],
        support.dense(5, name="teacher"),
        support.dense(4, name="student"),
    )


def gradient_losses():
    return pair(
        [losses.InputGradientTransfer(), losses.InputGradientSymmetry(axis=-1)],
        support.dense(5, name="teacher"),
        support.dense(4, name="student"),
    )


def label_losses(classes):
    return pair(
        losses.BinarySoftTargets(2.0),
        support.dense(5, classes, name="teacher"),
        support.dense(4, classes, name="student"),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[metrics.TeacherAgreement()],
    )


def vocabulary_losses():
    taps = {"teacher_tap": "hidden", "student_tap": "head:input"}
    return pair(
        losses.ChunkedSoftTargets(2.0, chunk_size=2, reverse=True, **taps),
        support.dense(5, name="teacher"),
        support.dense(4, name="student"),
    )


def maps(name, *layers):
    """A net of images with the layers `tap0`, `tap1` ..."""
    layers = [
        keras.layers.Conv2D(
            channels, size, strides, padding, name=f"tap{index}"
        )
        for index, (channels, size, strides, padding) in enumerate(layers)
    ]
    head = [keras.layers.Flatten(), keras.layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, *head], name=name)


def attention_losses():
    return pair(
        [
            losses.AttentionTransfer(**at(0)),
            losses.AttentionTransfer(
                squared=True, maximum=True, power=4, **at(1, 0)
            ),
        ],
        maps("teacher", (3, 3, 1, "same"), (2, 3, 2, "same")),
        maps("student", (2, 3, 1, "same")),
    )


def feature_losses():
    """Losses that compare maps, and examples with each other."""
    return pair(
        [
            losses.NeuronSelectivityTransfer(**at(0)),
            losses.VariationalInformation(**at(0)),
            losses.ChannelDistributions(2.0, **at(0)),
            losses.FeatureCorrelation(**at(0)),
            losses.OrthogonalProjection(**at(0)),
            losses.GaussianWasserstein(**at(0)),
            losses.MaskedGeneration(0.0, seed=3, **at(0)),
            losses.RelationalDistance(),
            losses.RelationalAngle(),
            losses.PairwiseSimilarity(),
            losses.ProbabilisticKnowledgeTransfer(),
            losses.ContrastiveRepresentation(),
        ],
        maps("teacher", (3, 3, 1, "same")),
        maps("student", (2, 3, 1, "same")),
        optimizer=keras.optimizers.SGD(1e-4, momentum=0.9),
    )


def stage_losses():
    """A loss of several taps, and one with a queue."""
    stages = ("tap0", "tap1")
    return pair(
        [
            losses.KnowledgeReview(3, teacher_tap=stages, student_tap=stages),
            losses.ContrastiveQueue(4, queue_size=8, **at(0)),
        ],
        maps("teacher", (3, 3, 1, "same"), (4, 3, 2, "same")),
        maps("student", (2, 3, 1, "same"), (3, 3, 2, "same")),
        optimizer=keras.optimizers.SGD(1e-3, momentum=0.9),
    )


def number_losses():
    return pair(
        losses.BoundedRegression(0.1),
        support.dense(5, classes=1, name="teacher"),
        support.dense(4, classes=1, name="student"),
        loss="mean_squared_error",
    )


def detector(width, name):
    """Class logits, boxes and a feature at four anchors."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4 * width, activation="tanh")(inputs)
    feature = keras.layers.Reshape((4, width), name="feature")(hidden)
    outputs = {
        "classes": keras.layers.Dense(3, name="classes")(feature),
        "boxes": keras.layers.Dense(4, name="boxes")(feature),
    }
    return keras.Model(inputs, outputs, name=name)


def detector_losses():
    taps = ("classes", "boxes")
    made = keras_kd.Distiller(
        teacher=detector(3, "teacher"),
        student=detector(2, "student"),
        distillation_losses=[
            losses.BoxSoftTargets(
                2.0, box_format="xywh", teacher_tap=taps, student_tap=taps
            ),
            losses.ScoreWeightedHint(
                teacher_tap=("feature", "classes"), student_tap="feature"
            ),
        ],
        student_loss_weight=0.0,
    )
    made.compile(keras.optimizers.SGD(0.05, momentum=0.9), jit_compile=False)
    return made


def steps(name, *pooling):
    """Logits at four steps of one number, or at fewer behind a pooling."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Reshape((4, 1)),
            *pooling,
            keras.layers.Dense(3),
        ],
        name=name,
    )


def resized_losses():
    made = keras_kd.Distiller(
        teacher=steps("teacher"),
        student=steps("student", keras.layers.AveragePooling1D(2)),
        distillation_losses=[
            losses.SoftTargets(2.0, resize=side)
            for side in ("student", "teacher")
        ],
    )
    made.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        metrics=[metrics.TeacherMeanIoU(3, resize="student")],
        jit_compile=False,
    )
    return made


def projected_maps():
    """A projector of each kind that images need."""
    valid = projectors.valid_convolution(
        (None, 8, 8, 2), (None, 6, 6, 3), activation="tanh"
    )
    return pair(
        [
            losses.Hint(name="one_by_one", **at(0)),
            losses.Hint(name="valid", **at(1, 0)),
            losses.Hint(name="valid_given", projector=valid, **at(1, 0)),
            losses.Hint(name="pooled", **at(2, 0)),
            losses.Hint(name="resized", **at(0, 1)),
            losses.Hint(name="equal", **at(3, 1)),
        ],
        maps(
            "teacher",
            (3, 3, 1, "same"),
            (3, 3, 1, "valid"),
            (2, 3, 3, "same"),
            (2, 1, 1, "same"),
        ),
        maps("student", (2, 3, 1, "same"), (2, 3, 4, "same")),
    )


# Name: how it is made, and the data that it learns from.
DISTILLERS = {
    "losses_of_vectors": (vector_losses, "vectors"),
    "losses_of_outputs": (output_losses, "vectors"),
    "losses_of_gradients": (gradient_losses, "vectors"),
    "losses_of_one_label": (lambda: label_losses(1), "one_label"),
    "losses_of_labels": (lambda: label_losses(3), "labels"),
    "losses_of_vocabularies": (vocabulary_losses, "vectors"),
    "losses_of_maps": (attention_losses, "images"),
    "losses_of_features": (feature_losses, "images"),
    "losses_of_stages": (stage_losses, "images"),
    "losses_of_numbers": (number_losses, "one_label"),
    "losses_of_detectors": (detector_losses, "vectors"),
    "losses_of_two_lengths": (resized_losses, "vectors"),
    "projectors": (projected_maps, "images"),
}
