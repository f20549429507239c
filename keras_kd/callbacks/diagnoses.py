"""Sentences on what is wrong with a distillation."""

import math

import keras

# A gradient so much smaller than the largest is lost in its rounding.
NEGLIGIBLE = 1e-6
# Probability of an error on the teacher by the luck of the batch.
LEVEL = 0.01
# Of a batch with little else than one class nothing can be told.
MOST_FREQUENT = 0.75
PENALTY = "regularisation"


def of_teacher(hits):
    """Sentences on a teacher that is no better than chance.

    Args:
        hits: List of what has the attributes of `measuring.Hits`.
    """
    for one in hits:
        if not is_chance(one):
            continue
        where = "" if one.output is None else f" of the output {one.output!r}"
        yield (
            f"The teacher is no better than chance: it is right on {one.right} "
            f"of the {one.labels} labels{where} in the first batch, and the "
            "same answers in a random order would be on "
            f"{one.by_chance:.1f}. Check that `teacher` has its trained "
            "weights, sees `x` as it was trained (`teacher_inputs`, scale of "
            "the numbers), and counts its classes in the order of the labels."
        )


def is_chance(hits):
    """Whether a teacher is no better than chance, beyond the luck of a batch.

    Args:
        hits: What has the attributes of `measuring.Hits`.
    """
    from scipy import stats  # Few need it.

    if hits.most_frequent > MOST_FREQUENT * hits.labels:
        return False
    chance = hits.by_chance / hits.labels
    # As many or more, by luck alone; and the best teacher that would still have
    # so few right now and then, which must be a poor one.
    luck = stats.binom.sf(hits.right - 1, hits.labels, chance)
    wrong = hits.labels - hits.right
    best = stats.beta.ppf(1 - LEVEL, hits.right + 1, wrong) if wrong else 1.0
    return luck > LEVEL and best < (1 + chance) / 2


def of_gradients(norms, weights, losses):
    """Sentences on terms that give a student no gradient.

    Args:
        norms: See `measuring.Measures`.
        weights: Weights of the terms, by name.
        losses: Distillation losses, by name.
    """
    for name in losses:
        if not weights[name]:
            yield (
                f"The loss `{name}` gives the student no gradient, since its "
                "weight is 0. Raise its `loss_weight`, or leave it out of "
                "`distillation_losses`."
            )
    for index, of_student in enumerate(norms):
        student = "the student" if len(norms) == 1 else f"peer {index}"
        sizes = {n: weights[n] * (norm or 0) for n, norm in of_student.items()}
        largest = max(sizes.values(), default=0.0)
        for name, size in sizes.items():
            # In half precision, a scaled gradient may be infinite.
            is_seen = size > NEGLIGIBLE * largest or not math.isfinite(largest)
            if weights[name] and not is_seen:
                why = _why(of_student, sizes, name, losses.get(name))
                yield f"The loss `{name}` gives {student} no gradient{why}"


def _why(norms, sizes, name, loss):
    """The end of a sentence: why a term has no gradient, and the remedy.

    Args:
        norms: Of this student, norms of the gradients by term.
        sizes: The same times the weights.
        name: Name of the term.
        loss: The `DistillationLoss`, or `None` for that of the labels.
    """
    tap = getattr(loss, "student_tap", None)
    place = "its output" if tap is None else f"student_tap={tap!r}"
    if norms[name] is None:
        return (
            f", since it has no trainable weight before {place}. Set "
            "`trainable` of a layer before it, or take a later `student_tap`."
        )
    largest = max(sizes, key=sizes.get)
    figures = "its norm is 0"
    if sizes[name]:
        share = sizes[name] / sizes[largest]
        figures = f"its norm is {share:.1g} of that of `{largest}`"
    if loss is None:
        remedy = (
            "Look at the scale of the student's output, where the `loss` of "
            "`compile` is flat."
        )
    elif hasattr(loss, "temperature"):
        value = float(keras.ops.convert_to_numpy(loss.temperature))
        remedy = (
            f"Raise its `temperature` from {value:g}, if the probabilities are "
            "0 and 1, or its `loss_weight`."
        )
    else:
        remedy = (
            "Take another `student_tap`, such as the layer before an "
            "activation that is 0, or raise its `loss_weight`."
        )
    return f" on the first batch: {figures} at {place}. {remedy}"


def of_terms(terms, penalty, weights, ratio):
    """Sentences on a term that outweighs the others.

    Args:
        terms: Sizes of the terms, times their weights, by name.
        penalty: Size of the regularisation.
        weights: Weights of the terms, by name.
        ratio: From how many times the others on it is named.

    Returns:
        List of one sentence, or empty.
    """
    terms = terms | {PENALTY: penalty}
    name = max(terms, key=terms.get)
    others = sum(size for other, size in terms.items() if other != name)
    if not 0 < others * ratio <= terms[name]:
        return []
    times = terms[name] / others
    parts = ", ".join(
        f"{n} {_short(size)}" for n, size in terms.items() if size
    )
    if name == PENALTY:
        what = "The student's regularisation"
        remedy = (
            f"Divide the factors of its regularizers by about {_short(times)}"
        )
    else:
        what = f"The term `{name}`"
        argument = "its `loss_weight`"
        if name == "student_loss":
            argument = "`student_loss_weight`"
        even = weights[name] / times
        remedy = f"Lower {argument} from {weights[name]:g} to about {even:.2g}"
    return [
        f"{what} outweighs the others {_short(times)} to 1: weighted, {parts}. "
        f"{remedy}, and they count alike."
    ]


def _short(number):
    """Three digits, and no exponent for what is large."""
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"
