"""Parts of `synthetic`."""
