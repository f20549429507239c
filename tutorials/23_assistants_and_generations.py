"""
Title: Assistants and generations: teachers of teachers
Authors: keras_kd developers
Date created: 2026/11/30
Last modified: 2026/11/30
Description: Two chains, in which each network is taught by the one before it.
"""

"""
## In plain words

A professor can be too learned for a beginner, and an assistant explains it
better. [Mirzadeh and others, 2020](https://arxiv.org/abs/1902.03393) found that
for networks: a tiny student learnt less from a large teacher than from a
smaller one. Their remedy is a chain. The teacher teaches an *assistant* of a
size between, and the assistant teaches the student. Which size? Their rule of
thumb takes the one whose accuracy, trained alone, is nearest to the middle
between student and teacher. With time to spare, take all sizes in turn.

In the other chain nothing becomes smaller. [Furlanello and others,
2018](https://arxiv.org/abs/1805.04770) let a network teach a new one of its own
size, from scratch and without any label, this one the next, and so on. Their
*born-again* networks were better than the first one, although no one in the
chain knew more than its teacher; and all *generations* together, their
probabilities averaged, were better still.

Both claims need their controls: the student that learns alone or from the
teacher itself, and as many networks together that have learnt from labels only.

## Setup
"""

import os
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from scipy import special

import keras_kd
from keras_kd import procedures

# The small run that the tests make: other data, seconds instead of minutes.
SMOKE = "KERAS_KD_SMOKE" in os.environ
OUTPUT = pathlib.Path("assistants_and_generations")
IMAGES = 200 if SMOKE else 2_000
TEACHER, STUDENT = (32, 4) if SMOKE else (512, 8)  # Hidden units.
BETWEEN = (16, 8) if SMOKE else (128, 64, 32, 16)
EPOCHS, BATCH_SIZE, RATE = (2, 50, 0.01) if SMOKE else (20, 50, 0.003)
TEMPERATURE, LABEL_WEIGHT = 4.0, 0.1
GENERATIONS = 2 if SMOKE else 3
SEEDS = range(1 if SMOKE else 5)
SETTINGS = {k: str(v) for k, v in globals().items() if k.isupper()}

"""
## Data

MNIST, of which 2,000 images train and as many others choose the assistant. The
10,000 test images are counted at the end. Where MNIST is not to be had, the
small digits of scikit-learn stand in; the figures below are then others.
"""

try:
    data = keras_kd.datasets.load("digits" if SMOKE else "mnist")
except ValueError as error:
    print(f"Going on with the embedded digits. {error}")
    data, IMAGES = keras_kd.datasets.load("digits"), 600
order = np.random.default_rng(0).permutation(len(data.train_images))
train, validation = (
    (data.train_images[part], data.train_labels[part])
    for part in (order[:IMAGES], order[IMAGES : 2 * IMAGES])
)
test = data.test_images, data.test_labels
settings = SETTINGS | {"data": data.name}
experiment = keras_kd.report.Experiment(OUTPUT / "results", settings)

"""
## Networks that learn alone

All have one hidden layer and differ in its units only. Every training, alone or
of a stage of a chain, makes the same number of updates.
"""


def perceptron(units):
    hidden = layers.Dense(units, activation="relu")
    steps = [keras.Input(data.image_shape), layers.Flatten(), hidden]
    return keras.Sequential([*steps, layers.Dense(data.num_classes)])


def learn_alone(units, seed):
    keras.utils.set_random_seed(seed)
    network = perceptron(units)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(RATE), loss)
    network.fit(*train, BATCH_SIZE, epochs=EPOCHS, verbose=0)
    return network


def alone(units, seed):
    name = f"{units} units alone, seed {seed}"
    return experiment.model(name, lambda: learn_alone(units, seed))


def logits_of(network, x=test[0]):
    return np.asarray(network(x))


def right(scores, labels=test[1]):
    return scores.argmax(-1) == labels


"""
## Chains with assistants

`procedures.teacher_assistants` runs a chain in one call. Without assistants it
is plain distillation. `directory` keeps each stage, so a script that was
stopped goes on in the middle of a chain. A student begins with the same weights
in all arms of a seed.
"""


def taught(assistants, seed):
    teacher = alone(TEACHER, seed)
    keras.utils.set_random_seed(seed)
    student, *others = (perceptron(units) for units in (STUDENT, *assistants))
    return procedures.teacher_assistants(
        teacher=teacher,
        assistants=others,
        student=student,
        data=train,
        distillation_losses=keras_kd.losses.SoftTargets(
            TEMPERATURE, loss_weight=1 - LABEL_WEIGHT
        ),
        student_loss_weight=LABEL_WEIGHT,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        optimizer=keras.optimizers.Adam(RATE),
        directory=OUTPUT / f"chain_{'_'.join(map(str, assistants))}_{seed}",
        verbose=0,
    ).student


