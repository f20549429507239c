"""Cost of a training step of distillation.

    python -m benchmarks.step_cost --output step_cost.json

measures a step with soft targets only ("logits") and a step with soft targets
and one mean-squared feature ("feature"), of `keras_kd.Distiller` and of
`keras.distillation.Distiller`, against the floor: a step of the student alone
plus one forward pass of the teacher. About six minutes on two CPU cores.
`--backend` chooses TensorFlow, JAX or PyTorch; on PyTorch, the same step in a
plain loop without Keras takes part ("by hand").

All contestants start from the same weights, see the same batch and use the
same optimizer and loss, without metrics; the benchmark fails if they do not
report the same loss. What is timed is the function that `fit` calls for each
batch, compiled as `fit` compiles it. A round runs a few steps of every
contestant, each round in another order; a ratio is formed within a round, and
the table shows the median over the rounds and the quartiles.

* keras.distillation gets `KLDivergence()`, since its default loss is no KL.
* The convolutional feature is the output of stage 2, of equal shape in both
  models. The hidden layers of the MLPs have 1200 and 800 units; what is
  compared there are the first 800, so that no library needs a projector. A
  projector is further work, and no part of this benchmark.
* The process keeps the memory that it frees (`measure.keep_memory`).
* The optimizer is plain momentum: a costlier one, such as Adam, would add the
  same to all and bring the ratios closer to 1.
"""

import argparse
import json
import os
import pathlib
import platform
import sys

from benchmarks import measure
from benchmarks import step_ratios


def run(names, rounds, optimizer):
    """Measures pairs and prints their tables; returns all that was found."""
    import keras

    from benchmarks import contestants
    from benchmarks import on_backend

    here, backend = on_backend.here(), keras.backend.backend()
    result = {
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "device": here.device(),
        "keras": keras.__version__,
        backend: sys.modules[backend].__version__,
        "optimizer": optimizer,
        "pairs": {},
    }
    for name in names:
        pair = contestants.PAIRS[name]
        print(pair.title, flush=True)
        steps = contestants.make_steps(pair, optimizer)
        seconds = measure.interleave(
            steps, rounds, pair.steps, here.synchronize
        )
        found = step_ratios.compare(seconds)
        print(step_ratios.table(seconds, found), flush=True)
        if pair.has_target:
            has_floor = backend in pair.floor_on
            lines = step_ratios.verdicts(found, backend, has_floor)
            print(*lines, sep="\n", flush=True)
        print()
        result["pairs"][name] = {
            "title": pair.title,
            "seconds_a_step": seconds,
            "ratios": found,
        }
    return result


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what a training step of distillation costs."
    )
    parser.add_argument(
        "--backend",
        choices=step_ratios.LEAST,
        default=os.environ.get("KERAS_BACKEND", "tensorflow"),
        help="Keras's backend; by default that of KERAS_BACKEND, or tensorflow",
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        help="pairs of models to measure, of mlp, conv and conv4; by default "
        "all",
    )
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument(
        "--optimizer", choices=("momentum", "adam"), default="momentum"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, help="JSON file for all measurements"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1. Received: {options.rounds}")
    measure.choose_backend(options.backend)
    from benchmarks import contestants

    unknown = set(options.pairs or ()) - set(contestants.PAIRS)
    if unknown:
        parser.error(f"--pairs must be pairs. Received: {sorted(unknown)}")
    if options.backend == "tensorflow":
        import tensorflow as tf

        # It takes the one trace of each contestant for retracing.
        tf.get_logger().setLevel("ERROR")
    pairs = options.pairs or list(contestants.PAIRS)
    result = run(pairs, options.rounds, options.optimizer)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    measure.keep_memory()
    main()
