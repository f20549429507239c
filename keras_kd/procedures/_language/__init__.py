"""Parts of `sequence_distillation` and `on_policy_distillation`."""
