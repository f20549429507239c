import keras
import keras_tuner
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import search
from tests import support
from tests.search.small_pairs import CONV_STUDENT
from tests.search.small_pairs import CONV_TEACHER
from tests.search.small_pairs import STUDENT
from tests.search.small_pairs import TEACHER
from tests.search.small_pairs import hypermodel


def built(made, **values):
    """The Distiller of a trial with some values; others are defaults."""
    hp = keras_tuner.HyperParameters()
    hp.values |= values
    return made.build(hp)


def number(variable):
    return float(keras.ops.convert_to_numpy(variable))


class ProposalTest(parameterized.TestCase):
    def test_the_default_is_what_most_start_from(self):
        distiller = built(hypermodel())

        (loss,) = distiller.distillation_losses
        self.assertEqual(number(loss.temperature), 4.0)
        self.assertAlmostEqual(number(loss.loss_weight), 0.9, 6)
        self.assertAlmostEqual(number(distiller.student_loss_weight), 0.1, 6)
        self.assertIsInstance(distiller.optimizer, keras.optimizers.Adam)
        self.assertAlmostEqual(number(distiller.optimizer.learning_rate), 1e-3)

    def test_values_of_a_trial_are_those_of_its_distiller(self):
        distiller = built(
            hypermodel(),
            **{
                "soft_targets.temperature": 2.5,
                "soft_targets.loss_weight": 0.25,
                "optimizer": "sgd",
                "sgd_learning_rate": 0.2,
            },
        )

        (loss,) = distiller.distillation_losses
        self.assertEqual(number(loss.temperature), 2.5)
        self.assertEqual(number(loss.loss_weight), 0.25)
        self.assertEqual(number(distiller.student_loss_weight), 0.75)
        self.assertIsInstance(distiller.optimizer, keras.optimizers.SGD)
        self.assertTrue(distiller.optimizer.nesterov)
        self.assertAlmostEqual(
            number(distiller.optimizer.learning_rate), 0.2, 6
        )

    @parameterized.parameters(
        ("early", "stage1"), ("middle", "stage2"), ("late", "stage2")
    )
    def test_a_hint_sits_at_its_depth(self, depth, tap):
        distiller = built(
            hypermodel(CONV_TEACHER, CONV_STUDENT),
            **{"features": "hint", "hint.depth": depth},
        )

        _, hint = distiller.distillation_losses
        self.assertIsInstance(hint, keras_kd.losses.Hint)
        self.assertEqual((hint.teacher_tap, hint.student_tap), (tap, tap))

    def test_attention_is_compared_at_all_stages(self):
        distiller = built(
            hypermodel(CONV_TEACHER, CONV_STUDENT),
            **{"features": "attention", "attention_transfer.loss_weight": 7.0},
        )

        attention = distiller.distillation_losses[1:]
        self.assertEqual(
            [a.teacher_tap for a in attention], ["stage1", "stage2"]
        )
        self.assertEqual([number(a.loss_weight) for a in attention], [7.0, 7.0])

    @parameterized.parameters(
        ("similarity", "PairwiseSimilarity", "pairwise_similarity", 3000.0),
        ("distances", "RelationalDistance", "relational_distance", 25.0),
    )
    def test_a_loss_between_examples_has_to_be_asked_for(
        self, features, loss_class, name, weight
    ):
        choice = search.Choice(("none", features))
        made = hypermodel(
            CONV_TEACHER, CONV_STUDENT, knobs={"features": choice}
        )
        _, loss = built(made, features=features).distillation_losses
        self.assertIsInstance(loss, getattr(keras_kd.losses, loss_class))
        self.assertEqual(loss.student_tap, "stage2")
        self.assertEqual(number(loss.loss_weight), weight)

        name = f"{name}.loss_weight"
        self.assertIn(name, made.knobs)
        self.assertNotIn(name, hypermodel(CONV_TEACHER, CONV_STUDENT).knobs)

    def test_models_without_stages_have_no_feature_losses(self):
        knobs = hypermodel().knobs
        self.assertEqual(knobs["features"].values, ("none",))
        self.assertNoCommonElements(knobs, ["hint.depth", "hint.loss_weight"])

    def test_a_hint_between_vectors_has_to_be_asked_for(self):
        made = hypermodel(knobs={"features": "hint"})
        _, hint = built(made).distillation_losses
        self.assertEqual(
            (hint.teacher_tap, hint.student_tap), ("hidden", "hidden")
        )

    def test_knobs_that_do_not_count_are_not_in_the_space(self):
        hp = keras_tuner.HyperParameters()
        hypermodel(knobs={"optimizer": "adam"}).build(hp)
        names = {knob.name for knob in hp.space}
        self.assertIn("learning_rate", names)
        self.assertNotIn("sgd_learning_rate", names)
        self.assertNotIn("optimizer", names)


