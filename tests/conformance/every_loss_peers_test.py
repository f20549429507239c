"""Every loss that a MutualDistiller takes teaches each of three peers."""

import math

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support
from tests.conformance import loss_rows

# A peer has no gradient of its input to give.
ROWS = [
    row
    for row in loss_rows.ROWS
    if row.call
    in (loss_rows.two_tensors, loss_rows.with_labels, loss_rows.with_numbers)
]


def peer(row, seed):
    """A net with a layer of the shape that the row compares."""
    keras.utils.set_random_seed(seed)
    shape = row.teacher_shape
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(math.prod(shape), name="before"),
            keras.layers.Reshape(shape, name="tap"),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ],
        name=f"net_{seed}",
    )


class EveryLossPeersTest(parameterized.TestCase):
    @parameterized.named_parameters((row.name, row) for row in ROWS)
    def test_every_peer_learns(self, row):
        x, y = support.data()
        distiller = keras_kd.MutualDistiller(
            peers=[peer(row, seed) for seed in range(3)],
            distillation_losses=row.make(
                name="loss_of_row", teacher_tap="tap", student_tap="tap"
            ),
            # The labels move nothing, but give the last layer a gradient.
            student_loss_weight=0.0,
        )
        distiller.compile(
            keras.optimizers.SGD(0.01),
            support.cross_entropy(),
            run_eagerly=True,
        )
        kernels = [p.get_layer("before").kernel for p in distiller.peers]
        before = support.values(kernels)

        logs = distiller.train_on_batch(x, y, return_dict=True)

        for index, after in enumerate(support.values(kernels)):
            self.assertGreater(np.abs(after - before[index]).max(), 0)
            self.assertTrue(np.all(np.isfinite(after)))
            self.assertGreater(logs[f"peer_{index}_loss_of_row"], 0)


support.mark_slow(
    EveryLossPeersTest,
    "test_every_peer",
    but=[
        "learns_attention_transfer",
        "learns_binary_soft_targets",
        "learns_hint",
        "learns_logit_regression",
        "learns_match",
        "learns_probability_regression",
        "learns_soft_targets",
    ],
)


if __name__ == "__main__":
    absltest.main()
