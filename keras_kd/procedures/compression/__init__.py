"""Parts of `compress`."""
