"""Validates peers before training."""

import itertools

import keras

from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core import teacher_protocol
from keras_kd._core.arguments import check_count
from keras_kd._core.model_weights import shared_moving_weights
from keras_kd._core.predictions import logits_of
from keras_kd._training import checks
from keras_kd.losses.shapes import shapes_agree

EXCHANGES = ("in_turn", "together")
TARGETS = ("others", "community")


def check_peers(peers):
    """Returns the peers as a list, after validation.

    Args:
        peers: Should be a list of built models that give logits of one shape.

    Returns:
        A list.
    """
    if not isinstance(peers, list | tuple) or len(peers) < 2:
        raise ValueError(
            "`peers` must be a list of at least two models, since each learns "
            f"from the others. Received: peers={peers!r}. To learn from a "
            "trained teacher, use `keras_kd.Distiller`."
        )
    first = None
    for index, peer in enumerate(peers):
        argument = f"peers[{index}]"
        checks.check_model(peer, argument)
        teacher_protocol.check_stays(peer, argument, "each peer learns itself")
        checks.check_scope(peer, argument, "MutualDistiller")
        checks.check_finite_weights(peer, argument)
        output = _logits(peer, argument)
        first = output.shape if first is None else first
        if not shapes_agree(output.shape[1:], first[1:]):
            raise ValueError(
                "`peers` must score the same classes, since they learn each "
                f"other's answers. Received: logits of shape {first} from "
                f'"{peers[0].name}", {output.shape} from "{peer.name}".'
            )
    check_separate(peers)
    _check_input(peers)
    return list(peers)


def _logits(peer, argument):
    if teacher_protocol.of(peer).is_noisy:
        raise ValueError(
            f"`{argument}` must be a model without noise of its own on the "
            f'logits, since it learns too. Received: "{peer.name}" of type '
            f"{type(peer).__name__}. Pass the model in it."
        )
    output = logits_of(peer, argument)
    if isinstance(output, dict):
        raise ValueError(
            f"`{argument}` must give one tensor of logits. Received: "
            f'"{peer.name}" of type {type(peer).__name__}, which gives the '
            "logits of each member. Pass the members as peers."
        )
    return output


def check_learners(peers):
    """Validates that peers are trainable and share no trained weights."""
    check_separate(peers)
    for index, peer in enumerate(peers):
        checks.check_trainable(peer, f"peers[{index}]")


def check_separate(peers):
    """Validates that no two peers share weights that training changes."""
    for (one, first), (other, second) in itertools.combinations(
        enumerate(peers), 2
    ):
        moving = shared_moving_weights(first, second)
        moving += shared_moving_weights(second, first)
        if moving:
            raise ValueError(
                "`peers` must share no weights that training changes, since "
                f"each is updated by itself. Received: peers[{one}]="
                f'"{first.name}" and peers[{other}]="{second.name}" with '
                f"{moving[0].path}. For peers of one architecture, use "
                "`keras.models.clone_model(peer)`."
            )


def _check_input(peers):
    """Validates that all peers take the same input."""
    spec = model_specs.input_spec(peers[0])
    for index, peer in enumerate(peers):
        try:
            model_specs.symbolic(
                lambda x, peer=peer: tapped_model.run(peer, x, False), spec
            )
        except (TypeError, ValueError) as error:
            shapes = keras.tree.map_structure(lambda x: x.shape, spec)
            raise ValueError(
                "`peers` must take the same input, since a batch goes to all "
                f'of them. Received: "{peers[0].name}" with input of shape '
                f'{shapes}, which peers[{index}]="{peer.name}" does not take.'
            ) from error


def check_exchange(exchange, exchange_every):
    """Validates the order of the exchange and the steps between two."""
    if exchange not in EXCHANGES:
        raise ValueError(
            '`exchange` must be "in_turn" or "together", the order in which '
            f"peers are updated. Received: exchange={exchange!r}."
        )
    check_count(
        "exchange_every",
        exchange_every,
        "updates from one exchange to the next",
    )


def check_target(target, losses):
    """Validates `target`, and that the losses can use it."""
    if target not in TARGETS:
        raise ValueError(
            '`target` must be "others" or "community", those whose answers '
            f"are averaged. Received: target={target!r}."
        )
    for loss in losses:
        if target == "community" and not loss.accepts_members:
            raise ValueError(
                '`target` must be "others" unless every loss averages '
                "answers, such as `SoftTargets`, since a peer does not teach "
                f'its own features. Received: target="community" with '
                f"{type(loss).__name__}."
            )


def check_shards(shards):
    """Validates that `shards` is a bool."""
    if not isinstance(shards, bool):
        raise TypeError(
            "`shards` must be True or False, since there is one shard for "
            f"each peer. Received: shards={shards!r}."
        )


def check_needs(losses):
    """Validates that no loss needs an input gradient or a head of a peer."""
    for loss in losses:
        asked = set(loss.needs) - {"labels", "example_ids"}
        if asked:
            raise ValueError(
                "`distillation_losses` of a MutualDistiller must need no input "
                f"gradient and no head. Received: {type(loss).__name__}, which "
                f"needs the {min(asked)}. Use it in a `keras_kd.Distiller`."
            )
