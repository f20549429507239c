"""Parts of a `MutualDistiller`: the step, losses and logs of peers."""