def accuracy_alone(units):
    found = [logits_of(alone(units, seed), validation[0]) for seed in SEEDS]
    return np.mean([right(scores, validation[1]) for scores in found])


accuracies = {u: accuracy_alone(u) for u in (TEACHER, *BETWEEN, STUDENT)}
middle = (accuracies[TEACHER] + accuracies[STUDENT]) / 2
chosen = min(BETWEEN, key=lambda units: abs(accuracies[units] - middle))
for units, accuracy in accuracies.items():
    print(f"{units} units alone: {accuracy:.4f} of the validation images")
print(f"Nearest to the middle, {middle:.4f}: {chosen} units")

"""
## Generations

`procedures.born_again` does the same for networks of one size. Its defaults are
the paper's: the teacher's probabilities as they are, and no labels.
"""


def generations(seed):
    teacher = alone(TEACHER, seed)
    keras.utils.set_random_seed(1000 + seed)
    return procedures.born_again(
        teacher=teacher,
        build_network=lambda: perceptron(TEACHER),
        generations=GENERATIONS,
        data=train,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        optimizer=keras.optimizers.Adam(RATE),
        directory=OUTPUT / f"generations_{seed}",
        verbose=0,
    ).generations


def together(logits):
    """Average of the probabilities, as `result.ensemble` teaches it."""
    return special.softmax(logits, axis=-1).mean(axis=0)


def of_strangers(seed):
    """Logits of as many networks as generations, with labels only."""
    seeds = [seed, *(100 * k + seed for k in range(1, GENERATIONS))]
    return np.stack([logits_of(alone(TEACHER, each)) for each in seeds])


"""
## Result

A row for each arm, with mean and standard deviation over the seeds, and the
verdict of `report` on each claim. The picture is in
`assistants_and_generations/accuracy.png`.
"""

born = [np.stack([logits_of(g) for g in generations(s)]) for s in SEEDS]
paths = {"taught by the teacher": (), "one assistant": (chosen,)}
paths["all sizes"] = BETWEEN
arms = {
    "student alone": [right(logits_of(alone(STUDENT, s))) for s in SEEDS],
    **{
        name: [right(logits_of(taught(path, seed))) for seed in SEEDS]
        for name, path in paths.items()
    },
    "teacher": [right(logits_of(alone(TEACHER, s))) for s in SEEDS],
    **{
        f"generation {k + 1}": [right(logits[k]) for logits in born]
        for k in range(GENERATIONS)
    },
    "generations together": [right(together(logits)) for logits in born],
    "strangers together": [right(together(of_strangers(s))) for s in SEEDS],
}
errors = {name: 100 * (1 - np.mean(of, axis=1)) for name, of in arms.items()}
for name, of_seeds in errors.items():
    spread = of_seeds.std(ddof=1) if len(SEEDS) > 1 else 0.0
    print(f"| {name} | {of_seeds.mean():.2f} +- {spread:.2f} |")
CLAIMS = (
    ("taught by the teacher", "student alone"),
    ("one assistant", "taught by the teacher"),
    ("all sizes", "taught by the teacher"),
    ("generation 1", "teacher"),
    (f"generation {GENERATIONS}", "teacher"),
    ("generations together", "teacher"),
    ("generations together", "strangers together"),
)
for arm, control in CLAIMS:
    gain = keras_kd.report.compare(
        arms[control], arms[arm], comparisons=len(CLAIMS)
    )
    print(keras_kd.report.verdict(gain, arm.capitalize(), control))

figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
axis.barh(list(errors), [of_seeds.mean() for of_seeds in errors.values()])
for place, of_seeds in enumerate(errors.values()):
    axis.plot(of_seeds, [place] * len(SEEDS), "ko", markersize=3)
axis.set(xlabel="errors on the test images, %")
axis.invert_yaxis()
figure.savefig(OUTPUT / "accuracy.png", dpi=150)


def surprise(probabilities):
    """Mean of -log of the probability of the label."""
    of_label = probabilities[np.arange(len(test[1])), test[1]]
    return -np.log(np.maximum(of_label, 1e-30)).mean()


# Averaged, probabilities surprise less than they do on average.
for logits in born:
    each = [surprise(special.softmax(one, axis=-1)) for one in logits]
    assert surprise(together(logits)) <= np.mean(each)
