"""Cost of a training step with each loss, and with its bare formula.

    python -m benchmarks.method_cost

times a step of a `keras_kd.Distiller` with one loss besides that of the labels,
against a step of a stock `keras.Model` that runs the same teacher and student,
and has the formula of `method_formulas.py` in its `compute_loss`: same models,
batch, optimizer, and first loss, which is compared. Rounds are interleaved; the
ratio of CPU seconds is formed within a round, and the table, in Markdown, has
the median over the rounds and the quartiles. `--losses` chooses some.

    KERAS_BACKEND=jax python -m benchmarks.method_cost --memory

prints the temporary memory that XLA plans for the gradient of each loss that
compares examples, at two batch sizes, of which the second is twice the first:
a tensor over triples of examples would show as eight times as much.

Left out are the losses of input gradients, whose formula is a second pass of
both models, `Match`, whose formula is Keras's, `BinarySoftTargets`, for sigmoid
outputs, `BoundedRegression`, for labels that are numbers, and
`SelfAttentionRelations`, for sequences; `ChunkedSoftTargets` is in
`vocabulary.py`.
"""

import argparse
import os

from benchmarks import measure

MOST = 1.1
BATCH = 64
# Examples and width of the features whose memory is planned.
EXAMPLES, WIDTH = (256, 512), 64


def rows():
    """Dict from losses to their arguments, tap and formula."""
    from benchmarks import detector_formulas
    from benchmarks import method_formulas as formulas

    ls = {"temperature": 2.0, "standardize_logits": True}
    return {
        "SoftTargets": ({}, "logits", formulas.soft_targets),
        "SoftTargets, standardized": (
            ls,
            "logits",
            formulas.standardized_soft_targets,
        ),
        "DecoupledSoftTargets": ({}, "logits", formulas.decoupled),
        "NormalizedSoftTargets": ({}, "logits", formulas.normalized),
        "SoftTargetCorrelation": ({}, "logits", formulas.correlation),
        "ReverseSoftTargets": ({}, "logits", formulas.reverse),
        "JensenShannonDivergence": ({}, "logits", formulas.jensen_shannon),
        "SkewedSoftTargets": ({}, "logits", formulas.skewed),
        "InterpolatedSoftTargets": ({}, "logits", formulas.interpolated),
        "SortedProbabilities": ({}, "logits", formulas.sorted_distance),
        "LogitRegression": ({}, "logits", formulas.logit_regression),
        "ProbabilityRegression": (
            {},
            "logits",
            formulas.probability_regression,
        ),
        "RelationalDistance": ({}, "vector", formulas.distances),
        "RelationalAngle": ({}, "vector", formulas.angles),
        "PairwiseSimilarity": ({}, "vector", formulas.similarity),
        "ProbabilisticKnowledgeTransfer": ({}, "vector", formulas.neighbours),
        "ContrastiveRepresentation": ({}, "vector", formulas.contrast),
        "ContrastiveQueue": ({}, "vector", formulas.queue_relation),
        "Hint": ({}, "map", formulas.hint),
        "AttentionTransfer": ({}, "map", formulas.attention),
        "NeuronSelectivityTransfer": ({}, "map", formulas.selectivity),
        "VariationalInformation": ({}, "map", formulas.information),
        "ChannelDistributions": ({}, "map", formulas.channel_distributions),
        "FeatureCorrelation": ({}, "map", formulas.feature_correlation),
        "OrthogonalProjection": ({}, "map", formulas.orthogonal),
        "GaussianWasserstein": ({}, "map", formulas.wasserstein),
        "MaskedGeneration": (
            {"masked_part": 0.0},
            "map",
            formulas.generation,
        ),
        "KnowledgeReview": ({}, "stages", formulas.review),
        "BoxSoftTargets": ({}, "detections", detector_formulas.detections),
        "ScoreWeightedHint": ({}, "scored", detector_formulas.weighted_hint),
    }


