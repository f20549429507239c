"""Outputs of models that are both teacher and student."""

from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._core.input_gradients import InputGradients
from keras_kd._training import checks
from keras_kd._training.outputs import ForwardPass
from keras_kd._training.outputs import ModelOutputs
from keras_kd._training.outputs import taps_of_probabilities
from keras_kd.losses.shapes import shapes_agree


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
        self.ruling_out = taps_of_probabilities("teacher", losses)
        places = {
            (tap, loss.expects_logits): loss
            for loss in losses
            for tap in (loss.teacher_tap, loss.student_tap)
        }
        taps = [None, *(tap for tap, _ in places)]
        self.tapped = tapped_model.TappedModel(model, taps, self.role)
        self.gradients = InputGradients(self.tapped, {})
        for (tap, expects_logits), loss in places.items():
            if expects_logits:
                checks.check_logits(self.tapped, tap, loss)

    def entries(self, x):
        """Returns all of the input, since every peer takes all of it."""
        return x


class PeerEnsemble:
    """Several peers as one teacher, in the form of `ensemble_logits`.

    A loss that takes that form averages their probabilities at its own
    temperature. Losses of hidden layers have no use for it.

    Args:
        sides: Each peer's `PeerOutputs`.
        taps: What the losses compare.
    """

    def __init__(self, sides, taps):
        self.sides = sides
        self.taps = taps
        self.tapped = self  # A `Comparison` asks it for `symbolic`.
        self.gradients = sides[0].gradients

    def symbolic(self):
        """Shapes, as `TappedModel.symbolic` shows those of one model."""
        if len(self.sides) == 1:
            return self.sides[0].tapped.symbolic()
        tensors = [side.tapped.symbolic()[1] for side in self.sides]
        for tap in self.taps:
            first, *others = (one[tap] for one in tensors)
            for side, other in zip(self.sides[1:], others, strict=True):
                if not shapes_agree(first.shape[1:], other.shape[1:]):
                    raise ValueError(
                        f"The tap {tap!r} must give one shape in all peers, "
                        "since their answers are averaged. Received: "
                        f'{first.shape} from "{self.sides[0].model.name}", '
                        f'{other.shape} from "{side.model.name}".'
                    )
        return None, {
            tap: _members([one[tap] for one in tensors]) for tap in self.taps
        }

    def combine(self, results):
        """Combines the answers of several peers into one teacher's.

        Args:
            results: A `ForwardPass` of each peer.

        Returns:
            A `ForwardPass`. Of one peer alone it is that peer's.
        """
        if len(results) == 1:
            return results[0]
        checked = [
            side.check_finite({tap: one.tensors[tap] for tap in self.taps})
            for side, one in zip(self.sides, results, strict=True)
        ]
        tensors = {
            tap: _members([one[tap] for one in checked]) for tap in self.taps
        }
        output = _members([one.output for one in results])
        return ForwardPass(output, tensors, results[0].training)

    def check_finite(self, tensors):
        """Returns the tensors; `combine` has validated those of several."""
        alone = len(self.sides) == 1
        return self.sides[0].check_finite(tensors) if alone else tensors


def _members(tensors):
    """The members' form, with equal weights and without gradient."""
    # A peer's own answer may be among them.
    members = ensemble_logits.stack_members(tensors, "float32")
    logits = reduction.with_mask(
        ops.stop_gradient(members), reduction.read_mask(members)
    )
    like_weights = logits
    while len(like_weights.shape) > 2:
        like_weights = like_weights[..., 0]
    return {
        ensemble_logits.MEMBER_LOGITS: logits,
        ensemble_logits.MEMBER_LOG_WEIGHTS: ops.zeros_like(like_weights),
    }
