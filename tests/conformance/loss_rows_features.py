"""Rows of the losses that compare features, or examples with each other."""

FEATURE_ROWS = ()