def make_steps(name, size, depths):
    """Makes the steps of a loss and of its formula, by name.

    Args:
        name: Of `rows`.
        size: Side of the images.
        depths: Layers of the teacher and of the student.

    Raises:
        AssertionError: If their first losses differ.
    """
    import keras
    import numpy as np

    import keras_kd
    from benchmarks import contestants
    from benchmarks.plain_model import Plain

    arguments, where, formula = rows()[name]
    tap = {
        "logits": None,
        "map": "stage2",
        "vector": "pool",
        "stages": ("stage1", "stage2", "stage3"),
        "detections": ("classes", "boxes"),
        "scored": "stage2",
    }[where]
    of_teacher = ("stage2", "classes") if where == "scored" else tap
    keras.utils.set_random_seed(0)
    teacher, student = (contestants.convolutional(d, size) for d in depths)
    if where in ("detections", "scored"):
        teacher, student = map(contestants.with_boxes, (teacher, student))
    random = np.random.default_rng(0)
    x = random.normal(size=(BATCH, size, size, 3)).astype("float32")
    y = random.integers(0, 10, BATCH)
    steps, found = {}, []
    for is_ours in (True, False):
        keras.utils.set_random_seed(1)
        loss = getattr(keras_kd.losses, name.split(",")[0])(
            teacher_tap=of_teacher, student_tap=tap, **arguments
        )
        models = [contestants.copy(model) for model in (teacher, student)]
        if is_ours:
            made = keras_kd.Distiller(
                teacher=models[0],
                student=models[1],
                distillation_losses=loss,
            )
        else:
            made = Plain(*models, loss, formula)
        step, first = contestants.training_step(made, x, y, "momentum")
        steps["ours" if is_ours else "plain"] = step
        found.append(first)
    np.testing.assert_allclose(*found, rtol=1e-3, err_msg=name)
    return steps


def compare(names, rounds, count, size=32, depths=(18, 6)):
    """Measures losses, and returns the lines of a table in Markdown.

    Args:
        names: Of `rows`.
        rounds: Number of rounds.
        count: Steps of each contestant in a round.
        size: Side of the images. Defaults to 32.
        depths: Layers of the teacher and of the student.
    """
    import numpy as np

    from benchmarks import on_backend

    lines = [
        "| loss | formula, ms | ratio | quartiles | |",
        "|---|--:|--:|--:|--|",
    ]
    for name in names:
        steps = make_steps(name, size, depths)
        seconds = measure.interleave(
            steps, rounds, count, on_backend.here().synchronize
        )
        ours, plain = (
            np.array(seconds[who]["cpu"]) for who in ("ours", "plain")
        )
        ratio = measure.spread(ours / plain)
        low, high = ratio["quartiles"]
        verdict = "" if ratio["median"] <= MOST else f"above {MOST}"
        lines.append(
            f"| `{name}` | {1000 * np.median(plain):.1f} | "
            f"{ratio['median']:.2f} | {low:.2f} to {high:.2f} | {verdict} |"
        )
        print(lines[-1], flush=True)
    return lines


def planned_bytes(name, examples, width=WIDTH):
    """Temporary memory that XLA plans for a loss and its gradient, on JAX.

    Args:
        name: Of a loss that compares vectors.
        examples: Size of the batch.
        width: Numbers of each vector. Defaults to `WIDTH`.
    """
    import jax
    import numpy as np

    import keras_kd

    loss = getattr(keras_kd.losses, name)()
    vectors = np.ones((examples, width), "float32")
    gradient = jax.jit(jax.grad(lambda student: loss(vectors, student).mean()))
    plan = gradient.lower(vectors).compile().memory_analysis()
    return plan.temp_size_in_bytes


def memory():
    """The lines of a table of planned memory, in Markdown."""
    first, second = EXAMPLES
    lines = [
        f"| loss | {first}, MiB | {second}, MiB | ratio |",
        "|---|--:|--:|--:|",
    ]
    for name, (_, where, _) in rows().items():
        if where == "vector":
            few, many = (planned_bytes(name, n) / 2**20 for n in EXAMPLES)
            lines.append(
                f"| `{name}` | {few:.1f} | {many:.1f} | {many / few:.1f} |"
            )
    return lines


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what a training step costs with each loss."
    )
    parser.add_argument("--losses", nargs="+", help="by default all")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument(
        "--memory", action="store_true", help="planned memory, on JAX"
    )
    options = parser.parse_args(arguments)
    names = options.losses or list(rows())
    unknown = sorted(set(names) - set(rows()))
    if unknown:
        parser.error(f"--losses must be losses. Received: {unknown}")
    if not options.memory:
        lines = compare(names, options.rounds, options.steps)
    elif os.environ.get("KERAS_BACKEND") == "jax":
        lines = memory()
    else:
        parser.error("--memory needs JAX. Set KERAS_BACKEND=jax")
    print(*lines, sep="\n")


if __name__ == "__main__":
    measure.keep_memory()
    main()
