"""Parts of a `MutualDistiller`: answers, losses and logs of peers."""
