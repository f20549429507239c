"""Writes a cache of answers that a teacher has given elsewhere."""

import os

from keras_kd._core.arguments import check_count
from keras_kd._types import Data
from keras_kd.teachers._cache import arguments
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache.answers import Answers
from keras_kd.teachers._cache.answers import AnswersForward
from keras_kd.teachers.cached import CachedTeacher
from keras_kd.teachers.caching import fill


def cache_answers(
    answers: Data,
    *,
    data: Data,
    directory: str | os.PathLike[str],
    num_classes: int | None = None,
    top_k: int | None = None,
    dtype: str = "float16",
    batch_size: int = 128,
    examples_per_shard: int | None = None,
    verbose: int = 1,
) -> CachedTeacher:
    """Stores answers that one has already, as if a teacher had given them.

    They may come from anywhere: from another framework, a service, or a job
    that saved them. The cache is that of `cache_teacher` with a teacher of
    these answers, in how it is written, resumed, attached and trained with.

    Args:
        answers: Logits of each example of `data`, in its order:

            * an array `(examples, ..., classes)`, which may be mapped from a
              file (`numpy.load(path, mmap_mode="r")`);
            * the highest log-probabilities of an example, which need
              `num_classes`: a dict of two such arrays, `(examples, ..., k)`,
              `"top_log_probabilities"` and `"top_classes"`, in any order. The
              other classes share the rest evenly;
            * batches of either, of any size: a list, or a function without
              arguments that makes a generator of them.

            They are read twice, and never all at once.
        data: The examples; see `cache_teacher`.
        directory: Folder of the cache; made if it does not exist.
        num_classes: Number of classes. Defaults to that of the logits.
        top_k: Integer >= 1, how many of the highest logits to store; see
            `cache_teacher`. `None`, the default, stores all that are given.
        dtype: `"float16"` or `"float32"`, for what is stored. Defaults to
            `"float16"`.
        batch_size: Integer >= 1, examples that are written at once. Defaults to
            `128`.
        examples_per_shard: See `cache_teacher`.
        verbose: See `cache_teacher`.

    Returns:
        A `CachedTeacher`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If there are not as many answers as examples; if they are
            not finite numbers (-inf rules a class out), are probabilities, or
            change their shape; if log-probabilities are above 0 or their
            probabilities sum to more than 1; if classes are out of range, or
            twice in an example; if the folder holds a cache of other answers,
            data or arguments.

    Example:

    >>> import tempfile
    >>> cached = keras_kd.teachers.cache_answers(
    ...     {
    ...         "top_log_probabilities": np.log([[0.7, 0.2], [0.6, 0.3]]),
    ...         "top_classes": np.array([[4, 1], [0, 4]]),
    ...     },
    ...     data=np.ones((2, 8)),
    ...     directory=tempfile.mkdtemp(),
    ...     num_classes=5,
    ...     verbose=0,
    ... )
    >>> cached.num_examples, cached.bytes_per_example
    (2, 16)
    """
    arguments.check_storage(dtype, top_k)
    check_count("batch_size", batch_size, "examples")
    check_count(
        "examples_per_shard", examples_per_shard, "examples", is_optional=True
    )
    examples = elements.dataset(data, "data")
    found = Answers(answers, num_classes)
    found.check_count(examples)
    return fill(
        directory,
        found,
        AnswersForward(found, dtype, top_k),
        examples,
        batch_size=batch_size,
        examples_per_shard=examples_per_shard,
        verbose=verbose,
    )
