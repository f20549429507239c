"""Trains several models that teach each other."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Self

import keras

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import model_specs
from keras_kd._core.arguments import check_name
from keras_kd._training import checks
from keras_kd._training.compiling import UnlabelledWeights
from keras_kd._training.hyperparameters import Hyperparameters
from keras_kd._training.loss_shapes import name_losses
from keras_kd._training.outputs import PeerOutputs
from keras_kd._training.outputs import policy
from keras_kd._training.peers import arguments
from keras_kd._training.peers.compiling import PeerCompiling
from keras_kd._training.peers.logs import PeerLogs
from keras_kd._training.peers.peer_losses import PeerLosses
from keras_kd._training.peers.stale_copies import StaleCopies
from keras_kd._training.peers.step import PeerParts
from keras_kd._training.peers.step import mean
from keras_kd._training.saving import Stateful
from keras_kd._training.saving import serialize
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss


@keras.saving.register_keras_serializable("keras_kd")
class MutualDistiller(
    Stateful,
    Hyperparameters,
    PeerCompiling,
    UnlabelledWeights,
    backend.Trainer,
    keras.Model,
):
    """Trains several models that teach each other, from the first step on.

    No trained teacher is needed: each peer learns from the labels and from the
    current outputs of the others. The loss of one peer is

    ```
    student_loss_weight * loss of compile(loss=...)
        + sum(loss_weight * distillation loss) + the peer's regularisation
    ```

    where its teacher is the average of the other peers' probabilities, at the
    temperature of each loss. It updates that peer alone: no gradient goes
    through a target.

    Deep mutual learning takes the mean of the divergences from each instead,
    whose gradient `q - p` at temperature 1 is the same. Losses that cannot
    average, such as `losses.Hint`, compare with each of the others.

    * `exchange="in_turn"` (deep mutual learning): in each step the peers are
      updated one after the other, and each learns from the outputs of those
      before it after their update.
    * `exchange="together"`: all peers predict first, then all are updated.
    * `exchange_every=n` with n > 1 (codistillation): the peers teach through
      copies of their weights, exchanged every n updates, at the first one too.
      The order of the updates makes no difference then.
    * `target="community"`: a peer's own answer is in the average too.
    * `shards=True`: each peer learns from examples of its own. Peer k gets
      those whose id, divided by the number of peers, leaves k: the same in
      each epoch, however they are shuffled. The data must come from
      `batch.attach_example_ids`. Of a batch, each peer sees its own part only;
      its teachers predict for that part. Validation uses all examples.

    A peer teaches in training mode, with the batch statistics and the dropout
    of its own pass; a copy teaches in inference mode. To let peers train alone
    at first: `callbacks.Anneal("soft_targets.loss_weight", lambda step:
    float(step >= 1000))`.

    Each peer has its own optimizer, copied from the one given to `compile`. A
    callback that sets `optimizer.learning_rate` sets it for all.

    `predict` returns the mean of the peers' logits, which is the normalised
    geometric mean of their probabilities; `distiller.peers[0].predict` is one
    peer's.

    The logs have, for each term and metric, `peer_0_<name>`, `peer_1_<name>`
    and so on, and `<name>`, their mean. Metrics of labels also have
    `ensemble_<name>`, of what `predict` returns. `loss` is the mean of the
    peers' totals.

    Reference: [Zhang et al., 2018](https://arxiv.org/abs/1706.00384),
    section 3; [Anil et al., 2018](https://arxiv.org/abs/1804.03235), section
    2; `target="community"` is from Hinton's talk "Dark knowledge" (2014).

    Args:
        peers: List of at least two built `keras.Model`s, also of different
            architectures, with one output: logits of the same shape.
        distillation_losses: A `keras_kd.losses.DistillationLoss`, or a list.
            Their taps must exist in every peer. Each further peer gets copies,
            with weights of their own and the same hyperparameters.
        student_loss_weight: Float >= 0, the factor on the loss given to
            `compile`. A variable: `callbacks.Anneal` changes it. Defaults to
            `1.0`.
        exchange: `"in_turn"` or `"together"`. Defaults to `"in_turn"`.
        exchange_every: Integer >= 1, updates from one exchange to the next.
            Defaults to `1`, always the weights of the moment.
        target: `"others"` or `"community"`. Defaults to `"others"`.
        shards: Whether each peer has a shard of the examples. Defaults to
            `False`.
        mask_input: See `Distiller`.
        name: Name of the model. Defaults to `"mutual_distiller"`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If there are fewer than two peers, or one occurs twice, is
            not built, gives probabilities or scores other classes; if a tap
            does not exist in every peer; or if an argument is not as above.

    Example:

    >>> def net():
    ...     return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> distiller = keras_kd.MutualDistiller(
    ...     peers=[net(), net()],
    ...     distillation_losses=keras_kd.losses.SoftTargets(1.0),
    ... )
    >>> distiller.compile("adam", keras.losses.SparseCategoricalCrossentropy(
    ...     from_logits=True), metrics=["accuracy"])
    >>> history = distiller.fit(np.ones((8, 4)), np.zeros(8), verbose=0)
    >>> [key for key in history.history if "accuracy" in key]
    ['accuracy', 'ensemble_accuracy', 'peer_0_accuracy', 'peer_1_accuracy']
    """

    def __init__(
        self,
        *,
        peers: Sequence[keras.Model],
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        student_loss_weight: float = 1.0,
        exchange: str = "in_turn",
        exchange_every: int = 1,
        target: str = "others",
        shards: bool = False,
        mask_input: str | None = None,
        name: str = "mutual_distiller",
    ):
        peers = arguments.check_peers(peers)
        losses = checks.check_losses(distillation_losses)
        check_name("name", name)
        arguments.check_exchange(exchange, exchange_every)
        arguments.check_target(target, losses)
        arguments.check_needs(losses)
        arguments.check_shards(shards)
        checks.check_mask_input(mask_input)
        policies = [policy(peer) for peer in peers]
        half = "mixed_float16"
        super().__init__(
            name=name,
            dtype=half if half in policies else policies[0],
            autocast=False,
        )
        self.peers = peers
        self.peer_names = tuple(f"peer_{i}" for i in range(len(peers)))
        self.distillation_losses = losses
        self.exchange = exchange
        self.exchange_every = exchange_every
        self.target = target
        self.shards = shards
        self.mask_input = mask_input
        # Shards differ in size from batch to batch, which XLA cannot compile.
        self.supports_jit = not shards
        self._add_student_loss_weight(student_loss_weight)
        self.loss_names = name_losses(losses)
        outputs = [PeerOutputs(peer, losses) for peer in peers]
        places = range(len(peers))
        named = dict(zip(self.loss_names, losses, strict=True))
        peer_losses = [
            PeerLosses(
                named,
                outputs,
                student,
                [i for i in places if target == "community" or i != student],
                is_first=student == 0,
            )
            for student in places
        ]
        self.peer_losses = [loss for one in peer_losses for loss in one.losses]
        self._parts = PeerParts(
            outputs,
            peer_losses,
            PeerLogs(("student_loss", *self.loss_names), self.peer_names),
            self.student_loss_weight,
            mask_input,
            is_in_turn=exchange == "in_turn",
            has_shards=shards,
        )
        if exchange_every > 1:
            self._parts.stale = StaleCopies(
                peers, self.add_weight, exchange_every
            )
        self.build(model_specs.shapes_of(model_specs.input_spec(peers[0])))

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The optimizer of each peer; `optimizer` is the first."""
        return [self.optimizer, *self._other_optimizers]

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Returns the mean of the peers' logits."""
        x, _ = batch.split(inputs)
        return mean(
            [one.tapped.output(x, training) for one in self._parts.outputs]
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments.

        Current values are weights, in weights files too: of the peers, the
        losses, the optimizers and the stale copies.
        """
        return {
            "peers": [serialize(peer) for peer in self.peers],
            "distillation_losses": [
                serialize(loss) for loss in self.distillation_losses
            ],
            "student_loss_weight": self._initial_student_loss_weight,
            "exchange": self.exchange,
            "exchange_every": self.exchange_every,
            "target": self.target,
            "shards": self.shards,
            "mask_input": self.mask_input,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Makes a MutualDistiller from its config, without the weights."""
        config = dict(config)
        for argument in ("peers", "distillation_losses"):
            config[argument] = [
                keras.saving.deserialize_keras_object(
                    one, custom_objects=custom_objects
                )
                for one in config[argument]
            ]
        return cls(**config)
