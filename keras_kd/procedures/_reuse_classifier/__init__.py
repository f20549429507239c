"""Parts of `procedures.reuse_classifier`."""
