"""Outputs of models that are both teacher and student, and of all together."""

from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._training import checks
from keras_kd._training import targets
from keras_kd._training.outputs import ForwardPass
from keras_kd._training.outputs import ModelOutputs
from keras_kd._training.outputs import Outputs
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
        self.gradients = None
        self.ruling_out = taps_of_probabilities("teacher", losses)
        places = {
            (tap, loss.expects_logits): loss
            for loss in losses
            for tap in (loss.teacher_tap, loss.student_tap)
        }
        taps = [None, *(tap for tap, _ in places)]
        self.tapped = tapped_model.TappedModel(model, taps, self.role)
        self.output_names = self.tapped.outputs
        for (tap, expects_logits), loss in places.items():
            if expects_logits:
                checks.check_logits(self.tapped, tap, loss)


class PeerEnsemble(Outputs):
    """Several peers as one teacher, in the form of `ensemble_logits`.

    A loss that takes that form averages their probabilities at its own
    temperature. Losses of hidden layers have no use for it.

    Args:
        outputs: Each peer's `PeerOutputs`.
        taps: What the losses compare.
    """

    def __init__(self, outputs, taps):
        self.outputs = outputs
        self.taps = taps

    def symbolic(self):
        if len(self.outputs) == 1:
            return self.outputs[0].symbolic()
        tensors = [one.symbolic()[1] for one in self.outputs]
        for tap in self.taps:
            first, *others = (one[tap] for one in tensors)
            for one, other in zip(self.outputs[1:], others, strict=True):
                if not shapes_agree(first.shape[1:], other.shape[1:]):
                    raise ValueError(
                        f"The tap {tap!r} must give one shape in all peers, "
                        "since their answers are averaged. Received: "
                        f'{first.shape} from "{self.outputs[0].model.name}", '
                        f'{other.shape} from "{one.model.name}".'
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
            outputs.check_finite({tap: one.tensors[tap] for tap in self.taps})
            for outputs, one in zip(self.outputs, results, strict=True)
        ]
        tensors = {
            tap: _members([one[tap] for one in checked]) for tap in self.taps
        }
        output = _members([one.output for one in results])
        return ForwardPass(output, tensors, results[0].training)

    def check_finite(self, tensors):
        """See `Outputs`; `combine` has validated those of several peers."""
        alone = len(self.outputs) == 1
        return self.outputs[0].check_finite(tensors) if alone else tensors


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


def mean(logits):
    """The mean of the logits of several models, in float32."""
    return sum(ops.cast(one, "float32") for one in logits) / len(logits)


def by_head(shares, heard, students):
    """Targets and logits of each peer, then of the ensemble.

    Args:
        shares: `Examples` of each peer; the same for all, or shards.
        heard: For each peer, the others' outputs for its share: a
            `ForwardPass` by index.
        students: Each peer's own `ForwardPass` on its share.

    Returns:
        Two lists. The ensemble's examples are in the order of the batch, or
        shard after shard.
    """
    found = [share.targets for share in shares]
    logits = [student.output for student in students]
    if not shares[0].is_shard:
        return [*found, found[0]], [*logits, _joint(logits)]
    together = [
        _joint([one.output for one in (others | {index: own}).values()])
        for index, (others, own) in enumerate(zip(heard, students, strict=True))
    ]
    mask = _joined([reduction.read_mask(logits) for logits in together])
    joined = reduction.with_mask(_joined(together), mask)
    return [*found, targets.joined(found)], [*logits, joined]


def _joint(logits):
    """The mean of logits, with the mask that they have in common."""
    masks = [reduction.read_mask(one) for one in logits]
    together = mean(logits)
    mask = reduction.combine_masks(together[..., 0], *masks)
    return reduction.with_mask(together, mask)


def _joined(tensors):
    """The rows of several tensors, or `None` where one is."""
    if any(tensor is None for tensor in tensors):
        return None
    return ops.concatenate(tensors, axis=0)
