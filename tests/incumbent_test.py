"""Faults of `keras.distillation` in Keras 3.15, none of which may be ours."""

import pathlib

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests import support
from tests.replicas import two_replicas
from tests.support import cross_entropy
from tests.support import evaluated

ROOT = pathlib.Path(__file__).parent
# The fault, and the test that we lack it.
FAULTS = {
    "the default loss is no divergence": (
        "losses/soft_targets_test.py",
        "test_equals_the_reference",
    ),
    "no factor T^2": (
        "losses/soft_targets_test.py",
        "test_gradient_is_temperature_times_the_probability_gap",
    ),
    "no factor T^2 for labels": (
        "losses/binary_soft_targets_test.py",
        "test_gradient_is_temperature_times_the_probability_gap",
    ),
    "clipped probabilities": (
        "losses/soft_targets_test.py",
        "test_gradient_is_temperature_times_the_probability_gap",
    ),
    "temperature and weights baked into the graph": (
        "conformance/every_loss_test.py",
        "test_hyperparameters_act_without_retracing",
    ),
    "two student passes": (
        "backend/tensorflow_test.py",
        "test_a_step_runs_each_model_once",
    ),
    "training mode in evaluate": (
        "backend/tensorflow_test.py",
        "test_evaluate_changes_no_variable",
    ),
    "no sample weights": (
        "distiller_test.py",
        "test_total_is_the_weighted_sum_of_the_formulas",
    ),
    "regularisation dropped": (
        "distiller_test.py",
        "test_regularisation_of_the_student_is_in_the_loss",
    ),
    "wrong on replicas": (
        "incumbent_test.py",
        "test_any_loss_of_labels_is_right_on_two_replicas",
    ),
    "losses without weights": (
        "backend/tensorflow_test.py",
        "test_the_weights_of_a_projector_are_trained",
    ),
    "unequal feature sizes": (
        "losses/hint_test.py",
        "test_trains_its_projector_with_the_student",
    ),
    "taps of top-level layers only": (
        "structures_test.py",
        "test_nested_and_subclassed_models_are_distilled",
    ),
    "a tap ignored": (
        "_training/checks_test.py",
        "test_shapes_that_no_projector_meets",
    ),
    "equal outputs demanded": (
        "incumbent_test.py",
        "test_outputs_may_differ_when_features_are_compared",
    ),
    "the weight of a single loss dropped": (
        "incumbent_test.py",
        "test_the_weight_of_a_single_loss_counts",
    ),
    "no labels in a loss": ("structures_test.py", "test_labels_are_served"),
    "no masks": ("inputs_test.py", "test_padded_steps_do_not_count"),
    "a loss demanded": ("inputs_test.py", "test_no_loss_is_needed"),
    "arguments of compile dropped": (
        "incumbent_test.py",
        "test_compile_drops_no_argument",
    ),
    "a loaded model is not compiled": (
        "_training/saving_test.py",
        "test_a_loaded_distiller_goes_on_to_equal_weights",
    ),
    "the teacher in every checkpoint": (
        "_training/saving_test.py",
        "test_checkpoints_of_weights_hold_no_teacher",
    ),
    "the teacher changed": (
        "backend/tensorflow_test.py",
        "test_the_teacher_is_bit_identical_after_fit",
    ),
    "names in the logs": ("distiller_test.py", "test_history_has_every_term"),
    "probabilities accepted": (
        "output_checks_test.py",
        "test_probabilities_where_logits_are_needed",
    ),
    "weights that must add up to 1": (
        "distiller_test.py",
        "test_total_is_the_weighted_sum_of_the_formulas",
    ),
}


class TableTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (fault.replace(" ", "_"), *where) for fault, where in FAULTS.items()
    )
    def test_is_tested(self, path, name):
        self.assertIn(f"def {name}(", (ROOT / path).read_text())


class IncumbentTest(parameterized.TestCase):
    """Faults that no other test is about."""

    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()

    # Neither a string nor a function knows the number of replicas.
    @parameterized.parameters("mse", keras.losses.mean_squared_error)
    @pytest.mark.slow
    def test_any_loss_of_labels_is_right_on_two_replicas(self, loss):
        labels = keras.utils.to_categorical(self.y, 3)

        def trained():
            keras.utils.set_random_seed(0)
            distiller = support.distiller()
            distiller.compile(
                keras.optimizers.SGD(0.1), loss=loss, run_eagerly=True
            )
            history = distiller.fit(
                self.x, labels, 9, epochs=2, shuffle=False, verbose=0
            ).history
            return support.values(distiller.weights), history

        one, logs = trained()
        with two_replicas().scope():
            two, logs_of_two = trained()
        self.assertLess(support.largest_difference(one, two), 1e-6)
        for key, value in logs.items():
            np.testing.assert_allclose(logs_of_two[key], value, 1e-5)

    @support.eagerly()
    def test_outputs_may_differ_when_features_are_compared(self):
        distiller = support.distiller(
            losses.Hint(teacher_tap="hidden", student_tap="hidden"),
            student=keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.Dense(5, name="hidden", dtype="mixed_float16"),
                    keras.layers.Dense(7, dtype="mixed_float16"),
                ]
            ),
        )
        distiller.compile("sgd", loss=cross_entropy())
        distiller.fit(self.x, self.y, verbose=0)

    def test_the_weight_of_a_single_loss_counts(self):
        distiller = support.distiller(losses.SoftTargets(loss_weight=7.0))
        distiller.compile("sgd")
        logs = evaluated(distiller, self.x)
        np.testing.assert_allclose(logs["loss"], 7 * logs["soft_targets"], 1e-6)

    def test_compile_drops_no_argument(self):
        distiller = support.distiller(
            losses.SoftTargets(teacher_tap="a", student_tap="a"),
            teacher=support.two_headed(6, "teacher"),
            student=support.two_headed(4, "student"),
        )
        distiller.compile(
            "sgd",
            loss={name: cross_entropy() for name in "ab"},
            loss_weights={"a": 2.0, "b": 5.0},
            metrics={"a": ["accuracy"]},
        )
        logs = evaluated(distiller, self.x, {"a": self.y, "b": self.y})
        np.testing.assert_allclose(
            logs["student_loss"], 2 * logs["a_loss"] + 5 * logs["b_loss"], 1e-5
        )
        self.assertIn("a_accuracy", logs)


if __name__ == "__main__":
    absltest.main()
