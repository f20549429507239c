"""Saves and loads a MutualDistiller."""

import keras

from keras_kd._training.saving import Stateful
from keras_kd._training.saving import serialize


class PeerPersistence(Stateful):
    """Saves and restores a MutualDistiller.

    All of it is in weights files too: the peers, the losses, the optimizers
    and the stale copies.
    """

    def get_config(self):
        """Returns the constructor's arguments; current values are weights."""
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
    def from_config(cls, config, custom_objects=None):
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