class OwnLossesTest(absltest.TestCase):
    LOSSES = [
        keras_kd.losses.SoftTargets(3.0, loss_weight=0.5),
        keras_kd.losses.Hint(
            teacher_tap="hidden", student_tap="hidden", name="guide"
        ),
    ]

    def test_their_knobs_start_from_what_they_are(self):
        made = hypermodel(distillation_losses=self.LOSSES)
        self.assertEqual(made.knobs["soft_targets.temperature"].default, 3.0)
        weight = made.knobs["soft_targets.loss_weight"]
        self.assertEqual((weight.low, weight.default), (0.05, 0.5))
        self.assertAlmostEqual(weight.high, 5.0)
        self.assertIn("guide.loss_weight", made.knobs)

    def test_the_weight_of_a_second_part_is_a_knob(self):
        made = hypermodel(
            distillation_losses=keras_kd.losses.DecoupledSoftTargets()
        )
        name = "decoupled_soft_targets.{}_weight".format
        weight = made.knobs[name("non_target")]
        self.assertEqual((weight.low, weight.high), (0.8, 80.0))
        # The first is that of the loss once more.
        self.assertEqual(made.knobs[name("target")], 1.0)

    def test_a_weight_of_zero_is_off_and_stays(self):
        loss = keras_kd.losses.SoftTargets(3.0, loss_weight=0.0)
        made = hypermodel(distillation_losses=loss)
        self.assertEqual(made.knobs["soft_targets.loss_weight"], 0.0)
        (made_loss,) = built(made).distillation_losses
        self.assertEqual(number(made_loss.loss_weight), 0.0)

    def test_trials_get_losses_of_their_own(self):
        made = hypermodel(
            distillation_losses=self.LOSSES, knobs={"student_loss_weight": 0.0}
        )
        first = built(made, **{"guide.loss_weight": 2.0})
        second = built(made)

        self.assertEqual(first.loss_names, ("soft_targets", "guide"))
        self.assertEqual(number(first.distillation_losses[1].loss_weight), 2.0)
        self.assertEqual(number(second.distillation_losses[1].loss_weight), 1.0)
        self.assertEqual(number(first.student_loss_weight), 0.0)
        self.assertIsNot(
            first.distillation_losses[1].projector,
            second.distillation_losses[1].projector,
        )


class StudentTest(absltest.TestCase):
    def test_each_trial_starts_from_the_weights_of_the_model(self):
        before = support.values(STUDENT.weights)
        made = hypermodel()
        first = built(made)
        first.fit(*support.data(), verbose=0)
        second = built(made)

        self.assertEqual(
            support.largest_difference(support.values(STUDENT.weights), before),
            0,
        )
        self.assertEqual(
            support.largest_difference(
                support.values(second.student.weights), before
            ),
            0,
        )
        self.assertGreater(
            support.largest_difference(
                support.values(first.student.weights), before
            ),
            0,
        )

    def test_a_function_searches_the_student_too(self):
        made = hypermodel(
            student=lambda hp: support.dense(hp.Int("width", 2, 6, default=3))
        )
        self.assertEqual(
            built(made, width=5).student.get_layer("hidden").units, 5
        )

    def test_metrics_of_trials_are_apart(self):
        metric = keras.metrics.SparseCategoricalAccuracy()
        made = search.DistillationHyperModel(
            teacher=TEACHER,
            student=STUDENT,
            loss=support.cross_entropy(),
            metrics=[metric],
        )
        built(made).fit(*support.data(), verbose=0)
        self.assertEqual(float(metric.count), 0)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        (dict(student="small"), TypeError, "`student` must.*'small'"),
        (dict(student=lambda hp: None), TypeError, "return a built.*None"),
        (dict(teacher=object()), TypeError, "teacher"),
        (dict(data=support.data()), ValueError, "together.*only `data`"),
        (dict(cache_directory="x"), ValueError, "only `cache_directory`"),
        (dict(knobs={"hint.loss_weight": 1.0}), ValueError, "hint.loss_weight"),
        (
            dict(knobs={"optimizer": "sgd", "learning_rate": 0.1}),
            ValueError,
            "learning_rate. must be left out.*optimizer='sgd'",
        ),
        (dict(knobs={"batch_size": 8}), ValueError, "'batch_size'"),
        (
            dict(knobs={"features": "attention"}),
            ValueError,
            "no layer to compare",
        ),
        (
            dict(knobs={"soft_targets.temperature": 0}),
            ValueError,
            "temperature.*from 0.001",
        ),
        (
            dict(distillation_losses=keras_kd.losses.Hint(teacher_tap="no")),
            ValueError,
            "layer or an output.*teacher_tap='no'",
        ),
    )
    def test_says_what_cannot_be_searched(self, arguments, error, message):
        with self.assertRaisesRegex(error, message):
            hypermodel(**arguments)


if __name__ == "__main__":
    absltest.main()
