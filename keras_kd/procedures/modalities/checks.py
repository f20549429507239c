"""Refuses arguments that `supervision_transfer` cannot use."""

from keras_kd.arguments import check_count


def check_pairs(pairs, names):
    """Refuses pairs with labels, or without one of the modalities.

    Args:
        pairs: A dict of arrays or a data set of such.
        names: The keys that it must have.
    """
    spec = getattr(pairs, "element_spec", pairs)
    if isinstance(spec, tuple) and len(spec) == 1:
        (spec,) = spec
    if not isinstance(spec, dict) or not set(names) <= set(spec):
        given = (
            f"the keys {sorted(spec)}"
            if isinstance(spec, dict)
            else type(spec).__name__
        )
        raise ValueError(
            "`pairs` must be dicts of both modalities, without labels, since "
            "the transfer uses none. Received: "
            f"{given}, for the keys {list(names)}. Name them in "
            "`teacher_inputs` and `student_inputs`."
        )


def check_epochs(epochs, fine_tuning_epochs, labelled):
    """Refuses numbers of epochs that do not fit what is there."""
    check_count("epochs", epochs, "epochs of a stage")
    check_count(
        "fine_tuning_epochs", fine_tuning_epochs, "epochs of a stage", 0
    )
    if (labelled is None) != (fine_tuning_epochs == 0):
        raise ValueError(
            "`labelled` and `fine_tuning_epochs` must be given together, since "
            "fine-tuning is what labels are for. Received: fine_tuning_epochs="
            f"{fine_tuning_epochs}, labelled="
            f"{'None' if labelled is None else type(labelled).__name__}."
        )


def known_shape(upper, tap):
    """Shape of the features that are matched, without the batch."""
    shape = tuple(upper.inputs[0].shape)[1:]
    if None in shape:
        raise ValueError(
            "`teacher_tap` must give tensors of known size, since the loss is "
            f"a sum over them. Received: teacher_tap={tap!r}, of shape "
            f"{shape}. Give the teacher an `Input` that fixes it."
        )
    return shape
