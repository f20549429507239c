"""A generalist, specialists for what it confuses, and both together."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import procedures
from keras_kd.procedures._specialists import inference
from tests import reference
from tests import support

CLASSES = 6


def generalist(name="generalist", **head):
    keras.utils.set_random_seed(0)
    model = support.dense(8, classes=CLASSES, name=name, **head)
    # Far from what a fresh model says, which is much the same of all classes.
    model.layers[-1].bias.assign(np.linspace(-1, 1, CLASSES))
    return model


def labelled(count=72, seed=0):
    return support.data(count=count, classes=CLASSES, seed=seed)


def specialists(**kwargs):
    return procedures.specialists(
        **{
            "generalist": generalist(),
            "num_specialists": 1,
            "classes_per_specialist": 2,
            "data": labelled(),
            "batch_size": 24,
            "verbose": 0,
        }
        | kwargs
    )


@support.eager_tests
class SpecialistsTest(parameterized.TestCase):
    def test_an_untrained_specialist_changes_nothing(self):
        # The dustbin of one class is copied as it is. What its logit loses at
        # first, for the batches are half special, is given back at the end.
        x, y = labelled()
        made = specialists(
            classes_per_specialist=CLASSES - 1,
            optimizer=keras.optimizers.SGD(0.0),
        )
        (classes,), (shift,) = made.class_sets, made.dustbin_shifts
        num_special = np.isin(y, classes).sum()
        self.assertAlmostEqual(
            shift, np.log((len(y) - num_special) / num_special)
        )
        self.assertGreater(abs(shift), 1)
        active = made.active(x)[:, 0]
        self.assertTrue(active.any())
        np.testing.assert_allclose(
            made.predict(x)[active],
            reference.softmax(made.generalist.predict(x, verbose=0))[active],
            atol=1e-4,
        )
        loss = made.histories["specialist_0"]["soft_targets"]
        self.assertLess(max(loss), 1e-4)

    def test_both_halves_of_the_validation_data_count_alike(self):
        x, y = labelled(seed=1)
        made = specialists(
            optimizer=keras.optimizers.SGD(0.0),
            loss_weight=0.0,
            student_loss_weight=2.0,
            validation_data=(x, y),
        )
        (classes,) = made.class_sets
        place = np.array([*classes, *set(range(CLASSES)) - set(classes)])
        labels = np.minimum(np.argsort(place)[y], len(classes))
        log_q = reference.log_softmax(made.specialists[0].predict(x, verbose=0))
        error = -np.take_along_axis(log_q, labels[:, np.newaxis], axis=1)[:, 0]
        special = labels < len(classes)
        expected = np.mean(error[special]) + np.mean(error[~special])
        history = made.histories["specialist_0"]
        np.testing.assert_allclose(history["val_loss"], [expected], rtol=1e-5)

    def test_stops_without_a_better_validation_loss(self):
        made = specialists(
            optimizer=keras.optimizers.SGD(2.0),
            validation_data=labelled(seed=1),
            patience=1,
            epochs=9,
        )
        losses = made.histories["specialist_0"]["val_loss"]
        self.assertLess(len(losses), 9)
        self.assertEqual(np.argmin(losses), len(losses) - 2)

    @pytest.mark.slow
    def test_learns_what_the_generalist_confuses(self):
        # Classes 0 to 2 differ in a feature that the generalist overlooks.
        random = np.random.default_rng(0)
        y = random.integers(0, CLASSES, 600)
        x = random.normal(scale=0.3, size=(600, 4)).astype("float32")
        x[np.arange(600), np.where(y < 3, 0, y - 2)] += 3
        x[:, 0] += np.where(y < 3, y - 1, 0)
        keras.utils.set_random_seed(0)
        ignorant = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(16, activation="relu"),
                keras.layers.Dense(CLASSES),
            ]
        )
        ignorant.compile("adam", support.cross_entropy())
        confused = np.where(y < 3, random.integers(0, 3, 600), y)
        ignorant.fit(x[:400], confused[:400], epochs=30, verbose=0)

        def accuracy(labels):
            made = specialists(
                generalist=ignorant,
                num_specialists=2,
                classes_per_specialist=3,
                data=(x[:400], labels[:400]),
                loss_weight=0.2,
                epochs=10,
                optimizer=keras.optimizers.Adam(0.02),
            )
            self.assertIn((0, 1, 2), made.class_sets)
            return np.mean(made.predict(x[400:]).argmax(-1) == y[400:])

        p = ignorant.predict(x[400:], verbose=0)
        before = np.mean(p.argmax(-1) == y[400:])
        self.assertGreater(accuracy(y), before + 0.15)
        # The control learns as long, from labels that say nothing of them.
        self.assertLess(accuracy(confused), before + 0.05)

    def test_named_inputs_and_specialists_of_ones_own(self):
        def two_inputs(outputs):
            a = keras.Input((2,), name="a")
            b = keras.Input((2,), name="b")
            both = keras.layers.Concatenate()([a, b])
            return keras.Model(
                {"a": a, "b": b}, keras.layers.Dense(outputs)(both)
            )

        x, y = labelled()
        x = {"a": x[:, :2], "b": x[:, 2:]}
        asked = []

        def build(classes):
            asked.append(classes)
            return two_inputs(len(classes) + 1)

        made = specialists(
            generalist=two_inputs(CLASSES),
            data=(x, y),
            num_specialists=2,
            build_specialist=build,
        )
        self.assertEqual(tuple(asked), made.class_sets)
        self.assertEqual(made.predict(x).shape, (72, CLASSES))

    def test_predict_combines_what_all_say(self):
        x, _ = labelled(seed=1)
        made = procedures.Specialists(
            generalist=generalist(),
            specialists=(support.dense(5), support.dense(6)),
            class_sets=((0, 3), (5, 1)),
            dustbin_shifts=(1.0, -0.5),
            histories={},
        )
        p = reference.softmax(made.generalist.predict(x, verbose=0))
        said = []
        for model, shift in zip(
            made.specialists, made.dustbin_shifts, strict=True
        ):
            logits = model.predict(x, verbose=0)
            said.append(reference.softmax(logits + np.array([0, 0, shift])))
        active = made.active(x, num_top_classes=2)
        self.assertTrue(np.all(active.any(axis=0)))
        self.assertFalse(active.all())
        expected = inference.Opinions(
            p, said, active, made.class_sets
        ).minimiser()
        np.testing.assert_allclose(
            made.predict(x, num_top_classes=2), expected, rtol=1e-4
        )


@support.eager_tests
class RefusalsTest(parameterized.TestCase):
    @parameterized.parameters(0, 1, 2)
    def test_models_of_probabilities_predict_nothing_together(self, place):
        models = [support.dense(5, classes=3) for _ in range(3)]
        models[place] = support.dense(5, classes=3, activation="softmax")
        with self.assertRaisesRegex(
            ValueError, r"`(generalist|specialists\[[01]\])`.*teachers.logits"
        ):
            procedures.Specialists(
                generalist=models[0],
                specialists=tuple(models[1:]),
                class_sets=((0, 1), (1, 2)),
                dustbin_shifts=(0.0, 0.0),
                histories={},
            )

    @parameterized.named_parameters(
        ("no_model", {"generalist": 3}, TypeError, "generalist.*=3"),
        ("odd_batch", {"batch_size": 5}, ValueError, "even.*batch_size=5"),
        ("no_batch", {"batch_size": 0}, ValueError, "least 2.*batch_size=0"),
        ("epochs", {"epochs": 0}, ValueError, "at least 1.*epochs=0"),
        ("temperature", {"temperature": 0}, ValueError, "from 0.001.*=0"),
        ("weight", {"loss_weight": -1}, ValueError, "at least 0.*=-1"),
        (
            "nothing_to_learn",
            {"loss_weight": 0, "student_loss_weight": 0},
            ValueError,
            "both be 0",
        ),
        ("none", {"num_specialists": 0}, ValueError, "least 1.*=0"),
        ("many", {"num_specialists": 7}, ValueError, "from 1.*=7 for 6"),
        (
            "all_classes",
            {"classes_per_specialist": 6},
            ValueError,
            "one less.*=6 for 6",
        ),
        (
            "no_rest",
            {"classes_per_specialist": None},
            ValueError,
            "`data` must have.*72 special examples of 72",
        ),
        (
            "build",
            {"build_specialist": lambda classes: support.dense(8, classes=2)},
            ValueError,
            r"one logit for each.*\(None, 2\) for 2 classes",
        ),
    )
    def test_refuses(self, arguments, error, message):
        arguments = {
            key: value() if key == "generalist" and callable(value) else value
            for key, value in arguments.items()
        }
        with self.assertRaisesRegex(error, message):
            specialists(**arguments)

    def test_refuses_a_specialist_that_shares_trainable_weights(self):
        given = generalist()

        def build(classes):
            hidden = given.layers[0].output
            head = keras.layers.Dense(len(classes) + 1)
            return keras.Model(given.inputs, head(hidden))

        with self.assertRaisesRegex(ValueError, "share no trainable weights"):
            specialists(generalist=given, build_specialist=build)

    @parameterized.named_parameters(
        ("one_hot", np.eye(CLASSES, dtype=int), r"shape \(6, 6\).*argmax"),
        ("floats", np.zeros(6), "dtype float64"),
        ("too_high", np.full(6, 6), "from 0 to 5.*labels from 6 to 6"),
        ("negative", np.full(6, -1), "from 0 to 5.*labels from -1 to -1"),
    )
    def test_refuses_labels(self, y, message):
        with self.assertRaisesRegex(ValueError, message):
            specialists(data=(labelled(6)[0], y))


if __name__ == "__main__":
    absltest.main()
