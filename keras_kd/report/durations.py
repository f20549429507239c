"""Times for people."""

import math


def duration(seconds):
    """A time in seconds, minutes or hours, rounded up but for hours."""
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    if seconds < 100 * 60:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
