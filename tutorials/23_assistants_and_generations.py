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
settings = SETTINGS | {"data": data.name}
experiment = keras_kd.report.Experiment(OUTPUT / "results", settings)

"""
## Networks that learn alone

All have one hidden layer and differ in its units only. Every training, alone or
of a stage of a chain, makes the same number of updates.
"""


options = {"epochs": EPOCHS, "batch_size": BATCH_SIZE, "verbose": 0}


def perceptron(units):
    hidden = layers.Dense(units, activation="relu")
    steps = [keras.Input(data.image_shape), layers.Flatten(), hidden]
    return keras.Sequential([*steps, layers.Dense(data.num_classes)])


def learn_alone(units, seed):
    keras.utils.set_random_seed(seed)
    network = perceptron(units)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(RATE), loss)
    network.fit(*train, **options)
    return network


def alone(units, seed):
    name = f"{units} units alone, seed {seed}"
    return experiment.model(name, lambda: learn_alone(units, seed))


def logits_of(network, x=data.test_images):
    return np.asarray(network(x))


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
        optimizer=keras.optimizers.Adam(RATE),
        directory=OUTPUT / f"chain_{'_'.join(map(str, assistants))}_{seed}",
        **options,
    ).student


accuracies = {}
for units in (TEACHER, *BETWEEN, STUDENT):
    scores = [logits_of(alone(units, s), validation[0]) for s in SEEDS]
    accuracies[units] = np.mean(np.argmax(scores, -1) == validation[1])
    print(f"{units} units alone: {accuracies[units]:.4f} of the validation set")
middle = (accuracies[TEACHER] + accuracies[STUDENT]) / 2
chosen = min(BETWEEN, key=lambda units: abs(accuracies[units] - middle))
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
        optimizer=keras.optimizers.Adam(RATE),
        directory=OUTPUT / f"generations_{seed}",
        **options,
    ).generations


def together(logits):
    """Average of the probabilities, as `result.ensemble` teaches it."""
    return special.softmax(logits, axis=-1).mean(axis=0)


"""
## Result

A row for each arm, with mean and standard deviation over the seeds, and the
verdict of `report` on each claim. The picture is in
`assistants_and_generations/errors.png`.
"""

born = [[logits_of(network) for network in generations(s)] for s in SEEDS]
strangers = [
    [logits_of(alone(TEACHER, 100 * k + s)) for k in range(GENERATIONS)]
    for s in SEEDS
]
arms = {"student alone": [logits_of(alone(STUDENT, s)) for s in SEEDS]}
for name, path in (
    ("taught by the teacher", ()),
    ("by way of one assistant", (chosen,)),
    ("by way of all sizes", BETWEEN),
):
    arms[name] = [logits_of(taught(path, s)) for s in SEEDS]
arms["teacher"] = [of_seed[0] for of_seed in strangers]
for k in range(GENERATIONS):
    arms[f"generation {k + 1}"] = [of_seed[k] for of_seed in born]
arms["generations together"] = [together(of_seed) for of_seed in born]
arms["strangers together"] = [together(of_seed) for of_seed in strangers]

right = {a: np.argmax(s, -1) == data.test_labels for a, s in arms.items()}
errors = {name: 100 * (1 - of.mean(axis=1)) for name, of in right.items()}
for name, of in errors.items():
    spread = of.std(ddof=int(len(SEEDS) > 1))
    print(f"| {name} | {of.mean():.2f} +- {spread:.2f} |")
CLAIMS = (
    ("taught by the teacher", "student alone"),
    ("by way of one assistant", "taught by the teacher"),
    ("by way of all sizes", "taught by the teacher"),
    ("generation 1", "teacher"),
    (f"generation {GENERATIONS}", "teacher"),
    ("generations together", "teacher"),
    ("generations together", "strangers together"),
)
for arm, control in CLAIMS:
    gain = keras_kd.report.compare(
        right[control], right[arm], comparisons=len(CLAIMS)
    )
    print(keras_kd.report.verdict(gain, arm.capitalize(), control))

figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
axis.barh(list(errors), [of.mean() for of in errors.values()])
axis.set(xlabel="errors on the test images, %")
axis.invert_yaxis()
figure.savefig(OUTPUT / "errors.png", dpi=150)

taught_errors, alone_errors = (errors[name].mean() for name in CLAIMS[0])
assert SMOKE or taught_errors < alone_errors  # Some seconds show nothing.

"""
Errors on the 10,000 test images in percent, mean and standard deviation of five
seeds. The papers' are of other data and networks: for assistants, of CIFAR-10
and plain networks of 10, 4 and 2 convolutions, and for generations of CIFAR-100
and a DenseNet-90-60.

| | `paper` | `ours` |
|---|---|---|
| student alone | 29.84 | 12.41 ± 0.73 |
| taught by the teacher | 27.43 | 11.70 ± 0.66 |
| by way of one assistant | 26.49 | 11.81 ± 0.64 |
| by way of all sizes | - | 12.87 ± 1.01 |
| teacher | 17.69 | 6.14 ± 0.13 |
| generation 1 | 16.62 | 6.13 ± 0.18 |
| generation 2 | 16.44 | 6.11 ± 0.16 |
| generation 3 | 16.72 | 6.16 ± 0.08 |
| generations together | 15.74 | 5.97 ± 0.10 |
| strangers together | - | 5.99 ± 0.10 |

**The teacher helps its student** directly: +0.7 points over the student alone
(95 % interval 0.2 to 1.2, corrected for all seven comparisons, as are those
below).

**Assistants do not,** here. Alone, the teacher gets 92.8 % of the validation
images right and the student 86.7 %; with 32 units, 89.8 %, a network is nearest
to the middle. By way of it the student is at -0.1 points against plain
distillation (-0.5 to 0.3): no clear gain. By way of all four sizes it is at
-1.2 (-2.7 to 0.4), too few seeds to tell; in the paper longer paths were as
good or better.

**Generations are no better than their teacher:** +0.0 points for the first
(-0.6 to 0.6), -0.0 for the third (-0.4 to 0.4). All together are at +0.2 (-0.3
to 0.6), and no better than as many strangers: +0.0 (-0.3 to 0.4). A teacher
gets all of its 2,000 images right, with 99.9 % for the label on average: what
it says of these, at temperature 1, is hardly more than the label.

* **Command:** `python tutorials/23_assistants_and_generations.py`
* **Cost:** 7 minutes of one CPU core (Intel Xeon). With `KERAS_KD_SMOKE=1`, on
  other data, less than a minute.
* **How it was set up:** epochs, rate, temperature and weights were set once and
  not tuned; the paper on assistants searches temperature and weight for each
  arm.

## References

* Mirzadeh and others, [Improved Knowledge Distillation via Teacher Assistant](
  https://arxiv.org/abs/1902.03393), 2020.
* Furlanello and others, [Born-Again Neural Networks](
  https://arxiv.org/abs/1805.04770), 2018.
"""
