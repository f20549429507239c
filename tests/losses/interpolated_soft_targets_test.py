import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import reference
from tests import support
from tests.losses import logit_cases
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references import sequences


def state(loss):
    return support.values(
        [loss.interpolation, loss.trend, loss.last_loss, loss.done]
    )


class InterpolatedSoftTargetsTest(parameterized.TestCase):
    @parameterized.parameters(0.0, 0.4, 1.0)
    def test_equals_the_reference(self, part):
        np.testing.assert_allclose(
            losses.InterpolatedSoftTargets(interpolation=part)(
                TEACHER, STUDENT
            ),
            sequences.interpolated_target(TEACHER, STUDENT, part),
            rtol=1e-5,
        )

    @parameterized.parameters((1.0, 0.4), (3.0, 0.75))
    def test_equals_the_formula(self, temperature, part):
        # The target is a constant: that of the student of the one gradient.
        target = (1 - part) * STUDENT + part * TEACHER
        logit_cases.assert_equal(
            lambda: losses.InterpolatedSoftTargets(
                temperature, interpolation=part
            ),
            lambda teacher, student: reference.soft_targets(
                target, student, temperature
            ),
        )

    def test_at_the_end_it_is_soft_targets(self):
        np.testing.assert_allclose(
            losses.InterpolatedSoftTargets(4.0, interpolation=1.0)(
                TEACHER, STUDENT
            ),
            reference.soft_targets(TEACHER, STUDENT, 4.0),
            rtol=1e-5,
        )

    @parameterized.parameters((0.0, 0.4), (1.0, 0.4), (1.0, 0.0))
    def test_a_class_that_the_teacher_rules_out(self, part, student):
        # At 0 the target is the student, not nan of 0 times -inf.
        teacher = np.array([[-np.inf, 0.0, 0.0]])
        logits = np.array([[student, 0.0, 0.0]])
        actual = losses.InterpolatedSoftTargets(interpolation=part)(
            teacher, logits
        )
        # p = (0, 1/2, 1/2): log of 1 / (2 q) = (e^student + 2) / 2.
        expected = part * np.log((np.exp(student) + 2) / 2)
        np.testing.assert_allclose(actual, [expected], atol=1e-6)

    @parameterized.parameters((20, 5e-4, 0.99), (1000, 0.5, 0.5))
    def test_goes_on_as_published(self, steps, adaptation, momentum):
        loss = losses.InterpolatedSoftTargets(
            interpolation=0.3,
            steps=steps,
            adaptation=adaptation,
            momentum=momentum,
        )
        found, values = [], []
        for number in range(8):
            # Falls, and rises in between.
            student = STUDENT * (1 - 0.1 * number + 0.4 * (number == 4))
            value = loss(TEACHER, student, training=True)
            values.append(np.mean(value, dtype="float64"))
            found.append(state(loss)[:2])
        now, trend, last, expected = 0.3, 0.0, None, []
        for number, value in enumerate(values):
            now, trend = sequences.next_share(
                *(now, trend, last, value, number / steps),
                start=0.3,
                step_size=adaptation,
                decay=momentum,
            )
            expected.append((now, trend))
            last = value
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

    def test_reaches_the_teacher_and_no_further(self):
        loss = losses.InterpolatedSoftTargets(steps=3)
        found = []
        for _ in range(6):
            loss(TEACHER, STUDENT, training=True)
            found.append(float(state(loss)[0]))
        np.testing.assert_allclose(
            found, [0.4, 0.6, 0.8, 1.0, 1.0, 1.0], rtol=1e-6
        )

    def test_stays_where_it_is_without_training(self):
        loss = losses.InterpolatedSoftTargets(steps=3)
        before = state(loss)
        loss(TEACHER, STUDENT)
        loss(TEACHER, STUDENT, training=False)
        np.testing.assert_array_equal(state(loss), before)

    def test_masked_positions_do_not_count(self):
        loss = losses.InterpolatedSoftTargets()
        mask = np.array([[True, True, False], [True, False, False]])
        teacher, student = (
            np.reshape(x, (2, 3, 5)).astype("float32")
            for x in (TEACHER, STUDENT)
        )
        values = loss(teacher, student, student_mask=mask, training=True)
        expected = np.mean(np.asarray(values)[mask])
        np.testing.assert_allclose(state(loss)[2], expected, rtol=1e-6)

    def test_equal_models_leave_everything_finite(self):
        loss = losses.InterpolatedSoftTargets(steps=5)
        for student in (TEACHER, TEACHER, STUDENT, TEACHER):
            loss(TEACHER, student, training=True)
        self.assertTrue(np.all(np.isfinite(state(loss))))


@support.eager_tests
class InDistillerTest(absltest.TestCase):
    def made(self):
        keras.utils.set_random_seed(0)
        distiller = support.distiller(
            losses.InterpolatedSoftTargets(steps=40, momentum=0.5)
        )
        distiller.compile("sgd", loss=support.cross_entropy())
        return distiller

    def test_training_assigns_and_evaluation_does_not(self):
        distiller = self.made()
        (loss,) = distiller.distillation_losses
        data = support.data(8)
        distiller.fit(*data, batch_size=4, epochs=2, verbose=0)
        after = state(loss)
        # Four steps: 3 of 40 along the line from .4.
        np.testing.assert_allclose(after[0], 0.4 + 0.6 * 3 / 40, rtol=1e-3)
        distiller.evaluate(*data, verbose=0)
        np.testing.assert_array_equal(state(loss), after)

    def test_a_saved_one_goes_on_alike(self):
        distiller = self.made()
        data = support.data(8)
        distiller.fit(*data, batch_size=4, verbose=0)
        path = support.folder(self) / "distiller.keras"
        distiller.save(path)
        loaded = keras.models.load_model(path)
        for one in (distiller, loaded):
            one.fit(*data, batch_size=4, shuffle=False, verbose=0)
        ours, theirs = (
            state(one.distillation_losses[0]) for one in (loaded, distiller)
        )
        np.testing.assert_array_equal(ours, theirs)
        self.assertEqual(ours[3], 4)

    def test_a_schedule_may_set_it_instead(self):
        distiller = support.distiller(
            losses.InterpolatedSoftTargets(adaptation=0.0, name="taid")
        )
        distiller.compile("sgd")
        anneal = keras_kd.callbacks.Anneal(
            "taid.interpolation", lambda epoch: 0.5 + epoch / 4, per="epoch"
        )
        history = distiller.fit(
            support.data(8)[0], epochs=2, callbacks=[anneal], verbose=0
        ).history
        self.assertEqual(history["taid.interpolation"], [0.5, 0.75])


if __name__ == "__main__":
    absltest.main()
