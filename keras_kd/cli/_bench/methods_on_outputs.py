"""Methods of one loss on the outputs, by the acronyms of the losses."""

from keras_kd._core.acronyms import ACRONYMS
from keras_kd.cli._bench import method_parts
from keras_kd.cli._bench.method import Method


def _method(acronym, line, arguments=None, **defaults):
    """Name and `Method` of the loss on outputs that an acronym stands for."""
    known = ACRONYMS[acronym]
    make_losses = method_parts.of_class(known.class_name, **(arguments or {}))
    return known.method, Method(line, (known.paper,), make_losses, **defaults)


ON_OUTPUTS = dict(
    (
        _method(
            "LS",
            "soft targets of logits without their mean and scale",
            {"standardize_logits": True},
            temperature=2.0,
            loss_weight=9.0,
            student_loss_weight=0.1,
        ),
        _method(
            "DKD",
            "soft targets of the label's class and of the others, apart",
            temperature=4.0,
        ),
        _method(
            "NKD",
            "the label's class and, normalised to 1, the others",
            temperature=1.0,
        ),
        _method(
            "DIST",
            "correlations of probabilities, over classes and over a batch",
            temperature=4.0,
            loss_weight=2.0,
        ),
        _method(
            "RKL",
            "soft targets with both models in each other's place",
            temperature=1.0,
        ),
        _method("JSD", "both models against a mixture", temperature=1.0),
        _method(
            "SKL",
            "the teacher against a mixture with a tenth of itself",
            temperature=1.0,
        ),
        _method(
            "TAID",
            "targets that move from the student's answers to the teacher's",
            temperature=1.0,
            make_trainer=method_parts.interpolated,
        ),
    )
)
