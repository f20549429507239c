"""Cost of a training step of distillation on a GPU.

    python -m benchmarks.gpu --output gpu.json

At most five minutes on a machine with one GPU and Keras on JAX or PyTorch;
TensorFlow and a network are not needed. `--small` tries two of the cases on CPU
cores, with models too small to tell anything of a GPU.

Two pairs of models, each in float32 and in mixed_bfloat16: convolutions on
images, and a model of sequences with a large vocabulary, whose logits are most
of the work. For each, steps of `keras_kd` and `keras.distillation` with soft
targets only ("logits") and with one feature ("feature") are compared as
`step_cost` does it, against the floor: a step of the student alone plus one
forward pass of the teacher. On PyTorch in float32, images have a plain loop
without Keras beside them ("by hand").

A clock is read when the device is done with all before. Compilation and the
first steps are over by then. A case that would begin after 200 seconds is left
out, and named.
"""

import argparse
import dataclasses
import importlib.util
import json
import pathlib
import sys
import time

from benchmarks import measure
from benchmarks import step_ratios

BACKENDS = ("jax", "torch", "tensorflow")
# Seconds after which no case begins.
LATEST = 200
# Seconds that a contestant runs in a round, about.
A_ROUND = 0.2
MOST_STEPS = 100
# Half precision rounds what both libraries compute at different places.
TOLERANCES = {"float32": 1e-3, "mixed_bfloat16": 0.05}


def make_cases(is_small):
    """Pairs of models, each with a dtype policy, by the name of the case."""
    from benchmarks import contestants

    images = dataclasses.replace(contestants.PAIRS["conv"], batch=512)
    tokens, steps, widths = 32000, 128, (512, 256)
    if is_small:
        images = dataclasses.replace(
            images,
            teacher=lambda: contestants.convolutional(3, size=8),
            student=lambda: contestants.convolutional(3, size=8),
            batch=4,
        )
        tokens, steps, widths = 50, 8, (8, 4)
    sequences = contestants.Pair(
        title=f"{tokens} tokens",
        teacher=lambda: contestants.tagger(widths[0], tokens, steps),
        student=lambda: contestants.tagger(widths[1], tokens, steps),
        batch=4 if is_small else 16,
        feature="hidden",
        steps=0,
        has_twin=False,
    )
    found = {
        f"{name}, {policy}": (pair, policy)
        for name, pair in (("images", images), ("large vocabulary", sequences))
        for policy in TOLERANCES
    }
    # For a try, each pair and each policy once.
    return dict(list(found.items())[:: 3 if is_small else 1])


def count_steps(steps, synchronize):
    """Number of steps of the student that last its part of a round."""
    step = steps["student"]
    synchronize(step())
    start = time.perf_counter()
    for _ in range(3):
        result = step()
    synchronize(result)
    seconds = (time.perf_counter() - start) / 3
    return max(1, min(MOST_STEPS, int(A_ROUND / seconds)))


def run(is_small, rounds):
    """Measures all cases and prints their tables; returns what was found."""
    import keras

    from benchmarks import contestants
    from benchmarks import on_backend

    here, backend = on_backend.here(), keras.backend.backend()
    start = time.monotonic()
    result = {
        "device": here.device(),
        "keras": keras.__version__,
        backend: sys.modules[backend].__version__,
        "cases": {},
        "left_out": [],
    }
    print(f"{backend} on {result['device']}\n", flush=True)
    for name, (pair, policy) in make_cases(is_small).items():
        if time.monotonic() - start > LATEST:
            result["left_out"].append(name)
            continue
        keras.config.set_dtype_policy(policy)
        print(f"{name}, batch {pair.batch}", flush=True)
        steps = contestants.make_steps(pair, "momentum", TOLERANCES[policy])
        count = 1 if is_small else count_steps(steps, here.synchronize)
        seconds = measure.interleave(steps, rounds, count, here.synchronize)
        found = step_ratios.compare(seconds)
        print(step_ratios.table(seconds, found) + "\n", flush=True)
        result["cases"][name] = {
            "batch": pair.batch,
            "steps_a_round": count,
            "seconds_a_step": seconds,
            "ratios": found,
        }
    keras.config.set_dtype_policy("float32")
    for name in result["left_out"]:
        print(f"Left out, since time is over: {name}")
    return result


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what a step of distillation costs on a GPU."
    )
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="Keras's backend; by default the first of these that is installed",
    )
    parser.add_argument(
        "--small", action="store_true", help="tiny models, for a try on CPUs"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, help="JSON file for all measurements"
    )
    options = parser.parse_args(arguments)
    measure.choose_backend(
        options.backend or next(filter(importlib.util.find_spec, BACKENDS))
    )
    result = run(options.small, rounds=2 if options.small else 9)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
