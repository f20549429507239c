"""Uses that one backend or another cannot serve end in one sentence."""

import functools

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.backend import processes

pytestmark = pytest.mark.slow

LABELS = (
    r"`y` must have whole numbers from 0 to 2, since .* Received: {} among "
    r"the labels\. For labels that are to be left out, .* `ignore_class`\."
)
WIDE = (
    r'`{0}` must compute in 32 bits at most, since JAX .* Received: {0}="{1}" '
    r'with float64 in ".*"\. Call `jax\.config\.update\("jax_enable_x64", True'
)
DISTRIBUTION = (
    r"The distribution must be one that the Keras backend knows, since .* "
    r"Received: {}, backend={}\. Leave its scope\. {}"
)
ON_JAX = r"Call `keras\.distribution\.set_distribution\("
ON_TENSORFLOW = r"Use `keras_kd\.distribution\.strategy`\."
ON_TORCH = r"Train on one device\."
STRATEGY = r"must be tensorflow for a strategy, .* Received: backend={}\. {}"
AUGMENTATION = (
    r"must be tensorflow for an `Augmentation`, .* Received: backend={}\. "
    r"Give `augmentation=` a function"
)
NOTHING = "nothing$"

# What differs from backend to backend.
EXPECTED = {
    "tensorflow": {
        "in_distribution": DISTRIBUTION.format(
            "DataParallel", "tensorflow", ON_TENSORFLOW
        ),
    },
    "jax": {
        "labels_in_batches": LABELS.format("others"),
        "labels_on_batch": LABELS.format("others"),
        "teacher": WIDE.format("teacher", "teacher"),
        "student": WIDE.format("student", "student"),
        "half_peers": r"`peers` must not compute in float16 on JAX, since .* "
        r"Received: .* LossScaleOptimizer\. .*bfloat16",
        "loss": WIDE.format("distillation_losses", "soft"),
        "strategy": STRATEGY.format("jax", ON_JAX),
        "layers_in_a_cache": AUGMENTATION.format("jax"),
        "in_strategy": DISTRIBUTION.format("OneDeviceStrategy", "jax", ON_JAX),
    },
    "torch": {
        "labels_in_batches": LABELS.format("others"),
        "labels_on_batch": LABELS.format("others"),
        "steps": r"`steps_per_execution` must be 1 on PyTorch, since .* "
        r"Received: steps_per_execution=2\. Leave it out\.",
        "jit": r'`jit_compile` must be "auto" or False on PyTorch, since .* '
        r"Received: jit_compile=True\. Leave it out\.",
        "strategy": STRATEGY.format("torch", ON_TORCH),
        "layers_in_a_cache": AUGMENTATION.format("torch"),
        "in_strategy": DISTRIBUTION.format(
            "OneDeviceStrategy", "torch", ON_TORCH
        ),
        "in_distribution": DISTRIBUTION.format(
            "DataParallel", "torch", ON_TORCH
        ),
    },
}
SAME = {
    "labels": LABELS.format("7"),
    "labels_by_name": r"Use `keras\.losses\.SparseCategoricalCrossentropy\(",
    "labels_evaluated": LABELS.format("7"),
    "labels_of_validation": LABELS.format("7"),
    "labels_in_batches": LABELS.format("7"),
    "labels_on_batch": LABELS.format("7"),
    "labels_of_peers": LABELS.format("7"),
    "labels_not_ignored": LABELS.format("-1"),
}


# As if a package was not there.
MISSING = """
import sys


class Finder:
    def find_spec(name, path=None, target=None):
        if name == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Finder)
import keras_kd
"""


@functools.cache
def printed(backend):
    """What the program says of each use, by name."""
    text = processes.run_well(backend, "-m", "tests.backend.refused")
    return dict(line.split(": ", 1) for line in text.splitlines())


class RefusedTest(parameterized.TestCase):
    @parameterized.parameters(*processes.BACKENDS)
    def test_refuses_what_it_cannot_serve(self, backend):
        processes.require(self, backend)
        expected = SAME | EXPECTED[backend]
        for name, found in printed(backend).items():
            with self.subTest(name):
                self.assertRegex(found, expected.get(name, NOTHING))


class NotInstalledTest(parameterized.TestCase):
    @parameterized.parameters(*processes.BACKENDS)
    def test_names_the_package_of_the_backend(self, backend):
        process = processes.run(backend, "-c", MISSING, backend)
        self.assertRegex(
            process.stderr,
            r"The Keras backend must be installed, since .* Received: backend="
            rf"{backend}, and no such package\. Install {backend}, or set the "
            "environment variable KERAS_BACKEND",
        )


if __name__ == "__main__":
    absltest.main()
