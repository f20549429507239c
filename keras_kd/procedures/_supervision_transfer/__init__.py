"""Parts of `supervision_transfer`."""
