"""Outputs of a model that is both teacher and student."""

from keras_kd._core import tapped_model
from keras_kd._training import checks
from keras_kd._training.outputs import ModelOutputs
from keras_kd._training.outputs import taps_of_probabilities


class PeerOutputs(ModelOutputs):
    """Peer with all tensors that the losses compare, in either role.

    Args:
        model: A built `keras.Model`.
        losses: Distillation losses.
    """

    def __init__(self, model, losses):
        self.model = model
        self.role = "peer"
        self.inputs = None
        self.gradients = None
        self.ruling_out = taps_of_probabilities("teacher", losses)
        places = {
            (tap, loss.expects_logits): loss
            for loss in losses
            for tap in (loss.teacher_tap, loss.student_tap)
        }
        taps = [None, *(tap for tap, _ in places)]
        self.tapped = tapped_model.TappedModel(
            model, taps, self.role, "teacher_tap` or `student_tap"
        )
        self.output_names = self.tapped.outputs
        for (tap, expects_logits), loss in places.items():
            if expects_logits:
                checks.check_logits(self.tapped, tap, loss)
