"""Names of types for the signatures of public functions."""

from collections.abc import Sequence
from typing import Any

# What the backend calls a tensor, or an array that it makes one of.
Tensor = Any
# Arrays, structures of them, or a `tf.data.Dataset`.
Data = Any
# One value for all outputs of a model, or a dict or list with one for each, as
# `compile` takes losses and metrics.
PerOutput = Any
# `None` is a length that is not known.
Shape = Sequence[int | None]
# Name of a tap, or several; `None` is the output.
Taps = str | Sequence[str | None] | None
# Names of entries of a dict `x`; `None` is all of `x`.
Entries = str | Sequence[str] | None
