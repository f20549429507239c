"""The tests that hold on every backend, by file."""

# What is no part of a training step, and one process runs on each backend.
SURROUNDINGS = (
    "tests/backend/compiled_test.py",
    "tests/callbacks/diagnostics_test.py",
    "tests/conformance/every_procedure_test.py",
)
# `scripts/test --backend=jax` runs these, but for tests with the decorator
# `support.on_tensorflow`.
FILES = (*SURROUNDINGS,)
