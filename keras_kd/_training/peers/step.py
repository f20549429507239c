"""The step of models that teach each other."""

import dataclasses

from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import reduction
from keras_kd._training import targets
from keras_kd._training.peers import arguments
from keras_kd._training.peers import peer_batch
from keras_kd._training.peers.logs import by_head
from keras_kd._training.step import Step
from keras_kd._training.step import StepParts


class PeerParts(StepParts):
    """Parts of a MutualDistiller that its steps use. See `StepParts`.

    Attributes:
        outputs: Each peer's `PeerOutputs`.
        peer_losses: Each peer's `PeerLosses`.
        logs: `PeerLogs`.
        is_in_turn: Whether each peer learns from those before it after their
            update.
        has_shards: Whether each peer learns from examples of its own.
        stale: `StaleCopies` that teach, or `None`: the peers themselves.
    """

    def __init__(
        self,
        outputs,
        peer_losses,
        logs,
        student_loss_weight,
        mask_input,
        is_in_turn,
        has_shards,
    ):
        super().__init__(None, logs, student_loss_weight, mask_input)
        self.outputs = tuple(outputs)
        self.peer_losses = tuple(peer_losses)
        self.is_in_turn = is_in_turn
        self.has_shards = has_shards
        self.stale = None

    @property
    def student(self):
        """The first peer's `PeerOutputs`: the others give the same."""
        return self.outputs[0]

    @property
    def students(self):
        """The models that learn."""
        return [one.model for one in self.outputs]

    def check_learners(self):
        """Validates that peers are trainable and share no trained weights."""
        arguments.check_learners(self.students)

    def outside(self, distiller):
        """None that are only read; all optimizers but the first."""
        optimizers = distiller.optimizers[1:]
        return [], [v for one in optimizers for v in one.variables]

    def step(self, distiller, data, training):
        """Begins a `PeerStep`; see there."""
        return PeerStep(distiller, self, data, training)

    def variables(self, index):
        """The variables that the optimizer of one peer updates."""
        layers = [self.outputs[index].model, *self.peer_losses[index].losses]
        return [v for layer in layers for v in layer.trainable_variables]


