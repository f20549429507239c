"""An ensemble in files."""

import keras
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import teachers
from keras_kd._core.identity import fingerprint
from tests import support

X, _ = support.data()


def members():
    return [
        support.dense(width, name=name)
        for width, name in ((8, "first"), (6, "second"), (5, "third"))
    ]


@support.eager_tests
class SaveTest(parameterized.TestCase):
    @parameterized.parameters("arithmetic", "geometric")
    def test_a_distiller_with_it_saves_and_loads(self, combine):
        first, second, _ = members()
        normalize = keras.layers.Normalization()
        normalize.adapt(X)
        teacher = teachers.EnsembleTeacher(
            [first, second, first], combine, (1, 1, 5), [None, normalize, None]
        )
        distiller = support.distiller(teacher=teacher)
        distiller.compile("adam", metrics=[keras_kd.metrics.TeacherAgreement()])
        distiller.fit(X, verbose=0)
        path = support.folder(self) / "distiller.keras"
        distiller.save(path)
        loaded = keras.models.load_model(path)
        self.assertIs(loaded.teacher.models[0], loaded.teacher.models[2])
        self.assertEqual(fingerprint(loaded.teacher), fingerprint(teacher))
        histories = [
            one.fit(X, shuffle=False, epochs=2, verbose=0).history
            for one in (distiller, loaded)
        ]
        self.assertEqual(*histories)

    def test_members_that_share_a_layer_are_not_saved(self):
        shared = keras.layers.Dense(4, name="shared")
        models = [
            keras.Sequential(
                [keras.Input((4,)), shared, keras.layers.Dense(3)], name=name
            )
            for name in ("one", "two")
        ]
        teacher = teachers.EnsembleTeacher(models)
        with self.assertRaisesRegex(
            ValueError, 'share no weights.*Received: "one" and "two".*shared'
        ):
            teacher.save(support.folder(self) / "teacher.keras")


class FingerprintTest(absltest.TestCase):
    def test_changes_with_what_the_teacher_says(self):
        models = members()
        scale = keras.layers.Rescaling
        different = [
            teachers.EnsembleTeacher(models),
            teachers.EnsembleTeacher(models, "geometric"),
            teachers.EnsembleTeacher(models, weights=(1, 2, 3)),
            teachers.EnsembleTeacher(models[::-1]),
            teachers.EnsembleTeacher(
                models, preprocess=[scale(2.0), None, None]
            ),
            teachers.EnsembleTeacher(
                models, preprocess=[scale(3.0), None, None]
            ),
        ]
        self.assertLen({fingerprint(t) for t in different}, len(different))

    def test_names_do_not_count(self):
        models = members()
        prints = {
            fingerprint(
                teachers.EnsembleTeacher(
                    models,
                    preprocess=[keras.layers.Rescaling(2.0), None, None],
                    name=name,
                )
            )
            for name in ("one", "two")
        }
        self.assertLen(prints, 1)


support.mark_slow(SaveTest, "test_a_distiller_with", but=["0"])


if __name__ == "__main__":
    absltest.main()
