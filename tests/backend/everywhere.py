"""The tests that hold on every backend, by file."""

# What is no part of a training step: a slow test runs these elsewhere too.
SURROUNDINGS = (
    "tests/backend/compiled_test.py",
    "tests/callbacks/diagnostics_test.py",
    "tests/cli/_bench/cache_job_test.py",
    "tests/conformance/every_procedure_test.py",
    "tests/goldens/goldens_test.py",
    "tests/heads_test.py",
)
# `scripts/test --backend=jax` runs these, but for tests with the decorator
# `support.on_tensorflow`.
FILES = (
    *SURROUNDINGS,
    "tests/_core/resizing_test.py",
    "tests/_runs/fit_arguments_test.py",
    "tests/_runs/seeded_batches_test.py",
    "tests/_runs/stages_test.py",
    "tests/_training/resized_losses_test.py",
    "tests/backend/cond_test.py",
    "tests/backend/put_test.py",
    "tests/losses/chunked_soft_targets_test.py",
    "tests/losses/divergence_in_chunks_test.py",
    "tests/export/any_backend_test.py",
    "tests/losses/divergence_of_logits_test.py",
    "tests/losses/divergence_of_top_logits_test.py",
    "tests/metrics/teacher_mean_iou_test.py",
    "tests/report/robustness/fast_gradient_sign_test.py",
    "tests/report/robustness/gradient_size_test.py",
    "tests/search/hyper_model_test.py",
    "tests/search/hyper_model_training_test.py",
    "tests/search/project_test.py",
    "tests/search/tap_pairs_test.py",
    "tests/search/tuners_test.py",
    "tests/transfer_sets/activation_records_test.py",
)