class PeerStep(Step):
    """One batch on its way through a `MutualDistiller`. See `Step`.

    A peer's answers are the outputs of its training pass; in turn, those of
    another pass after its update. Stale copies answer in passes of their own.

    Args:
        distiller: The compiled `MutualDistiller`.
        parts: Its `PeerParts`.
        data: The batch, as `fit` gives it.
        training: Whether the peers learn from it.
    """

    def __init__(self, distiller, parts, data, training):
        self.distiller = distiller
        self.parts = parts
        self.training = training
        self.count = len(parts.outputs)
        whole = _of_one_output(parts.reader.read(data))
        self._shares = [whole] * self.count
        if training and parts.has_shards:
            self._shares = peer_batch.shards(whole, self.count)
        self._is_live = not training or parts.stale is None
        self._is_in_turn = training and self._is_live and parts.is_in_turn
        if training and parts.stale is not None:
            parts.stale.exchange(distiller.optimizer.iterations)
        self.predictions = {}
        self.terms = []
        # Answers for the whole batch, by peer; and those that each peer gets.
        self._answers = None
        self._answers_to = {}

    # Each peer learns from others.
    teacher_output = None

    def student(self, index):
        return self.parts.outputs[index].model

    def learners(self):
        return [
            (optimizer, self.parts.variables(index))
            for index, optimizer in enumerate(self.distiller.optimizers)
        ]

    def predict(self, index):
        share, outputs = self._shares[index], self.parts.outputs[index]
        return share.counted(outputs.run(share, self.training))

    def prepare(self, index):
        if index == 0:
            self._run_all_teachers()
        if index not in self._answers_to:
            self._answers_to[index] = (
                dict(self._answers)
                if self._answers
                else self._run_teachers(index)
            )

    def _run_all_teachers(self):
        """Collects the answers that the updates of this step do not change."""
        if not self._shares[0].is_shard:
            self._answers = dict(self.predictions)
            if not self._is_live:
                self._answers = {
                    i: self._run_as_teacher(i, i) for i in self._answers
                }
        elif not self._is_in_turn:
            for index in range(self.count):
                self._answers_to[index] = self._run_teachers(index)

    def _run_teachers(self, student):
        """Runs the teachers of a peer on the examples of that peer."""
        return {
            i: self.predictions[i]
            if i == student and self._is_live
            else self._run_as_teacher(i, student)
            for i in self.parts.peer_losses[student].teachers
        }

    def _run_as_teacher(self, index, student):
        """Runs a peer as the teacher of another, and changes nothing."""
        if self._is_live:
            scope = backend.read_only()
        else:
            scope = self.parts.stale.scope(index)
        share = self._shares[student]
        with scope:
            outputs = self.parts.outputs[index]
            result = outputs.run(share, self._is_live, learns=False)
        return share.counted(result)

    def compare(self, index):
        share, student = self._shares[index], self.predictions[index]
        one = self.parts.peer_losses[index]
        return self._total(
            one.originals,
            one.terms(
                self._answers_to[index], student, share, self.parts.replicas
            ),
            share,
            student.output,
            [*student.penalties, *one.penalties()],
            self.parts.logs.of[index],
        )

    def updated(self, index):
        # The last one's answer is not used again.
        is_used = index + 1 < self.count
        if self._is_in_turn and self._answers and is_used:
            self._answers[index] = self._run_as_teacher(index, index)

    def report(self):
        shares, places = self._shares, range(self.count)
        answers = [self._answers_to[index] for index in places]
        students = [self.predictions[index] for index in places]
        for index, share in enumerate(shares):
            self.parts.logs.of[index].update_fed(
                self.parts.peer_losses[index].combined(answers[index]).output,
                students[index].output,
                share.targets,
            )
        if shares[0].targets.labels is None:
            return self.distiller.results_without_labels()
        # Of each peer, then of the ensemble.
        found, joint = _together(shares, answers, students)
        measured = [
            *(
                s.measured(p.output)
                for s, p in zip(shares, students, strict=True)
            ),
            dataclasses.replace(shares[0], targets=found).measured(joint),
        ]
        y = [*(share.targets.labels for share in shares), found.labels]
        y_pred, weights = zip(*measured, strict=True)
        peers = self.parts.logs.peers
        return self.distiller.compute_metrics(
            shares[0].x, *(by_head(peers, v) for v in (y, y_pred, weights))
        )


def _of_one_output(examples):
    """Examples whose labels and weights stand in no dict or list."""
    found = examples.targets
    labels, weights = (
        batch.of_output(one, (), None) for one in (found.labels, found.weights)
    )
    found = dataclasses.replace(found, labels=labels, weights=weights)
    return dataclasses.replace(examples, targets=found)


def mean(logits):
    """The mean of the logits of several models, in float32."""
    return sum(ops.cast(one, "float32") for one in logits) / len(logits)


def _together(shares, answers, students):
    """Targets and logits of the ensemble of the peers.

    Args:
        shares: `Examples` of each peer; the same for all, or shards.
        answers: For each peer, the others' outputs for its share: a
            `ForwardPass` by index.
        students: Each peer's own `ForwardPass` on its share.

    Returns:
        `Targets` and a tensor. The examples are in the order of the batch, or
        shard after shard.
    """
    if not shares[0].is_shard:
        joint = _joint([student.output for student in students])
        return shares[0].targets, joint
    parts = [
        _joint([one.output for one in (others | {index: own}).values()])
        for index, (others, own) in enumerate(
            zip(answers, students, strict=True)
        )
    ]
    mask = _joined([reduction.read_mask(logits) for logits in parts])
    joined = reduction.with_mask(_joined(parts), mask)
    return targets.joined([share.targets for share in shares]), joined


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
