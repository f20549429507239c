"""The parts of `specialists`: groups, batches, training, inference."""
