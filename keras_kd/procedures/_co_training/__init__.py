"""Parts of `co_training`: two learners, each with its own view."""
