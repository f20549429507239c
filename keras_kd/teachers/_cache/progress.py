"""Size, time and progress of a cache, shown to the user."""

import keras


class Progress:
    """The expected size, then a progress bar of examples.

    Args:
        data: `tf.data.Dataset` of single examples.
        views: Number of views.
        row_bytes: Bytes that are stored for an example.
        directory: Folder of the cache.
    """

    def __init__(self, data, views, row_bytes, directory):
        count = int(data.cardinality())
        self.total = count * views if count >= 0 else None
        self.done = 0
        print(describe_size(self.total, row_bytes, directory))
        self.bar = keras.utils.Progbar(self.total, unit_name="example")

    def __call__(self, count):
        """Adds examples that are done."""
        self.done += count
        self.bar.update(self.done, finalize=self.done == self.total)


def describe_size(total, row_bytes, directory):
    """A sentence on the size of a cache.

    Args:
        total: Number of examples times views, or `None` if it is not known.
        row_bytes: Bytes that are stored for an example.
        directory: Folder of the cache.
    """
    if total is None:
        size = f"{row_bytes} bytes an example, of an unknown number"
    else:
        size = (
            f"about {total * row_bytes / 2**20:,.1f} MiB: {total:,} examples "
            f"of {row_bytes:,} bytes"
        )
    return f"Caching the teacher in {str(directory)!r}, {size}."


def silent(*_):
    """Shows nothing, in place of progress and messages."""
