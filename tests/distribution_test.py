"""Strategies from names, and what several workers need to be told."""

import json
import os
from unittest import mock

import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import replicas

WORKERS = {"worker": ["a:1", "b:1"]}


def told(cluster=WORKERS, kind="worker", index=0):
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps(config)}


class StrategyTest(parameterized.TestCase):
    def test_one_device_is_the_default(self):
        strategy = keras_kd.distribution.strategy()

        self.assertEqual(strategy.num_replicas_in_sync, 1)
        self.assertIs(strategy, tf.distribute.get_strategy())

    def test_mirrored_takes_every_device(self):
        self.assertTrue(replicas.HAS_TWO_CPUS)

        strategy = keras_kd.distribution.strategy("mirrored")

        self.assertIsInstance(strategy, tf.distribute.MirroredStrategy)
        gpus = tf.config.list_logical_devices("GPU")
        self.assertEqual(strategy.num_replicas_in_sync, len(gpus) or 2)

    def test_refuses_another_name(self):
        with self.assertRaisesRegex(
            ValueError, "'one_device', 'mirrored', 'multi_worker'.*'mirored'"
        ):
            keras_kd.distribution.strategy("mirored")

    @parameterized.parameters(RuntimeError, ValueError)
    def test_a_gpu_in_use_keeps_its_memory(self, error):
        experimental = tf.config.experimental
        with (
            mock.patch.object(
                tf.config, "list_physical_devices", return_value=["a", "b"]
            ),
            mock.patch.object(
                experimental, "set_memory_growth", side_effect=error
            ) as grow,
        ):
            keras_kd.distribution.strategy()
        self.assertEqual(grow.call_count, 2)

    @parameterized.named_parameters(
        ("none", {"TF_CONFIG": ""}, r"Received: ''; it cannot be read"),
        ("no_json", {"TF_CONFIG": "{"}, r"Received: '\{'; it cannot be read"),
        ("a_list", {"TF_CONFIG": "[]"}, "cannot be read"),
        ("no_task", {"TF_CONFIG": '{"cluster": {}}'}, "KeyError: 'task'"),
        ("no_workers", told({"chief": ["a:1"]}, "chief"), "has no workers"),
        ("server", told(WORKERS | {"ps": ["c:1"]}, "ps"), "of type 'ps'"),
        ("other_task", told(kind="chief"), "of type 'chief'"),
        ("index", told(index=2), "index 2, of 2 of type 'worker'"),
        ("negative", told(index=-1), "index -1, of 2"),
        ("no_list", told({"worker": "a:1"}), "of a type are not a list"),
        ("no_cluster", told("worker"), "cannot be read"),
        ("twice", told({"worker": ["a:1", "a:1"]}), "in it twice"),
    )
    def test_refuses_a_cluster(self, environment, problem):
        with (
            mock.patch.dict(os.environ, environment),
            self.assertRaisesRegex(ValueError, f"TF_CONFIG must.*{problem}"),
        ):
            keras_kd.distribution.strategy("multi_worker")


class IsChiefTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("alone", {"TF_CONFIG": ""}, True),
        ("alone_in_a_service", {"TF_CONFIG": "{}"}, True),
        ("first", told(), True),
        ("second", told(index=1), False),
        ("chief", told(WORKERS | {"chief": ["c:1"]}, "chief"), True),
        ("beside_a_chief", told(WORKERS | {"chief": ["c:1"]}), False),
    )
    def test_one_process_is(self, environment, expected):
        with mock.patch.dict(os.environ, environment):
            self.assertEqual(keras_kd.distribution.is_chief(), expected)


if __name__ == "__main__":
    absltest.main()
