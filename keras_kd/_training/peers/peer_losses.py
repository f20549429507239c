"""Losses of one peer against the other peers."""

from keras_kd._training.loss_terms import Comparison
from keras_kd._training.peers.outputs import PeerEnsemble
from keras_kd.losses.copies import copy_of


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
            places = [averaged] if loss.accepts_members else single
            for place in places:
                is_original = is_first and place is places[0]
                place[name] = loss if is_original else copy_of(loss)
                self.losses.append(place[name])
        taps = {loss.teacher_tap for loss in averaged.values()}
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

    def terms(self, answers, student, examples):
        """Computes the mean of each loss over the global batch.

        Args:
            answers: Outputs of each teacher, a `ForwardPass` by the index
                of the peer.
            student: The learning peer's `ForwardPass`.
            examples: `Examples` that they are of.

        Returns:
            Dict as `Comparison.terms` returns it.
        """
        terms = self._average.terms(self.combined(answers), student, examples)
        single = [
            comparison.terms(answers[index], student, examples)
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
