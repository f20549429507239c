"""Parts of `data_distillation`: tasks, and batches of two kinds."""
