"""Boxes of texts in a picture, to see whether one covers another."""

import itertools


def of(texts):
    """Texts that are seen, and their boxes in pixels, of a drawn figure."""
    return [
        (text.get_text(), text.get_window_extent())
        for text in texts
        if text.get_visible() and text.get_text()
    ]


def of_ticks(axis):
    """The numbers or names at an axis, and their boxes, of a drawn figure."""
    low, high = sorted(axis.get_view_interval())
    return of(
        tick.label1
        for tick in axis.get_major_ticks()
        if low <= tick.get_loc() <= high
    )


def overlapping(boxes):
    """Pairs of texts that lie upon each other."""
    return [
        (first, second)
        for (first, box), (second, other) in itertools.combinations(boxes, 2)
        if box.overlaps(other)
    ]
