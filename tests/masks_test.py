"""Keras masks of the teacher, the student, or both."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import reference
from tests import support
from tests.replicas import two_replicas

STEPS, WORDS, CLASSES = 6, 9, 4
IDS = np.random.default_rng(0).integers(1, WORDS, (8, STEPS))
IDS[:, 4:] = 0
IDS[3:, 3] = 0
VALID = IDS != 0


def tagger(has_mask, seed, name="tagger"):
    """Scores each word, and hides padding or not."""
    keras.utils.set_random_seed(seed)
    ids = keras.Input((STEPS,), dtype="int32")
    x = keras.layers.Embedding(WORDS, 5, mask_zero=has_mask)(ids)
    x = keras.layers.Dense(5, name="hidden")(x)
    return keras.Model(ids, keras.layers.Dense(CLASSES)(x), name=name)


def evaluated(teacher, student, data=IDS, losses=None):
    distiller = keras_kd.Distiller(
        teacher=teacher,
        student=student,
        distillation_losses=losses or keras_kd.losses.SoftTargets(2.0),
    )
    distiller.compile("sgd", metrics=[keras_kd.metrics.TeacherAgreement()])
    return distiller.evaluate(data, verbose=0, return_dict=True)


@support.eager_tests(but=("test_on_two_replicas",))
class MasksTest(parameterized.TestCase):
    def check(self, logs, teacher_logits, student_logits):
        values = reference.soft_targets(teacher_logits, student_logits, 2.0)
        np.testing.assert_allclose(
            logs["soft_targets"], values[VALID].mean(), rtol=1e-5
        )
        agree = teacher_logits.argmax(-1) == student_logits.argmax(-1)
        np.testing.assert_allclose(
            logs["teacher_agreement"], agree[VALID].mean(), rtol=1e-5
        )

    @parameterized.parameters((True, False), (False, True), (True, True))
    def test_of_either_model_count(self, teacher_has, student_has):
        nets = tagger(teacher_has, 1), tagger(student_has, 2)
        logs = evaluated(*nets)
        self.check(logs, *(reference.float64(m(IDS)) for m in nets))

    def test_at_a_hidden_layer(self):
        teacher, student = tagger(True, 1), tagger(False, 2)
        loss = keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
        logs = evaluated(teacher, student, losses=loss)
        first, second = (
            reference.float64(
                keras.Model(m.input, m.get_layer("hidden").output)(IDS)
            )
            for m in (teacher, student)
        )
        values = np.square(first - second).mean(-1)
        np.testing.assert_allclose(
            logs["hint"], values[VALID].mean(), rtol=1e-5
        )

    def test_of_an_ensemble_count(self):
        members = [tagger(True, 1), tagger(True, 3)]
        student = tagger(False, 2)
        ensemble = keras_kd.teachers.EnsembleTeacher(
            members, combine="geometric"
        )
        mean = sum(reference.float64(m(IDS)) for m in members) / 2
        logs = evaluated(ensemble, student)
        self.check(logs, mean, reference.float64(student(IDS)))

    def test_of_members_that_are_averaged_count(self):
        members = [tagger(True, 1), tagger(True, 3)]
        student = tagger(False, 2)
        logs = evaluated(keras_kd.teachers.EnsembleTeacher(members), student)
        log_p = np.logaddexp(
            *(reference.log_softmax(m(IDS), 2.0) for m in members)
        ) - np.log(2)
        log_q = reference.log_softmax(student(IDS), 2.0)
        values = 4 * reference.divergence(log_p, log_q)
        np.testing.assert_allclose(
            logs["soft_targets"], values[VALID].mean(), rtol=1e-5
        )

    def test_of_a_noisy_teacher_count_in_training(self):
        # Noise of no size worth mentioning.
        teacher, student = tagger(True, 1), tagger(False, 2)
        noisy = keras_kd.teachers.NoisyTeacher(teacher, 1e-9)
        distiller = keras_kd.Distiller(
            teacher=noisy,
            student=student,
            distillation_losses=keras_kd.losses.SoftTargets(2.0),
        )
        distiller.compile(keras.optimizers.SGD(0.0))
        logs = distiller.fit(IDS, batch_size=8, verbose=0).history
        values = reference.soft_targets(teacher(IDS), student(IDS), 2.0)
        np.testing.assert_allclose(
            logs["soft_targets"], [values[VALID].mean()], rtol=1e-5
        )

    @parameterized.parameters(([],), (["hidden"],))
    def test_are_cached(self, taps):
        teacher, student = tagger(True, 1), tagger(False, 2)
        cached = keras_kd.teachers.cache_teacher(
            teacher,
            IDS,
            support.folder(self),
            taps=taps,
            dtype="float32",
            verbose=0,
        )
        losses = [keras_kd.losses.SoftTargets(2.0)]
        if taps:
            losses.append(
                keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
            )
        live = evaluated(teacher, student, losses=losses)
        again = [type(one).from_config(one.get_config()) for one in losses]
        logs = evaluated(
            cached, student, cached.attach(IDS).batch(8), losses=again
        )
        for key, value in live.items():
            np.testing.assert_allclose(logs[key], value, rtol=1e-6)

    def test_on_two_replicas(self):
        with two_replicas().scope():
            nets = tagger(True, 1), tagger(False, 2)
            logs = evaluated(*nets)
        self.check(logs, *(reference.float64(m(IDS)) for m in nets))

    def test_of_one_of_two_peers_counts_for_both(self):
        peers = [tagger(True, 1, "a"), tagger(False, 2, "b")]
        distiller = keras_kd.MutualDistiller(
            peers=peers, distillation_losses=keras_kd.losses.SoftTargets(2.0)
        )
        distiller.compile("sgd")
        logs = distiller.evaluate(IDS, verbose=0, return_dict=True)
        first, second = (reference.float64(peer(IDS)) for peer in peers)
        for key, values in (
            ("peer_0", reference.soft_targets(second, first, 2.0)),
            ("peer_1", reference.soft_targets(first, second, 2.0)),
        ):
            np.testing.assert_allclose(
                logs[f"{key}_soft_targets"], values[VALID].mean(), rtol=1e-5
            )


support.mark_slow(MasksTest, "test_are_cached", but=["1"])


if __name__ == "__main__":
    absltest.main()
