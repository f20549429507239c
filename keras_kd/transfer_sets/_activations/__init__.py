"""Parts of `activation_records` and `reconstruct`."""
