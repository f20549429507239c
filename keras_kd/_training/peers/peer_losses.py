"""Losses of one peer against the other peers."""

from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import places
from keras_kd._core import reduction
from keras_kd._training.loss_terms import Comparison
from keras_kd._training.loss_terms import with_masks
from keras_kd._training.outputs import ForwardPass
from keras_kd._training.outputs import Outputs
from keras_kd.losses.copies import copy_of
from keras_kd.losses.shapes import shapes_agree


class PeerLosses:
    """The distillation losses of one peer.

    A loss that takes the members' form compares the peer with the average of
    its teachers' answers. Any other loss compares the peer with each teacher,
    with separate weights, and counts with the mean of its values.

    A plain object: the losses are tracked by the MutualDistiller.

    Args:
        losses: Distillation losses as the user gave them, by name.
        outputs: `PeerOutputs` of each peer.
        student: Index of the peer that learns.
        teachers: Indices of the peers that teach it.
        is_first: Whether to use the given losses themselves, once each, and
            not only copies.

    Raises:
        ValueError: If a loss cannot compare the shapes at its taps.
    """

    def __init__(self, losses, outputs, student, teachers, is_first):
        self.teachers = teachers
        self.originals = losses
        self.losses = []
        averaged, single = {}, [{} for _ in teachers]
        for name, loss in losses.items():
            groups = [averaged] if loss.accepts_members else single
            for group in groups:
                is_original = is_first and group is groups[0]
                group[name] = loss if is_original else copy_of(loss)
                self.losses.append(group[name])
        taps = places.used(averaged.values(), "teacher_tap")
        self._together = PeerEnsemble([outputs[i] for i in teachers], taps)
        self._average = Comparison(averaged, self._together, outputs[student])
        self._each = [
            Comparison(one, outputs[index], outputs[student])
            for index, one in zip(teachers, single, strict=True)
            if one
        ]

    def combined(self, answers):
        """The teachers' answers as those of one teacher.

        Args:
            answers: A `ForwardPass` by the index of the peer.

        Returns:
            A `ForwardPass`, in the members' form if there are several teachers.
        """
        return self._together.combine([answers[i] for i in self.teachers])

    def terms(self, answers, student, examples, replicas):
        """Computes the mean of each loss over the global batch.

        Args:
            answers: Outputs of each teacher, a `ForwardPass` by the index
                of the peer.
            student: The learning peer's `ForwardPass`.
            examples: `Examples` that they are of.
            replicas: Number of replicas that take part.

        Returns:
            Dict as `Comparison.terms` returns it.
        """
        terms = self._average.terms(
            self.combined(answers), student, examples, replicas
        )
        single = [
            comparison.terms(answers[index], student, examples, replicas)
            for index, comparison in zip(
                self.teachers, self._each, strict=False
            )
        ]
        for name in single[0] if single else ():
            terms[name] = sum(one[name] for one in single) / len(single)
        return terms

    def penalties(self):
        """Regularisation of the losses, after they were called."""
        return [value for loss in self.losses for value in loss.losses]


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
            outputs.check_finite(
                *with_masks({tap: one.tensors[tap] for tap in self.taps})
            )
            for outputs, one in zip(self.outputs, results, strict=True)
        ]
        tensors = {
            tap: _members([one[tap][0] for one in checked]) for tap in self.taps
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
